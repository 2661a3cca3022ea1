//! Uploads to registries that are particular about them: in chunks, broken off, too large at once, sent elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use estiva_shared::image::Digest;
use estiva_shared::protocol::RegistryLogin;
use estiva_store::{RegistryError, Store};

use crate::common::{Tar, image_of, import, is_root, new_store};
use crate::machine::{Asked, Machine, Reply};
use crate::world::{login, push_with, settings};

/// A registry that takes uploads, in memory.
#[derive(Default)]
struct Uploads {
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<String, Vec<u8>>,
    /// The one that goes on, by its number.
    open: BTreeMap<usize, Vec<u8>>,
    count: usize,
}

impl Uploads {
    fn answer(&mut self, asked: &Asked) -> Reply {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let last = path.rsplit('/').next().unwrap().to_owned();
        match asked.method.as_str() {
            "HEAD" if self.blobs.contains_key(&last) => Reply::new(200),
            "POST" => {
                self.count += 1;
                self.open.insert(self.count, Vec::new());
                self.state(202, self.count)
            }
            "GET" if path.contains("/uploads/") => self.state(204, last.parse().unwrap()),
            "PATCH" => {
                let number: usize = last.parse().unwrap();
                let have = self.open[&number].len();
                let range = asked.header("content-range").unwrap();
                let wanted = format!("{have}-{}", have + asked.body.len() - 1);
                if range != wanted {
                    return Reply::new(416);
                }
                self.open.get_mut(&number).unwrap().extend(&asked.body);
                self.state(202, number)
            }
            "PUT" if path.contains("/uploads/") => {
                let mut blob = self.open.remove(&last.parse().unwrap()).unwrap();
                blob.extend(&asked.body);
                let digest = Digest::of(&blob).to_string();
                let claimed = query.rsplit("digest=").next().unwrap().replace("%3A", ":");
                if claimed != digest {
                    return Reply::new(400).body(r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#);
                }
                self.blobs.insert(digest, blob);
                Reply::new(201)
            }
            "PUT" => {
                self.manifests.insert(last, asked.body.clone());
                Reply::new(201)
            }
            _ => Reply::new(404),
        }
    }

    fn state(&self, status: u16, number: usize) -> Reply {
        let reply =
            Reply::new(status).header("location", format!("/v2/app/blobs/uploads/{number}"));
        match self.open[&number].len() {
            0 => reply,
            have => reply.header("range", format!("0-{}", have - 1)),
        }
    }
}

/// The registry, with what the test does to some requests before.
fn registry(
    twist: impl Fn(&Asked, &mut Uploads) -> Option<Reply> + Send + Sync + 'static,
) -> (Machine, Arc<Mutex<Uploads>>) {
    let uploads: Arc<Mutex<Uploads>> = Arc::default();
    let answering = Arc::clone(&uploads);
    let machine = Machine::start(move |asked| {
        let mut uploads = answering.lock().unwrap();
        twist(asked, &mut uploads).unwrap_or_else(|| uploads.answer(asked))
    });
    (machine, uploads)
}

/// An image whose layer is 600 kB, compressed too, named for the registry.
fn large(store: &Store, name: &str) {
    let mut state = 7_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(600_000)
    .collect();
    let layer = import(store, Tar::new().file("noise", &noise));
    let image = image_of(store, &[layer.diff_id]);
    store.tag(&name.parse().unwrap(), &image.id).unwrap();
}

fn sizes(machine: &Machine, method: &str) -> Vec<usize> {
    let asked = machine.asked();
    let some = asked.iter().filter(|asked| asked.method == method);
    some.map(|asked| asked.body.len()).collect()
}

fn pushed(machine: &Machine, uploads: &Mutex<Uploads>, login: Option<RegistryLogin>) {
    let (_folder, store) = new_store();
    let name = format!("{}/app:1", machine.host());
    large(&store, &name);
    let pushed = push_with(&store, &settings(), &name, login).well();
    let uploads = uploads.lock().unwrap();
    assert_eq!(Digest::of(&uploads.manifests["1"]), pushed.manifest);
    assert_eq!(uploads.blobs.len(), 2);
    assert!(uploads.blobs.contains_key(&pushed.image.to_string()));
    assert!(
        std::fs::read_dir(store.root().join("ingest"))
            .unwrap()
            .next()
            .is_none()
    );
}

/// Three layers were asked about at once, each was refused for lack of a password, and only the first one to see that showed it:
/// the others took the refusal for an answer.
#[test]
fn layers_that_are_pushed_at_once_are_all_shown_the_password() {
    if !is_root("layers_that_are_pushed_at_once_are_all_shown_the_password") {
        return;
    }
    // None is answered before all three came.
    let together = Arc::new(std::sync::Barrier::new(3));
    let uploads: Arc<Mutex<Uploads>> = Arc::default();
    let machine = Machine::start(move |asked| {
        if asked.path == "/" {
            return Reply::new(404);
        }
        if asked.header("authorization").is_none() {
            together.wait();
            return Reply::new(401).header("www-authenticate", "Basic realm=\"x\"");
        }
        uploads.lock().unwrap().answer(asked)
    });
    let (_folder, store) = new_store();
    let layers: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|name| import(&store, Tar::new().file(name, b"x")).diff_id)
        .collect();
    let image = image_of(&store, &layers);
    let name = format!("{}/app:1", machine.host());
    store.tag(&name.parse().unwrap(), &image.id).unwrap();
    // Waiting for each other takes as long as the host lets it.
    let mut patient = settings();
    patient.times.silence_max = std::time::Duration::from_secs(20);
    patient.times.document = std::time::Duration::from_secs(20);
    push_with(&store, &patient, &name, Some(login("ada", "pw"))).well();
}

#[test]
fn a_blob_goes_in_chunks_where_the_registry_asks_for_them() {
    if !is_root("a_blob_goes_in_chunks_where_the_registry_asks_for_them") {
        return;
    }
    let (machine, uploads) = registry(|asked, uploads| {
        let reply = uploads.answer(asked);
        Some(match asked.method.as_str() {
            "POST" => reply.header("oci-chunk-min-length", "1000"),
            _ => reply,
        })
    });
    pushed(&machine, &uploads, None);
    let chunks = sizes(&machine, "PATCH");
    assert_eq!(
        chunks.iter().filter(|size| **size == 400_000).count(),
        1,
        "{chunks:?}"
    );
    assert_eq!(
        chunks.len(),
        3,
        "two of the layer, one of the config: {chunks:?}"
    );
}

#[test]
fn what_is_too_large_at_once_goes_in_chunks() {
    if !is_root("what_is_too_large_at_once_goes_in_chunks") {
        return;
    }
    let (machine, uploads) = registry(|asked, _| {
        let too_large = asked.method == "PUT" && asked.body.len() > 500_000;
        too_large.then(|| {
            Reply::new(413)
                .header("content-type", "text/html")
                .body("<html>")
        })
    });
    pushed(&machine, &uploads, None);
    assert_eq!(sizes(&machine, "PATCH").len(), 2);
}

#[test]
fn an_upload_that_breaks_off_goes_on_from_what_the_registry_has() {
    if !is_root("an_upload_that_breaks_off_goes_on_from_what_the_registry_has") {
        return;
    }
    let (machine, uploads) = registry(|asked, uploads| {
        let whole = asked.method == "PUT" && asked.body.len() > 100_000;
        whole.then(|| {
            // It took a part, and then it was out of order.
            let number: usize = asked
                .path
                .split('?')
                .next()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            uploads.open.insert(number, asked.body[..250_000].to_vec());
            Reply::new(503)
        })
    });
    pushed(&machine, &uploads, None);
    let chunks = sizes(&machine, "PATCH");
    assert_eq!(chunks.len(), 1);
    assert!(
        (340_000..360_000).contains(&chunks[0]),
        "only the rest: {chunks:?}"
    );
}

#[test]
fn an_upload_is_not_followed_elsewhere_and_a_digest_that_is_not_ours_is_refused() {
    if !is_root("an_upload_is_not_followed_elsewhere_and_a_digest_that_is_not_ours_is_refused") {
        return;
    }
    let (_folder, store) = new_store();
    let go = |machine: &Machine| {
        let name = format!("{}/app:1", machine.host());
        let layer = import(&store, Tar::new().file("a", b"a"));
        let image = image_of(&store, &[layer.diff_id]);
        store.tag(&name.parse().unwrap(), &image.id).unwrap();
        push_with(&store, &settings(), &name, None)
            .result
            .unwrap_err()
    };
    let (machine, _) = registry(|asked, _| {
        (asked.method == "PUT").then(|| Reply::new(307).header("location", "http://127.0.0.2:9/"))
    });
    assert!(matches!(go(&machine), RegistryError::Redirect { .. }));
    let (machine, _) = registry(|asked, _| {
        let manifest = asked.is("PUT", "/manifests/1");
        manifest.then(|| {
            Reply::new(201).header("docker-content-digest", Digest::of(b"another").to_string())
        })
    });
    assert!(matches!(go(&machine), RegistryError::Digest { .. }));
    let (machine, _) = registry(|asked, _| {
        (asked.method == "POST").then(|| Reply::new(202).header("location", "file:///etc/passwd"))
    });
    assert!(matches!(go(&machine), RegistryError::Redirect { .. }));
    let (machine, _) = registry(|asked, _| (asked.method == "POST").then(|| Reply::new(202)));
    let error = go(&machine).to_string();
    assert!(error.contains("an upload's location"), "{error}");
}
