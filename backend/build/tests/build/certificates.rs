//! `--trust-host-ca`: what a step sees of the host's certificates, and that nothing of them stays.

#![allow(
    clippy::print_stderr,
    reason = "a skip is printed for the log to be counted"
)]

use std::fs;

use estiva_runtime::defaults::{HOST_CA_PATH, HOST_CA_VARIABLES, host_ca_bind};
use estiva_shared::protocol::BuildRequest;

use crate::world::World;

fn trusting(dockerfile: &str) -> BuildRequest {
    BuildRequest {
        trust_host_ca: true,
        ..World::request(dockerfile)
    }
}

/// A world, and the size of the host's bundle.
fn world(test: &str) -> Option<(World, u64)> {
    let world = World::new(test)?;
    let Ok(bundle) = host_ca_bind() else {
        eprintln!("SKIP {test}: this host has no bundle of certificates");
        return None;
    };
    Some((world, fs::metadata(bundle.source).unwrap().len()))
}

#[test]
fn a_step_trusts_what_the_host_trusts_but_for_what_it_sets_itself() {
    let Some((world, size)) = world("certificates_seen") else {
        return;
    };
    let outcome = world.build_request(&trusting(
        "FROM busybox\nENV PIP_CERT=/of/the/image\nARG CURL_CA_BUNDLE=/of/an/argument\n\
         RUN wc -c < $SSL_CERT_FILE; echo $PIP_CERT $CURL_CA_BUNDLE; env | grep -c =/dev/est; \
         echo x > $SSL_CERT_FILE || echo refused\n",
    ));
    let output = outcome.output();
    outcome.result.unwrap();
    let variables = HOST_CA_VARIABLES.len() - 2;
    assert!(
        output.contains(&format!(
            "{size}\n/of/the/image /of/an/argument\n{variables}\n"
        )),
        "{output}"
    );
    assert!(output.contains("refused"), "{output}");
    world.assert_clean();
}

#[test]
fn no_byte_of_an_image_tells_of_the_hosts_certificates() {
    let Some((world, _)) = world("certificates_traceless") else {
        return;
    };
    let dockerfile = "FROM busybox\nRUN touch /made\nRUN true\nRUN ls -l /dev /run > /dev/null; test -s $SSL_CERT_FILE\n";
    world.build_request(&trusting(dockerfile)).result.unwrap();
    let image = world.store.resolve("test").unwrap();
    let config = String::from_utf8(world.store.config_bytes(&image.id).unwrap()).unwrap();
    let words = HOST_CA_VARIABLES
        .iter()
        .filter(|name| **name != "SSL_CERT_FILE");
    for word in words.copied().chain([HOST_CA_PATH, "estiva/host-ca"]) {
        assert!(!config.contains(word), "{word} in {config}");
        for blob in fs::read_dir(world.store.root().join("blobs/sha256")).unwrap() {
            let blob = fs::read(blob.unwrap().path()).unwrap();
            let found = blob
                .windows(word.len())
                .any(|piece| piece == word.as_bytes());
            assert!(!found, "{word} is in a blob of the image");
        }
    }
    let added = image.diff_ids.len() - world.store.resolve("busybox").unwrap().diff_ids.len();
    assert_eq!(added, 1, "a step that only looked made a layer");
    world.assert_clean();
}

#[test]
fn the_certificates_are_no_part_of_a_steps_key() {
    let Some((world, _)) = world("certificates_cache") else {
        return;
    };
    let dockerfile = "FROM busybox\nRUN date +%N > /when\n";
    world.build_request(&trusting(dockerfile)).result.unwrap();
    let plain = world.build(dockerfile);
    assert_eq!(plain.cached().last(), Some(&true));
    plain.result.unwrap();
    world.assert_clean();
}
