//! An image's bill of materials, byte for byte in both forms. What the files beside this hold was checked by the schemas of
//! SPDX 2.3 and CycloneDX 1.6.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

#[path = "../image_support/mod.rs"]
mod image_support;

use estiva_shared::image::ImageAnalysis;
use estiva_shared::image::holdings::{SbomFormat, sbom};
use image_support::*;
use serde_json::{Value, json};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn image() -> ImageAnalysis {
    let layer = tar(&[
        file(
            "etc/os-release",
            "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n",
        ),
        file(
            "var/lib/dpkg/status",
            "Package: libstdc++6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.2.0-14+b1\n",
        ),
        file(
            "var/lib/dpkg/info/libstdc++6:amd64.list",
            "/usr/lib/libstdc++.so.6\n",
        ),
        sized("usr/lib/libstdc++.so.6", 2000, 1),
        file(
            "app/node_modules/@scope/a/package.json",
            r#"{"name":"@scope/a","version":"1.0.0","license":"(MIT OR X)"}"#,
        ),
        file(
            "app/node_modules/b/package.json",
            r#"{"name":"b","version":"2.0.0","license":"Apache-2.0 OR MIT"}"#,
        ),
        file(
            "usr/lib/site-packages/c-3.dist-info/METADATA",
            "Name: c\nVersion: 3\nLicense: MIT\n",
        ),
        file("usr/lib/site-packages/d.egg-info/PKG-INFO", "Name: d\n"),
    ]);
    let mut image = Image::new(&[layer]);
    image.config["created"] = json!("2024-03-01T00:30:05.5+01:00");
    inspect_one(&docker_archive(&[(&image, "registry.example/app:1")]))
}

/// The text with what another version of the program writes otherwise replaced: its number, and the document's own id.
fn without_version(text: &str, id: &str) -> String {
    let version = format!("estiva-{}\"", env!("CARGO_PKG_VERSION"));
    text.replace(id, "{UUID}")
        .replace(&version, "estiva-{VERSION}\"")
        .replace(
            &format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION")),
            "\"version\": \"{VERSION}\"",
        )
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let lengths: Vec<_> = parts.iter().map(|part| part.len()).collect();
    let is_hex = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    is_hex
        && lengths == [8, 4, 4, 4, 12]
        && parts[2].starts_with('8')
        && parts[3].starts_with(['8', '9', 'a', 'b'])
}

fn check(format: SbomFormat, golden: &str) -> Value {
    let text = sbom(&image(), format);
    assert_eq!(
        text,
        sbom(&image(), format),
        "the same image gives the same bytes"
    );
    let document: Value = serde_json::from_str(&text).unwrap();
    let place = match format {
        SbomFormat::Spdx => &document["documentNamespace"],
        SbomFormat::CycloneDx => &document["serialNumber"],
    };
    let id = &place.as_str().unwrap()[place.as_str().unwrap().len() - 36..];
    assert!(is_uuid(id), "{id}");
    assert_eq!(without_version(&text, id), golden);
    document
}

#[test]
fn spdx_is_as_it_was() {
    let document = check(SbomFormat::Spdx, include_str!("spdx.json"));
    let ids: Vec<_> = document["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| package["SPDXID"].as_str().unwrap())
        .collect();
    let related = document["relationships"]
        .as_array()
        .unwrap()
        .iter()
        .map(|relation| relation["relatedSpdxElement"].as_str().unwrap());
    assert_eq!(ids, related.collect::<Vec<_>>());
}

#[test]
fn cyclonedx_is_as_it_was() {
    check(SbomFormat::CycloneDx, include_str!("cyclonedx.json"));
}

#[test]
fn another_image_has_another_id_and_an_empty_one_is_whole() {
    let empty = inspect_one(&docker_archive(&[(
        &Image::new(&[tar(&[file("a", "")])]),
        "empty",
    )]));
    let document: Value = serde_json::from_str(&sbom(&empty, SbomFormat::Spdx)).unwrap();
    assert_eq!(document["packages"].as_array().unwrap().len(), 1);
    assert_eq!(document["creationInfo"]["created"], "1970-01-01T00:00:00Z");
    let other: Value = serde_json::from_str(&sbom(&image(), SbomFormat::Spdx)).unwrap();
    assert_ne!(document["documentNamespace"], other["documentNamespace"]);
    let document: Value = serde_json::from_str(&sbom(&empty, SbomFormat::CycloneDx)).unwrap();
    assert_eq!(document["components"], json!([]));
}

/// Several names that an address writes in one spelling were one element.
#[test]
fn ids_tell_every_package_from_all_others() {
    let package = |path: &str, name: &str| file(path, &format!("Name: {name}\nVersion: 1\n"));
    let layer = tar(&[
        package("a/x.dist-info/METADATA", "a_b"),
        package("a/y.dist-info/METADATA", "a-b"),
        package("b/y.dist-info/METADATA", "a-b"),
    ]);
    let analysis = analyse_tars(&[layer]);
    let document: Value = serde_json::from_str(&sbom(&analysis, SbomFormat::CycloneDx)).unwrap();
    let ids: std::collections::BTreeSet<_> = document["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["bom-ref"].as_str())
        .collect();
    assert_eq!(ids.len(), 3);
}
