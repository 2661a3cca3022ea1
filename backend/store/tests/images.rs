//! Images, their names and what keeps them: naming, finding, removing, collecting, links to reports.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod common;

use std::fs;

use common::{Tar, image_of, import, is_root, new_store, small_image, snapshot};
use estiva_shared::image::{Digest, Reference};
use estiva_store::{CacheEntry, KeepCache, Store, StoreError};

fn name(text: &str) -> Reference {
    text.parse().unwrap()
}

fn unused(_: &Digest) -> Vec<String> {
    Vec::new()
}

#[test]
fn an_image_is_found_by_name_by_id_and_by_the_start_of_its_id() {
    if !is_root("an_image_is_found_by_name_by_id_and_by_the_start_of_its_id") {
        return;
    }
    let (_folder, store) = new_store();
    let image = small_image(&store, "1");
    store.tag(&name("hello"), &image.id).unwrap();
    let digest_name = format!("hello@{}", image.manifest_digest);
    let texts = [
        "hello",
        "docker.io/library/hello:latest",
        &image.id.to_string(),
        &image.id.hex(),
        &image.id.hex()[..4],
        &digest_name,
    ];
    for text in texts {
        let found = store.resolve(text).unwrap();
        assert_eq!(found.id, image.id, "{text}");
        assert_eq!(found.names, [name("hello")]);
    }
    assert!(matches!(
        store.resolve(&image.id.hex()[..3]),
        Err(StoreError::UnknownImage { .. })
    ));
}

#[test]
fn names_like_an_unknown_one_are_offered() {
    if !is_root("names_like_an_unknown_one_are_offered") {
        return;
    }
    let (_folder, store) = new_store();
    let image = small_image(&store, "1");
    for each in ["busybox", "you/api-rocket:1", "debian:12"] {
        store.tag(&name(each), &image.id).unwrap();
    }
    let offered = |text: &str| match store.resolve(text).unwrap_err() {
        StoreError::UnknownImage { similar, .. } => similar,
        other => panic!("{other}"),
    };
    assert_eq!(offered("busybx"), ["busybox:latest"]);
    assert_eq!(offered("api-rocket"), ["you/api-rocket:1"]);
    assert_eq!(offered("debian:11"), ["debian:12"]);
    assert_eq!(offered("Not a name"), [""; 0]);
}

#[test]
fn a_name_moves_to_the_image_that_is_given_it_last() {
    if !is_root("a_name_moves_to_the_image_that_is_given_it_last") {
        return;
    }
    let (folder, store) = new_store();
    let (first, second) = (small_image(&store, "1"), small_image(&store, "2"));
    store.tag(&name("app"), &first.id).unwrap();
    store.tag(&name("app"), &second.id).unwrap();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.resolve("app").unwrap().id, second.id);
    assert!(store.image(&first.id).unwrap().unwrap().names.is_empty());
    assert_eq!(store.images().unwrap().len(), 2);
    let nobody = Digest::of(b"nobody");
    assert!(matches!(
        store.tag(&name("x"), &nobody),
        Err(StoreError::UnknownImage { .. })
    ));
}

#[test]
fn the_same_config_and_layers_are_the_same_image() {
    if !is_root("the_same_config_and_layers_are_the_same_image") {
        return;
    }
    let (_one_folder, one) = new_store();
    let (_other_folder, other) = new_store();
    let (left, right) = (small_image(&one, "1"), small_image(&other, "1"));
    assert_eq!(
        (left.id, left.manifest_digest),
        (right.id, right.manifest_digest)
    );
    assert_eq!(small_image(&one, "1").created_ms, left.created_ms);
    assert_ne!(small_image(&one, "2").id, left.id);
}

#[test]
fn removing_the_last_name_removes_the_image_and_its_own_layers() {
    if !is_root("removing_the_last_name_removes_the_image_and_its_own_layers") {
        return;
    }
    let (_folder, store) = new_store();
    let shared = import(&store, Tar::new().file("shared", b"1"));
    let own = import(&store, Tar::new().file("own", b"2"));
    let base = image_of(&store, &[shared.diff_id]);
    let app = image_of(&store, &[shared.diff_id, own.diff_id]);
    store.tag(&name("base"), &base.id).unwrap();
    for each in ["app", "app:2"] {
        store.tag(&name(each), &app.id).unwrap();
    }
    let entry = CacheEntry {
        diff_id: Some(own.diff_id),
    };
    store.cache_put(&Digest::of(b"step"), &entry).unwrap();
    let own_folder = snapshot(&store, &own);

    let first = store.remove("app", false, &unused).unwrap();
    assert_eq!((first.untagged.len(), first.deleted.len()), (1, 0));
    assert!(own_folder.exists());
    let last = store.remove("app:2", false, &unused).unwrap();
    assert_eq!(last.deleted, [app.id]);
    assert!(!own_folder.exists());
    assert!(!store.has_blob(own.diff_id.digest()).unwrap());
    assert!(!store.has_blob(&app.id).unwrap());
    assert_eq!(store.cache_get(&Digest::of(b"step")).unwrap(), None);
    assert!(store.layer(&shared.diff_id).unwrap().is_some());
    assert_eq!(
        store.resolve("base").unwrap(),
        store.image(&base.id).unwrap().unwrap()
    );
}

#[test]
fn an_image_in_use_is_never_deleted() {
    if !is_root("an_image_in_use_is_never_deleted") {
        return;
    }
    let (_folder, store) = new_store();
    let image = small_image(&store, "1");
    store.tag(&name("app"), &image.id).unwrap();
    let used = |_: &Digest| vec!["brave_cargo".to_owned()];
    let refused = store.remove("app", false, &used).unwrap_err();
    assert_eq!(refused.to_string(), "image app is in use by brave_cargo");
    let forced = store.remove("app", true, &used).unwrap();
    assert_eq!(
        (forced.untagged, forced.deleted),
        (vec![name("app")], vec![])
    );
    assert!(store.image(&image.id).unwrap().is_some());
}

#[test]
fn removing_by_id_wants_force_where_there_are_several_names() {
    if !is_root("removing_by_id_wants_force_where_there_are_several_names") {
        return;
    }
    let (_folder, store) = new_store();
    let image = small_image(&store, "1");
    for each in ["a", "b"] {
        store.tag(&name(each), &image.id).unwrap();
    }
    let id = image.id.hex();
    assert!(matches!(
        store.remove(&id, false, &unused),
        Err(StoreError::SeveralNames { .. })
    ));
    assert_eq!(
        store.remove(&id, true, &unused).unwrap().deleted,
        [image.id]
    );
    assert!(store.images().unwrap().is_empty());
}

#[test]
fn the_collector_waits_for_what_is_being_made() {
    if !is_root("the_collector_waits_for_what_is_being_made") {
        return;
    }
    let (_folder, store) = new_store();
    let hold = store.hold();
    let layer = import(&store, Tar::new().file("a", b"1"));
    assert!(store.gc(KeepCache::Yes).unwrap().postponed);
    let image = image_of(&store, &[layer.diff_id]);
    let lost = import(&store, Tar::new().file("b", b"2"));
    drop(hold);
    // What was asked for meanwhile has taken place.
    assert!(store.layer(&lost.diff_id).unwrap().is_none());
    assert!(store.layer(&layer.diff_id).unwrap().is_some());
    assert_eq!(
        store.image(&image.id).unwrap().unwrap().size_bytes,
        layer.size_bytes
    );
}

#[test]
fn cached_steps_keep_their_layers_until_they_are_collected() {
    if !is_root("cached_steps_keep_their_layers_until_they_are_collected") {
        return;
    }
    let (_folder, store) = new_store();
    let layer = import(&store, Tar::new().file("a", b"1"));
    let (key, empty) = (Digest::of(b"key"), Digest::of(b"empty"));
    let entry = CacheEntry {
        diff_id: Some(layer.diff_id),
    };
    store.cache_put(&key, &entry).unwrap();
    store
        .cache_put(&empty, &CacheEntry { diff_id: None })
        .unwrap();
    assert_eq!(store.gc(KeepCache::Yes).unwrap().layers, 0);
    assert_eq!(store.cache_get(&key).unwrap(), Some(entry));
    assert_eq!(
        store.cache_get(&empty).unwrap(),
        Some(CacheEntry { diff_id: None })
    );
    let collected = store.gc(KeepCache::No).unwrap();
    assert_eq!(
        (collected.layers, collected.blobs, collected.bytes),
        (1, 1, 2 * layer.size_bytes)
    );
    assert_eq!(store.cache_get(&key).unwrap(), None);
    let gone = store.cache_put(&key, &entry).unwrap_err();
    assert!(matches!(gone, StoreError::UnknownLayer(_)), "{gone}");
}

#[test]
fn a_link_leads_to_its_report_until_it_is_withdrawn() {
    if !is_root("a_link_leads_to_its_report_until_it_is_withdrawn") {
        return;
    }
    let (folder, store) = new_store();
    let first = store.put_report(b"{}", "hello").unwrap();
    let second = store.put_report(b"{}", "hello").unwrap();
    assert_eq!(first.digest, second.digest);
    assert_ne!(first.id, second.id);
    assert!(first.id.len() == 32 && first.id.bytes().all(|digit| digit.is_ascii_hexdigit()));
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.shares().unwrap().len(), 2);
    assert_eq!(store.report(&first.id).unwrap().unwrap(), b"{}");
    assert!(store.withdraw(&first.id).unwrap());
    assert!(!store.withdraw(&first.id).unwrap());
    assert_eq!(store.report(&first.id).unwrap(), None);
    assert!(store.has_blob(&second.digest).unwrap());
    store.withdraw(&second.id).unwrap();
    assert!(!store.has_blob(&second.digest).unwrap());
}

#[test]
fn a_builds_record_goes_with_its_image() {
    if !is_root("a_builds_record_goes_with_its_image") {
        return;
    }
    let (_folder, store) = new_store();
    let image = small_image(&store, "1");
    store.put_build(&image.id, &vec![1_u64, 2]).unwrap();
    assert_eq!(
        store.build_of::<Vec<u64>>(&image.id).unwrap(),
        Some(vec![1, 2])
    );
    store.remove(&image.id.hex(), false, &unused).unwrap();
    assert_eq!(store.build_of::<Vec<u64>>(&image.id).unwrap(), None);
    assert!(store.put_build(&image.id, &1).is_err());
}

#[test]
fn an_analysis_shows_layers_and_what_they_waste_and_is_kept() {
    if !is_root("an_analysis_shows_layers_and_what_they_waste_and_is_kept") {
        return;
    }
    let (folder, store) = new_store();
    let below = import(&store, Tar::new().file("a", &[1; 1000]).file("b", b"1"));
    let above = import(&store, Tar::new().file("a", &[2; 10]).file(".wh.b", b""));
    let image = image_of(&store, &[below.diff_id, above.diff_id]);
    store.tag(&name("app"), &image.id).unwrap();
    let image = store.resolve("app").unwrap();
    let analysis = store.analysis(&image).unwrap();
    assert_eq!(analysis.image.format, "store");
    assert_eq!(analysis.image.names, ["app:latest"]);
    assert_eq!(analysis.image.config_digest, image.id.to_string());
    assert!(analysis.image.layers.iter().all(|layer| layer.verified));
    assert_eq!(
        analysis
            .tree
            .iter()
            .map(|entry| entry.path.as_str())
            .collect::<Vec<_>>(),
        ["a"]
    );
    assert_eq!(analysis.waste.reclaimable_bytes, 1001);
    let documents = store.documents(&image).unwrap();
    let told: Vec<_> = documents
        .iter()
        .map(|document| (document.kind.as_str(), document.place.clone()))
        .collect();
    let digests = (image.manifest_digest.to_string(), image.id.to_string());
    assert_eq!(told, [("manifest", digests.0), ("config", digests.1)]);
    assert!(
        documents[1]
            .text
            .as_ref()
            .unwrap()
            .contains(&above.diff_id.to_string())
    );
    // The second time from the indexes that were kept, a damaged one made again.
    let index = folder.path().join("index");
    assert_eq!(fs::read_dir(&index).unwrap().count(), 2);
    let damaged = fs::read_dir(&index)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::write(&damaged, b"{").unwrap();
    assert_eq!(store.analysis(&image).unwrap(), analysis);
}

#[test]
fn the_store_is_shared_between_threads() {
    if !is_root("the_store_is_shared_between_threads") {
        return;
    }
    let (_folder, store) = new_store();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..8 {
                    // Until it has a name, another thread's removal would collect its layer.
                    let hold = store.hold();
                    let image = small_image(store, &format!("{thread} {round}"));
                    store
                        .tag(&name(&format!("app{thread}:{round}")), &image.id)
                        .unwrap();
                    drop(hold);
                    if round % 2 == 0 {
                        store
                            .remove(&format!("app{thread}:{round}"), false, &unused)
                            .unwrap();
                    }
                }
            });
        }
    });
    let images = store.images().unwrap();
    assert_eq!(images.len(), 16);
    for image in images {
        assert!(store.has_blob(image.diff_ids[0].digest()).unwrap());
        assert!(
            snapshot(&store, &store.layer(&image.diff_ids[0]).unwrap().unwrap())
                .join("content")
                .exists()
        );
    }
}
