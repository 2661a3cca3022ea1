//! What holds for every content: no reader of packages, programs or secrets panics, what is kept is bounded, and no secret is.
// proptest is native; what is tested is the same code that the page runs.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod image_support;

use estiva_shared::image::holdings::{SbomFormat, sbom};
use image_support::*;
use proptest::prelude::*;

/// A file of each form that is read.
const PATHS: [&str; 20] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/info/a.list",
    "var/lib/dpkg/status.d/a.md5sums",
    "lib/apk/db/installed",
    "app/node_modules/a/package.json",
    "usr/lib/a.dist-info/METADATA",
    "usr/lib/a.dist-info/RECORD",
    "etc/passwd",
    "etc/shadow",
    "etc/os-release",
    "usr/bin/program",
    "app/program",
    "app/.env",
    "app/text",
    "root/.docker/config.json",
    "root/.git-credentials",
    "root/.npmrc",
    "root/.netrc",
    "root/.pgpass",
    "root/.ssh/id_rsa",
];

/// Pieces that lead a reader on.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let words: &[&'static [u8]] = &[
        b"Package: a\n",
        b"Status: install ok installed\n",
        b"Version: 1\n",
        b"\n\n",
        b"P:a\n",
        b"F:b\n",
        b"R:c\n",
        b"{\"name\":\"a\",\"version\":\"1\"}",
        b"Name: a\n",
        b"a,b,\n",
        b"\"a",
        b"root:x:0:",
        b"$6$",
        b"ID=a\n",
        b"\x7fELF\x02\x01",
        b"\xff Go buildinf:\x08\x02",
        b"\x06go1.22",
        b"mod\ta\tv1\n",
        b"x\xda",
        b"A_TOKEN=",
        b"\"auth\": \"",
        b"://a:b",
        b"@",
        b"_authToken=",
        b"-----BEGIN RSA PRIVATE KEY-----\n",
        b"ghp_",
        b"AKIA",
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
    ];
    let piece = prop_oneof![
        proptest::sample::select(words.to_vec()).prop_map(<[u8]>::to_vec),
        proptest::collection::vec(any::<u8>(), 0..40),
        proptest::collection::vec(any::<u8>(), 500..600),
    ];
    proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

/// A password or token that nothing may show, without characters that end a value.
fn secret() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9+]{8,40}".prop_filter("a secret of one character alone is no secret", |text| {
        !text.chars().all(|c| text.starts_with(c))
    })
}

proptest! {
    #[test]
    fn any_content_under_any_name_is_bounded_and_never_a_panic(path in proptest::sample::select(PATHS.to_vec()), content in content()) {
        let item = Item { content, ..Item::new(path, b'0').mode(0o755) };
        let bytes = item.content.len();
        let layer = tar(&[item]);
        let index = read_layer(&layer);
        prop_assert_eq!(index.entries.len(), 1);
        prop_assert!(index.facts.bytes() <= 100 * bytes + 1000, "{} of {bytes}", index.facts.bytes());
        let analysis = analyse_tars(&[layer]);
        prop_assert!(analysis.problems.is_empty());
        for format in [SbomFormat::Spdx, SbomFormat::CycloneDx] {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&sbom(&analysis, format)).is_ok());
        }
    }

    #[test]
    fn no_secret_is_kept_wherever_it_stands(secret in secret()) {
        let texts = [
            ("root/.docker/config.json", format!("{{\"auths\":{{\"a\":{{\"auth\":\"{secret}\"}}}}}}")),
            ("root/.npmrc", format!("//a/:_authToken={secret}\n")),
            ("root/.netrc", format!("machine a login b password {secret}\n")),
            ("root/.git-credentials", format!("https://a:{secret}@b\n")),
            ("root/.pgpass", format!("a:1:b:c:{secret}\n")),
            ("root/.aws/credentials", format!("aws_secret_access_key = {secret}\n")),
            ("root/.vault-token", secret.clone()),
            ("app/.env", format!("A=1\nB_TOKEN={secret}\n")),
            ("app/other/.env", format!("PLAIN={secret}\n")),
            ("root/.ssh/id_rsa", format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{secret}{secret}\n")),
            ("etc/shadow", format!("me:$6${secret}:1::\n")),
        ];
        let items: Vec<_> = texts.iter().map(|(path, text)| file(path, text)).collect();
        let mut image = Image::new(&[tar(&items)]);
        image.config["config"] = serde_json::json!({"Env": [format!("API_TOKEN={secret}")]});
        let analysis = inspect_one(&docker_archive(&[(&image, "test")]));
        prop_assert!(analysis.holdings.danger_count() > 10);
        // Letters of a name may be those of a secret, but not five in a row at an excerpt's place.
        for group in &analysis.holdings.dangers {
            for found in &group.found {
                let shown = found.detail.rsplit('=').next().unwrap().trim_end_matches('…');
                prop_assert!(!found.detail.contains(&secret), "{}", found.detail);
                prop_assert!(shown.len() <= 4 || shown.starts_with("BEGIN ") || shown == "me:", "{shown}");
            }
        }
    }
}
