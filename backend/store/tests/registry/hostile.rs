//! Registries whose layers and manifests stall, break off, lie or never end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use estiva_shared::image::Digest;
use estiva_shared::protocol::{LayerState, TransferEvent};
use estiva_store::{Cancel, PullOrder, RegistryError};

use crate::common::{is_root, new_store};
use crate::goods::{Goods, MANIFEST, failed, ranges, twisted};
use crate::machine::{After, Machine, Reply};
use crate::world::{assert_empty, pull, pull_with, settings};

#[test]
fn a_layer_that_is_cut_or_stalls_goes_on_where_it_broke_off() {
    if !is_root("a_layer_that_is_cut_or_stalls_goes_on_where_it_broke_off") {
        return;
    }
    let goods = Goods::new();
    let twisting = goods.clone();
    let machine = twisted(goods.clone(), move |number, asked| {
        let whole = twisting.honest(asked);
        match number {
            0 => Some(whole.then(50_000, After::Cut)),
            1 => Some(whole.then(30_000, After::Stall)),
            _ => None,
        }
    });
    let (_folder, store) = new_store();
    let went = pull(&store, &format!("{}/app:1", machine.host()));
    assert_eq!(went.retries(), 2);
    went.well();
    let ranges = ranges(&machine, &goods);
    let expected = [
        None,
        Some("bytes=50000-".into()),
        Some("bytes=80000-".into()),
    ];
    assert_eq!(ranges, expected);
}

#[test]
fn a_server_without_ranges_or_with_wrong_ones_is_asked_from_the_start() {
    if !is_root("a_server_without_ranges_or_with_wrong_ones_is_asked_from_the_start") {
        return;
    }
    let goods = Goods::new();
    let twisting = goods.clone();
    let machine = twisted(goods.clone(), move |number, _| {
        let whole = Reply::new(200).body(twisting.layer.clone());
        match number {
            0 | 1 => Some(whole.then(50_000 + number, After::Cut)),
            // Not what was asked for.
            2 => Some(twisting.part("bytes=7-")),
            _ => None,
        }
    });
    let (_folder, store) = new_store();
    pull(&store, &format!("{}/app:1", machine.host())).well();
    let expected = [
        None,
        Some("bytes=50000-".into()),
        Some("bytes=50001-".into()),
        None,
    ];
    assert_eq!(ranges(&machine, &goods), expected);
}

#[test]
fn a_layer_that_is_not_what_its_digest_says_is_refused() {
    if !is_root("a_layer_that_is_not_what_its_digest_says_is_refused") {
        return;
    }
    let goods = Goods::new();
    let mut other = goods.layer.clone();
    other[1000] ^= 1;
    let machine = twisted(goods.clone(), move |_, _| {
        Some(Reply::new(200).body(other.clone()))
    });
    let error = failed(&machine);
    assert!(
        matches!(
            error,
            RegistryError::Digest {
                what: "a layer",
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains(&Digest::of(&goods.layer).to_string()),
        "{error}"
    );
    assert_eq!(ranges(&machine, &goods).len(), 1, "asked once");

    // The right blob, and a config that says it is another tar.
    let lying = Goods::of(goods.layer.clone(), Digest::of(b"another"));
    let error = failed(&twisted(lying, |_, _| None));
    assert!(matches!(error, RegistryError::DiffId { .. }), "{error}");

    // What is no gzip.
    let garbage = Goods::of(b"garbage, not gzip".to_vec(), Digest::of(b"x"));
    let error = failed(&twisted(garbage, |_, _| None));
    assert!(matches!(error, RegistryError::Layer { .. }), "{error}");
}

#[test]
fn a_layer_of_another_size_is_refused_before_and_after_its_end() {
    if !is_root("a_layer_of_another_size_is_refused_before_and_after_its_end") {
        return;
    }
    let goods = Goods::new();
    let real = goods.layer.len();
    for claimed in [real - 1, real + 1] {
        let mut lying = goods.clone();
        let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
        lying.list(kind, claimed, Digest::of(&goods.layer));
        let error = failed(&twisted(lying, |_, _| None)).to_string();
        assert!(
            error.contains(&format!("expected {claimed} bytes")),
            "{error}"
        );
        assert!(error.ends_with(&format!("found {real}")), "{error}");
    }
}

#[test]
fn manifests_that_lie_or_never_end_are_refused() {
    if !is_root("manifests_that_lie_or_never_end_are_refused") {
        return;
    }
    let goods = Goods::new();
    let manifest = |reply: Reply| {
        let goods = goods.clone();
        Machine::start(move |asked| match asked.path.contains("/manifests/") {
            true => reply.clone(),
            false => goods.honest(asked),
        })
    };
    let honest = Reply::new(200).header("content-type", MANIFEST);
    let lying = honest
        .clone()
        .header("docker-content-digest", Digest::of(b"another").to_string())
        .body(goods.manifest.clone());
    let error = failed(&manifest(lying));
    assert!(
        matches!(
            error,
            RegistryError::Digest {
                what: "a manifest",
                ..
            }
        ),
        "{error}"
    );

    let endless = honest.clone().body(vec![b' '; (4 << 20) + 1]);
    let error = failed(&manifest(endless)).to_string();
    assert!(
        error.contains("a manifest of at most 4194304 bytes"),
        "{error}"
    );

    let drip = honest.clone().body(vec![b' '; 4000]).then(1, After::Drip);
    let error = failed(&manifest(drip));
    assert!(matches!(error, RegistryError::Lost { .. }), "{error}");

    let page = Reply::new(200)
        .header("content-type", "text/html; charset=utf-8")
        .body("<html>Sign in</html>");
    let error = failed(&manifest(page)).to_string();
    assert!(
        error.contains("expected a manifest") && error.contains("HTML"),
        "{error}"
    );

    let old = Reply::new(200)
        .header(
            "content-type",
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
        )
        .body("{}");
    let error = failed(&manifest(old)).to_string();
    assert!(error.contains("schema 1"), "{error}");

    let (_folder, store) = new_store();
    let honest = manifest(honest.body(goods.manifest.clone()));
    let by_digest = format!("{}/app@{}", honest.host(), Digest::of(b"wanted"));
    let error = pull(&store, &by_digest).result.unwrap_err();
    assert!(matches!(error, RegistryError::Digest { .. }), "{error}");
    assert_empty(&store);
}

#[test]
fn layers_that_lie_elsewhere_and_artifacts_are_refused_by_name() {
    if !is_root("layers_that_lie_elsewhere_and_artifacts_are_refused_by_name") {
        return;
    }
    for (kind, word) in [
        (
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "elsewhere",
        ),
        (
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "elsewhere",
        ),
        ("application/x-chart", "x-chart"),
    ] {
        let mut goods = Goods::new();
        goods.list(kind, goods.layer.len(), Digest::of(&goods.layer));
        let error = failed(&twisted(goods, |_, _| None));
        assert!(matches!(error, RegistryError::Unsupported(_)), "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn an_index_leads_to_this_hosts_image_and_names_the_platforms_where_it_has_none() {
    if !is_root("an_index_leads_to_this_hosts_image_and_names_the_platforms_where_it_has_none") {
        return;
    }
    let goods = Goods::new();
    let digest = Digest::of(&goods.manifest);
    let own = oci_spec::image::Arch::default().to_string();
    let index = |platforms: &[&str]| {
        let entries = platforms.iter().map(|architecture| {
            let is_own = *architecture == own;
            let digest = if is_own {
                digest
            } else {
                Digest::of(b"elsewhere")
            };
            serde_json::json!({
                "mediaType": MANIFEST, "digest": digest, "size": goods.manifest.len(),
                "platform": {"os": "linux", "architecture": architecture},
            })
        });
        let kind = "application/vnd.docker.distribution.manifest.list.v2+json";
        let index = serde_json::json!({
            "schemaVersion": 2, "mediaType": kind, "manifests": entries.collect::<Vec<_>>(),
        });
        let index = Reply::new(200)
            .header("content-type", kind)
            .body(serde_json::to_vec(&index).unwrap());
        let goods = goods.clone();
        Machine::start(move |asked| match asked.path.ends_with("/manifests/1") {
            true => index.clone(),
            false => goods.honest(asked),
        })
    };
    let (_folder, store) = new_store();
    let machine = index(&["s390x", &own, "riscv64"]);
    let pulled = pull(&store, &format!("{}/app:1", machine.host())).well();
    assert_eq!(pulled.manifest, digest);
    assert_ne!(pulled.digest, digest, "the name leads to the index");
    let error = failed(&index(&["s390x", "riscv64"])).to_string();
    assert!(error.contains("linux/s390x, linux/riscv64"), "{error}");
}

#[test]
fn a_pull_that_is_given_up_ends_at_once_and_leaves_nothing() {
    if !is_root("a_pull_that_is_given_up_ends_at_once_and_leaves_nothing") {
        return;
    }
    let goods = Goods::new();
    let machine = twisted(goods.clone(), move |_, asked| {
        Some(goods.honest(asked).then(1000, After::Stall))
    });
    let (_folder, store) = new_store();
    // It would wait for ever: only the wish to give up ends it.
    let mut waiting = settings();
    waiting.times.silence_max = std::time::Duration::from_secs(3600);
    let given_up = Arc::new(AtomicBool::new(false));
    let asks = Arc::clone(&given_up);
    let cancel = Cancel::new(move || asks.load(Ordering::Relaxed));
    let order = PullOrder {
        reference: format!("{}/app:1", machine.host()).parse().unwrap(),
        platform: None,
        login: None,
    };
    let error = store
        .pull(&waiting, &order, &cancel, &mut |event| {
            let begun = matches!(
                event,
                TransferEvent::Layer {
                    state: LayerState::Transferring { .. },
                    ..
                }
            );
            if begun {
                given_up.store(true, Ordering::Relaxed);
            }
        })
        .unwrap_err();
    assert!(matches!(error, RegistryError::Cancelled), "{error}");
    assert_empty(&store);
}

#[test]
fn a_layer_that_drips_is_too_slow() {
    if !is_root("a_layer_that_drips_is_too_slow") {
        return;
    }
    let goods = Goods::new();
    let machine = twisted(goods.clone(), move |_, asked| {
        Some(goods.honest(asked).then(10, After::Drip))
    });
    let error = failed(&machine).to_string();
    assert!(error.contains("less than 1024 bytes"), "{error}");
}

#[test]
fn a_registry_that_nobody_is_at_or_that_is_blocked_is_told_at_once() {
    if !is_root("a_registry_that_nobody_is_at_or_that_is_blocked_is_told_at_once") {
        return;
    }
    let port = {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        gone.local_addr().unwrap().port()
    };
    let (_folder, store) = new_store();
    let went = pull(&store, &format!("127.0.0.1:{port}/app:1"));
    assert_eq!(went.retries(), 0);
    let error = went.result.unwrap_err();
    assert!(
        matches!(error, RegistryError::Unreachable { .. }),
        "{error}"
    );
    assert!(error.is_about_the_way());
    let mut blocking = settings();
    blocking
        .registries
        .entry("docker.io".to_owned())
        .or_default()
        .blocked = true;
    let error = pull_with(&store, &blocking, "node:20", None)
        .result
        .unwrap_err();
    assert!(matches!(error, RegistryError::Blocked { .. }), "{error}");
}
