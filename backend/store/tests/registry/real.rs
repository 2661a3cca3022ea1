//! Debian's registry, with Estiva, skopeo and podman as its clients.

use std::fs;

use estiva_shared::protocol::{LayerState, TransferEvent};
use estiva_store::{Cancel, ImageRecord, PullOrder, RegistryError, Store, check_login};
use tempfile::TempDir;

use crate::common::{Tar, has_tool, image_of, import, is_root, new_store, snapshot};
use crate::world::{Registry, Went, login, patient, pull_with, push_with, run};

fn ready(test: &str, tools: &[&str]) -> bool {
    is_root(test) && tools.iter().all(|tool| has_tool(test, tool))
}

/// An image of two layers, one of them large enough for some chunks of a compressor.
fn image(store: &Store, name: &str) -> ImageRecord {
    let noise: Vec<u8> = (0..3_000_000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let below = import(store, Tar::new().file("below", &noise));
    let above = import(store, Tar::new().file("above", name.as_bytes()));
    let image = image_of(store, &[below.diff_id, above.diff_id]);
    store.tag(&name.parse().unwrap(), &image.id).unwrap();
    image
}

fn top_file(store: &Store, name: &str, file: &str) -> Vec<u8> {
    let image = store.resolve(name).unwrap();
    let top = store
        .layer(image.diff_ids.last().unwrap())
        .unwrap()
        .unwrap();
    fs::read(snapshot(store, &top).join(file)).unwrap()
}

fn states<T>(went: &Went<T>) -> Vec<&LayerState> {
    let states = went.events.iter().filter_map(|event| match event {
        TransferEvent::Layer { state, .. } => Some(state),
        _ => None,
    });
    states.collect()
}

#[test]
fn what_is_pushed_is_pulled_as_the_same_image_and_what_is_there_is_not_moved_again() {
    if !ready("what_is_pushed_is_pulled", &["docker-registry"]) {
        return;
    }
    let registry = Registry::start(None);
    let name = format!("{}/team/app:1", registry.host());
    let (_folder, store) = new_store();
    let pushed_image = image(&store, &name);
    let pushed = push_with(&store, &patient(), &name, None).well();
    assert_eq!(pushed.image, pushed_image.id);

    let (_other_folder, other) = new_store();
    let pulled = pull_with(&other, &patient(), &name, None).well();
    assert_eq!(
        (pulled.image, pulled.manifest),
        (pushed.image, pushed.manifest)
    );
    assert!(!pulled.unchanged);
    assert_eq!(top_file(&other, &name, "above"), name.as_bytes());

    // By digest too, whose name then means the image.
    let by_digest = format!("{}/team/app@{}", registry.host(), pushed.manifest);
    let again = pull_with(&other, &patient(), &by_digest, None);
    assert!(
        states(&again)
            .iter()
            .all(|state| matches!(state, LayerState::Waiting | LayerState::Exists))
    );
    again.well();
    assert_eq!(other.resolve(&by_digest).unwrap().id, pushed_image.id);
    assert!(pull_with(&other, &patient(), &name, None).well().unchanged);

    // A second push finds all there; another repository of the registry takes the layers over.
    let second = push_with(&store, &patient(), &name, None);
    assert!(
        states(&second)
            .iter()
            .all(|state| **state == LayerState::Exists)
    );
    second.well();
    let elsewhere = format!("{}/mirror/app:2", registry.host());
    store
        .tag(&elsewhere.parse().unwrap(), &pushed_image.id)
        .unwrap();
    let mounted = push_with(&store, &patient(), &elsewhere, None);
    let from = "team/app".to_owned();
    assert!(states(&mounted).contains(&&LayerState::Mounted { from }));
    mounted.well();
    assert!(registry.keeps("mirror/app/_layers"));
}

#[test]
fn skopeo_and_podman_read_what_estiva_pushes_and_estiva_reads_what_they_push() {
    let tools = ["docker-registry", "skopeo", "podman"];
    if !ready("skopeo_and_podman_read_what_estiva_pushes", &tools) {
        return;
    }
    let registry = Registry::start(None);
    let host = registry.host();
    let scratch = TempDir::new().unwrap();
    let (_folder, store) = new_store();
    let ours = image(&store, &format!("{host}/ours:1"));
    push_with(&store, &patient(), &format!("{host}/ours:1"), None).well();

    let raw = run(
        scratch.path(),
        "skopeo",
        &[
            "inspect",
            "--tls-verify=false",
            "--config",
            &format!("docker://{host}/ours:1"),
        ],
    );
    assert!(raw.contains(&ours.diff_ids[1].to_string()), "{raw}");
    // Docker's schema 2, with zstd, and by way of an index, as skopeo writes them.
    for (tag, options) in [
        ("schema2", &["--format", "v2s2"][..]),
        (
            "zstd",
            &[
                "--format",
                "oci",
                "--dest-compress-format",
                "zstd",
                "--dest-compress-level",
                "3",
            ],
        ),
        ("plain", &["--format", "oci", "--dest-decompress"]),
    ] {
        // Another repository, so that nothing is reused in another compression.
        let to = format!("docker://{host}/theirs-{tag}:1");
        let archive = scratch.path().join("ours.tar");
        let image = store.resolve(&ours.id.hex()).unwrap();
        store
            .save(&[image], &mut fs::File::create(&archive).unwrap())
            .unwrap();
        let from = format!("oci-archive:{}", archive.display());
        let mut arguments = vec!["--insecure-policy", "copy", "--dest-tls-verify=false"];
        arguments.extend(options);
        arguments.extend([from.as_str(), to.as_str()]);
        run(scratch.path(), "skopeo", &arguments);
        let (_folder, fresh) = new_store();
        let name = format!("{host}/theirs-{tag}:1");
        pull_with(&fresh, &patient(), &name, None).well();
        let pulled = fresh.resolve(&name).unwrap();
        assert_eq!(pulled.diff_ids, ours.diff_ids, "{tag}");
    }
    let root = scratch.path().join("storage").display().to_string();
    let run_root = scratch.path().join("run").display().to_string();
    let podman = |arguments: &[&str]| {
        let mut all = vec![
            "--root",
            &root,
            "--runroot",
            &run_root,
            "--storage-driver",
            "vfs",
        ];
        all.extend(arguments);
        run(scratch.path(), "podman", &all)
    };
    podman(&["pull", "--tls-verify=false", &format!("{host}/ours:1")]);
    let to = format!("{host}/podmans:1");
    podman(&["tag", &format!("{host}/ours:1"), &to]);
    podman(&["push", "--tls-verify=false", &to]);
    let (_folder, fresh) = new_store();
    pull_with(&fresh, &patient(), &to, None).well();
    assert_eq!(fresh.resolve(&to).unwrap().diff_ids, ours.diff_ids);
}

#[test]
fn a_registry_with_a_password_lets_in_who_knows_it_and_nobody_else() {
    if !ready(
        "a_registry_with_a_password",
        &["docker-registry", "htpasswd"],
    ) {
        return;
    }
    let registry = Registry::start(Some(("ada", "correct horse")));
    let host = registry.host();
    let name = format!("{host}/app:1");
    let (_folder, store) = new_store();
    image(&store, &name);
    let refused = push_with(&store, &patient(), &name, None);
    let error = refused.result.unwrap_err();
    assert!(
        matches!(error, RegistryError::Denied { status: 401, .. }),
        "{error}"
    );
    assert!(
        error
            .hint()
            .unwrap()
            .contains(&format!("estiva login {host}"))
    );
    let wrong = push_with(
        &store,
        &patient(),
        &name,
        Some(login("ada", "wrong password")),
    );
    let error = wrong.result.unwrap_err();
    assert!(matches!(
        error,
        RegistryError::Denied {
            status: 401,
            had_login: true,
            ..
        }
    ));
    assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("wrong password"));
    let known = login("ada", "correct horse");
    push_with(&store, &patient(), &name, Some(known.clone())).well();
    let (_folder, other) = new_store();
    pull_with(&other, &patient(), &name, Some(known.clone())).well();

    check_login(&patient(), &host, &known, &Cancel::never()).unwrap();
    let error = check_login(&patient(), &host, &login("eve", "x"), &Cancel::never()).unwrap_err();
    assert!(matches!(error, RegistryError::Denied { .. }), "{error}");
}

#[test]
fn what_is_not_there_and_what_is_for_other_machines_is_told() {
    if !ready("what_is_not_there", &["docker-registry"]) {
        return;
    }
    let registry = Registry::start(None);
    let name = format!("{}/app:1", registry.host());
    let (_folder, store) = new_store();
    let error = pull_with(&store, &patient(), &name, None).error();
    assert!(
        error.contains("has no image") && error.contains("404"),
        "{error}"
    );
    let image = image(&store, &name);
    push_with(&store, &patient(), &name, None).well();
    let order = PullOrder {
        reference: name.parse().unwrap(),
        platform: Some("linux/s390x".to_owned()),
        login: None,
    };
    let error = store
        .pull(&patient(), &order, &Cancel::never(), &mut |_| {})
        .unwrap_err();
    let own = format!("linux/{}", image.config.architecture());
    assert!(
        error.to_string().contains("linux/s390x") && error.to_string().contains(&own),
        "{error}"
    );
}

#[test]
fn a_registry_with_a_certificate_of_its_own_is_trusted_where_the_settings_say_so() {
    let tools = ["docker-registry", "openssl"];
    if !ready("a_registry_with_a_certificate_of_its_own", &tools) {
        return;
    }
    let registry = Registry::start_tls();
    let host = registry.host();
    let name = format!("{host}/app:1");
    let (_folder, store) = new_store();
    image(&store, &name);
    let error = push_with(&store, &patient(), &name, None)
        .result
        .unwrap_err();
    assert!(
        matches!(
            error,
            RegistryError::Unreachable {
                certificate: true,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("certs.d"));
    // By a folder of certificates, and by a file.
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join(&host)).unwrap();
    fs::copy(registry.ca(), folder.path().join(&host).join("ca.crt")).unwrap();
    let mut by_folder = patient();
    by_folder.certificate_folders = vec![folder.path().to_owned()];
    push_with(&store, &by_folder, &name, None).well();
    let mut by_file = patient();
    by_file.registries.entry(host).or_default().ca_file = Some(registry.ca());
    let (_folder, other) = new_store();
    pull_with(&other, &by_file, &name, None).well();
}
