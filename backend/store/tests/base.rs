//! The base image from the host's busybox.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use common::{has_tool, is_root, new_store, snapshot};
use estiva_store::{BaseError, StoreError};

/// Where Debian's busybox-static puts it.
const BUSYBOX: &str = "/bin/busybox";

#[test]
fn the_same_program_gives_the_same_image_in_any_store() {
    let test = "the_same_program_gives_the_same_image_in_any_store";
    if !is_root(test) || !has_tool(test, "busybox") {
        return;
    }
    let (_one_folder, one) = new_store();
    let (_other_folder, other) = new_store();
    let left = one.base_busybox(Path::new(BUSYBOX)).unwrap();
    let right = other.base_busybox(Path::new(BUSYBOX)).unwrap();
    assert_eq!(
        (left.id, left.manifest_digest),
        (right.id, right.manifest_digest)
    );
    assert_eq!(one.resolve("busybox").unwrap().id, left.id);
    assert_eq!(one.base_busybox(Path::new(BUSYBOX)).unwrap().id, left.id);

    let root = snapshot(&one, &one.layer(&left.diff_ids[0]).unwrap().unwrap());
    assert_eq!(
        fs::read_link(root.join("bin/sh")).unwrap(),
        Path::new("busybox")
    );
    assert_eq!(
        fs::read(root.join("bin/busybox")).unwrap(),
        fs::read(BUSYBOX).unwrap()
    );
    assert_eq!(
        fs::metadata(root.join("tmp")).unwrap().mode() & 0o7777,
        0o1777
    );
    assert!(
        fs::read_to_string(root.join("etc/passwd"))
            .unwrap()
            .starts_with("root:x:0:0:")
    );
    let config = left.config.config().as_ref().unwrap();
    assert_eq!(config.cmd().as_deref(), Some(&["sh".to_owned()][..]));
}

#[test]
fn a_program_that_is_missing_or_not_static_is_refused_with_the_packages_name() {
    if !is_root("a_program_that_is_missing_or_not_static_is_refused_with_the_packages_name") {
        return;
    }
    let (folder, store) = new_store();
    let missing = store.base_busybox(&folder.path().join("none")).unwrap_err();
    assert!(
        matches!(&missing, StoreError::Base(BaseError::Missing { .. })),
        "{missing}"
    );
    assert!(missing.to_string().contains("busybox-static"));
    // This test's own program has a dynamic loader.
    let dynamic = store
        .base_busybox(&std::env::current_exe().unwrap())
        .unwrap_err();
    assert!(
        matches!(&dynamic, StoreError::Base(BaseError::Dynamic { .. })),
        "{dynamic}"
    );
    assert!(dynamic.to_string().contains("busybox-static"));
}

#[test]
fn what_is_no_program_or_lists_nothing_is_refused() {
    if !is_root("what_is_no_program_or_lists_nothing_is_refused") {
        return;
    }
    let (folder, store) = new_store();
    let script = folder.path().join("script");
    fs::write(&script, "#!/bin/sh\necho sh\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let error = store.base_busybox(&script).unwrap_err();
    assert!(
        matches!(&error, StoreError::Base(BaseError::NotAProgram { .. })),
        "{error}"
    );
    // A header without a single program header: static, and the kernel won't run it.
    let mut elf = vec![0; 64];
    elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
    fs::write(&script, &elf).unwrap();
    let error = store.base_busybox(&script).unwrap_err();
    assert!(
        matches!(&error, StoreError::Base(BaseError::NoApplets { .. })),
        "{error}"
    );
    fs::write(&script, &elf[..20]).unwrap();
    let error = store.base_busybox(&script).unwrap_err();
    assert!(
        matches!(&error, StoreError::Base(BaseError::NotAProgram { .. })),
        "{error}"
    );
}
