//! What an image holds: packages with their layer and size, dangers, and secrets that still ship; and what hostile files do to it.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod image_support;

use estiva_shared::image::ImageAnalysis;
use estiva_shared::image::holdings::{Danger, DangerKind, Package, PackageKind};
use estiva_shared::report::{Lang, Report, RunText, canonical_json, html};
use image_support::*;
use serde_json::json;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// A secret that nothing may show: `0123…` at most.
const SECRET: &str = "0123canary456789";

fn packages(analysis: &ImageAnalysis) -> Vec<(&str, &str, usize, u64)> {
    let packages = analysis.holdings.packages.iter();
    packages
        .map(|found| {
            (
                found.name.as_str(),
                found.version.as_str(),
                found.layer,
                found.size_bytes,
            )
        })
        .collect()
}

fn found(analysis: &ImageAnalysis, kind: DangerKind) -> Vec<Danger> {
    let groups = analysis.holdings.dangers.iter();
    groups
        .filter(|group| group.kind == kind)
        .flat_map(|group| group.found.clone())
        .collect()
}

fn paths(dangers: &[Danger]) -> Vec<&str> {
    dangers
        .iter()
        .filter_map(|danger| danger.path.as_deref())
        .collect()
}

#[test]
fn debian_packages_have_the_layer_that_brought_them_and_their_files_bytes() {
    let base = tar(&[
        file(
            "etc/os-release",
            "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n",
        ),
        file(
            "var/lib/dpkg/status",
            &status(&[("bash", "5.2"), ("libc6", "2.36"), ("old", "1")]),
        ),
        // The list has the old name of a path that lies in usr.
        file(
            "var/lib/dpkg/info/bash.list",
            "/.\n/bin\n/bin/bash\n/usr\n/usr/share\n/usr/share/bash\n/usr/share/bash/gone\n",
        ),
        file(
            "var/lib/dpkg/info/libc6:amd64.list",
            "/usr/lib\n/usr/lib/libc.so\n",
        ),
        sized("usr/bin/bash", 1000, 1),
        sized("usr/share/bash/gone", 50, 1),
        sized("usr/lib/libc.so", 70, 2),
    ]);
    let install = tar(&[
        file(
            "var/lib/dpkg/status",
            &status(&[("bash", "5.2"), ("curl", "7.88"), ("libc6", "2.37")]),
        ),
        file("var/lib/dpkg/info/curl.list", "/usr/bin/curl\n"),
        sized("usr/bin/curl", 300, 3),
        sized("usr/lib/libc.so", 80, 2),
        file("usr/share/bash/.wh.gone", ""),
    ]);
    let analysis = analyse_tars(&[base, install]);
    let expected = [
        ("bash", "5.2", 0, 1000),
        ("curl", "7.88", 1, 300),
        ("libc6", "2.37", 1, 80),
    ];
    assert_eq!(packages(&analysis), expected);
    let holdings = &analysis.holdings;
    assert_eq!(
        holdings.packages[1].purl,
        "pkg:deb/debian/curl@7.88?arch=amd64&distro=debian-12"
    );
    assert_eq!(
        (holdings.by_kind[0].count, holdings.by_kind[0].size_bytes),
        (3, 1380)
    );
    assert_eq!(analysis.problems, []);
}

#[test]
fn distroless_and_alpine_packages_are_found() {
    let distroless = analyse_tars(&[tar(&[
        file(
            "var/lib/dpkg/status.d/base",
            "Package: base-files\nVersion: 12\nArchitecture: amd64\n",
        ),
        file("var/lib/dpkg/status.d/base.md5sums", "00  etc/issue\n"),
        sized("etc/issue", 9, 1),
    ])]);
    assert_eq!(packages(&distroless), [("base-files", "12", 0, 9)]);
    let alpine = analyse_tars(&[tar(&[
        file(
            "lib/apk/db/installed",
            "P:busybox\nV:1.36-r5\nA:x86_64\nL:GPL-2.0-only\nF:bin\nR:busybox\n\nP:musl\nV:1.2\nF:lib\nR:missing\n\n",
        ),
        sized("bin/busybox", 800, 1).mode(0o755),
        symlink("bin/sh", "/bin/busybox"),
        symlink("bin/bash", "/bin/gone"),
    ])]);
    assert_eq!(
        packages(&alpine),
        [("busybox", "1.36-r5", 0, 800), ("musl", "1.2", 0, 0)]
    );
    assert_eq!(
        alpine.holdings.packages[0].license.as_deref(),
        Some("GPL-2.0-only")
    );
    let shells: Vec<_> = alpine
        .holdings
        .shells
        .iter()
        .map(|shell| shell.path.as_str())
        .collect();
    assert_eq!(
        shells,
        ["bin/busybox", "bin/sh"],
        "a link to nothing is no shell"
    );
}

#[test]
fn packages_of_languages_have_their_folders_bytes() {
    let package = |name: &str, version: &str| {
        json!({"name": name, "version": version, "license": "MIT"}).to_string()
    };
    let app = package("app", "1.0.0");
    let left = package("left", "2.0.0");
    let layer = tar(&[
        file("srv/app/package.json", &app),
        sized("srv/app/index.js", 10, 1),
        file("srv/app/node_modules/left/package.json", &left),
        sized("srv/app/node_modules/left/lib/main.js", 100, 1),
        file(
            "srv/app/node_modules/left/lib/package.json",
            &package("part", "0"),
        ),
        file(
            "opt/site-packages/flask-3.0.dist-info/METADATA",
            "Name: Flask\nVersion: 3.0\n\ntext",
        ),
        file(
            "opt/site-packages/flask-3.0.dist-info/RECORD",
            "flask/app.py,,\n../bin/flask,,\n",
        ),
        sized("opt/site-packages/flask/app.py", 40, 1),
        sized("opt/bin/flask", 2, 1),
        file(
            "opt/site-packages/old.egg-info/PKG-INFO",
            "Name: old\nVersion: 1\n",
        ),
    ]);
    let analysis = analyse_tars(&[layer]);
    let part = package("part", "0").len() as u64;
    let expected = [
        ("app", "1.0.0", 0, app.len() as u64 + 10),
        ("left", "2.0.0", 0, left.len() as u64 + 100 + part),
        ("Flask", "3.0", 0, 42),
        ("old", "1", 0, 21),
    ];
    assert_eq!(packages(&analysis), expected);
    let sums: Vec<_> = analysis
        .holdings
        .by_kind
        .iter()
        .map(|sum| (sum.kind, sum.count, sum.size_bytes))
        .collect();
    assert_eq!(
        sums[0],
        (
            PackageKind::Npm,
            2,
            app.len() as u64 + left.len() as u64 + part + 110
        )
    );
    assert_eq!(sums[1], (PackageKind::Pypi, 2, 63));
}

#[test]
fn what_a_later_layer_removes_is_not_installed() {
    let base = tar(&[
        file(
            "app/node_modules/a/package.json",
            r#"{"name":"a","version":"1"}"#,
        ),
        file("lib/apk/db/installed", "P:a\nV:1\n\n"),
    ]);
    let rest = tar(&[
        file("app/.wh.node_modules", ""),
        file("lib/apk/db/installed", "P:b\nV:2\n\n"),
    ]);
    assert_eq!(packages(&analyse_tars(&[base, rest])), [("b", "2", 1, 0)]);
}

#[test]
fn go_and_rust_programs_tell_what_they_are_made_of() {
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(7));
    encoder.write_all(br#"{"packages":[{"name":"tool","version":"0.3.0","root":true},{"name":"serde","version":"1.0.0"}]}"#).unwrap();
    let list = encoder.finish().unwrap();
    let go = program("usr/bin/app", &go_information(&[]));
    let bytes = go.content.len() as u64;
    let layer = tar(&[
        go,
        program("usr/bin/tool", &list),
        program("usr/bin/plain", b"nothing"),
        program("usr/lib/library.so", &go_information(&[])).mode(0o644),
    ]);
    let analysis = analyse_tars(&[layer]);
    let names: Vec<_> = packages(&analysis)
        .into_iter()
        .map(|(name, version, ..)| (name, version))
        .collect();
    assert_eq!(
        names,
        [
            ("example.com/app", "v1.0.0"),
            ("other", "v2"),
            ("stdlib", "1.22"),
            ("serde", "1.0.0"),
            ("tool", "0.3.0")
        ]
    );
    let of = |name: &str| {
        analysis
            .holdings
            .packages
            .iter()
            .find(|found: &&Package| found.name == name)
            .unwrap()
            .size_bytes
    };
    assert_eq!((of("example.com/app"), of("other")), (bytes, 0));
    assert_eq!(of("tool"), 128 + list.len() as u64);
}

#[test]
fn modes_and_capabilities_that_give_rights_away_are_dangers() {
    let mut capable = pax("SCHILY.xattr.security.capability", "").content;
    let value = [0x0200_0001u32, 1 << 13, 0, 0, 0]
        .map(u32::to_le_bytes)
        .concat();
    capable = {
        let length = capable.len() + value.len();
        let record = [b" SCHILY.xattr.security.capability=", &value[..], b"\n"].concat();
        let digits = (length.to_string().len() + record.len()).to_string();
        [digits.as_bytes(), &record].concat()
    };
    let layer = tar(&[
        file("usr/bin/su", "x").mode(0o4755),
        file("usr/bin/wall", "x").mode(0o2755),
        file("usr/bin/lock", "x").mode(0o2644),
        file("data/all", "x").mode(0o666),
        Item::new("data/open", b'5').mode(0o777),
        Item::new("tmp", b'5').mode(0o1777),
        symlink("data/link", "all"),
        Item {
            content: capable,
            ..Item::new("pax", b'x')
        },
        file("usr/bin/ping", "x").mode(0o755),
    ]);
    let analysis = analyse_tars(&[layer]);
    let of = |kind| found(&analysis, kind);
    assert_eq!(paths(&of(DangerKind::Setuid)), ["usr/bin/su"]);
    assert_eq!(of(DangerKind::Setuid)[0].detail, "4755 0:0");
    assert_eq!(paths(&of(DangerKind::Setgid)), ["usr/bin/wall"]);
    assert_eq!(paths(&of(DangerKind::WorldWritableFile)), ["data/all"]);
    assert_eq!(paths(&of(DangerKind::WorldWritableFolder)), ["data/open"]);
    assert_eq!(of(DangerKind::Capabilities)[0].detail, "cap_net_raw=ep");
}

#[test]
fn the_user_has_its_name_and_id_from_the_image() {
    let layer = tar(&[file(
        "etc/passwd",
        "root:x:0:0::/:/bin/sh\nnode:x:1000:1000::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n",
    )]);
    for (user, name, uid, is_root) in [
        ("", Some("root"), Some(0), true),
        ("node", Some("node"), Some(1000), false),
        ("1000:1000", Some("node"), Some(1000), false),
        ("toor", Some("toor"), Some(0), true),
        ("0", Some("root"), Some(0), true),
        ("ghost", Some("ghost"), None, false),
        ("77", None, Some(77), false),
    ] {
        let mut image = Image::new(std::slice::from_ref(&layer));
        image.config["config"] = json!({"User": user});
        image.config["history"] = json!([{"created_by": "COPY . ."}, {"created_by": format!("USER {user}"), "empty_layer": true}]);
        let analysis = inspect_one(&docker_archive(&[(&image, "test")]));
        let runs_as = &analysis.holdings.user;
        assert_eq!(
            (runs_as.name.as_deref(), runs_as.uid, runs_as.is_root),
            (name, uid, is_root),
            "{user}"
        );
        let roots = found(&analysis, DangerKind::RootUser);
        assert_eq!(roots.len(), usize::from(is_root));
        assert!(roots.iter().all(|root| root.line == Some(1)));
    }
}

fn key(body: &str) -> String {
    format!(
        "-----BEGIN OPENSSH {}-----\n{body}{}\n",
        "PRIVATE KEY",
        "A1".repeat(20)
    )
}

#[test]
fn secrets_that_were_removed_still_ship_and_are_shown_masked() {
    let npmrc = format!("//registry/:_authToken={SECRET}\n");
    let base = tar(&[
        file("root/.ssh/id_rsa", &key("")),
        file("root/.npmrc", &npmrc),
        file("app/.env", &format!("API_TOKEN={SECRET}\n")),
        file("app/kept.pem", &key("")),
        file(
            "tmp/build/config.js",
            &format!(
                "const k = '{}{}';",
                "ghp_", "0a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H"
            ),
        ),
    ]);
    let removes = tar(&[
        file("root/.wh..ssh", ""),
        file("app/.env", "replaced=\n"),
        file("tmp/.wh.build", ""),
    ]);
    let later = tar(&[file("root/.wh..npmrc", "")]);
    let analysis = analyse_tars(&[base, removes, later]);
    let keys = found(&analysis, DangerKind::PrivateKey);
    assert_eq!(paths(&keys), ["app/kept.pem", "root/.ssh/id_rsa"]);
    assert_eq!((keys[0].hidden_by, keys[1].hidden_by), (None, Some(1)));
    assert_eq!(keys[0].detail, "BEGIN OPENSSH PRIVATE KEY …");
    let login = &found(&analysis, DangerKind::Login)[0];
    assert_eq!(
        (
            login.layer,
            login.hidden_by,
            login.line,
            login.detail.as_str()
        ),
        (Some(0), Some(2), Some(0), "0123…")
    );
    let env = &found(&analysis, DangerKind::EnvironmentFile)[0];
    assert_eq!(
        (env.hidden_by, env.detail.as_str()),
        (Some(1), "API_TOKEN=0123…")
    );
    let token = &found(&analysis, DangerKind::Token)[0];
    assert_eq!(
        (
            token.path.as_deref(),
            token.hidden_by,
            token.detail.as_str()
        ),
        (Some("tmp/build/config.js"), Some(1), "ghp_…")
    );
    assert!(
        !serde_json::to_string(&analysis)
            .unwrap()
            .contains(&SECRET[..5])
    );
}

#[test]
fn variables_and_lines_of_the_history_are_masked_and_told_once() {
    let layer = tar(&[file("a", "")]);
    let mut image = Image::new(std::slice::from_ref(&layer));
    image.config["config"] = json!({"Env": [format!("DB_PASSWORD={SECRET}"), "PATH=/bin", format!("DATABASE=postgres://app:{SECRET}-two@db/x"), "GPG_KEY=7169605F62C751356D05"]});
    image.config["history"] = json!([
        {"created_by": format!("ENV DB_PASSWORD={SECRET}"), "empty_layer": true},
        {"created_by": format!("ARG NPM_TOKEN={SECRET}-three"), "empty_layer": true},
        {"created_by": format!("RUN |1 NPM_TOKEN={SECRET}-three /bin/sh -c npm ci")},
        {"created_by": "/bin/sh -c #(nop)  ENV APP_SECRET hunter2hunter2", "empty_layer": true},
    ]);
    let analysis = inspect_one(&docker_archive(&[(&image, "test")]));
    let config: Vec<_> = found(&analysis, DangerKind::SecretInConfig)
        .into_iter()
        .map(|danger| (danger.detail, danger.line))
        .collect();
    assert_eq!(
        config,
        [
            ("DB_PASSWORD=0123…".to_owned(), Some(0)),
            ("0123…".to_owned(), None)
        ]
    );
    let history: Vec<_> = found(&analysis, DangerKind::SecretInHistory)
        .into_iter()
        .map(|danger| (danger.detail, danger.line))
        .collect();
    assert_eq!(
        history,
        [
            ("NPM_TOKEN=0123…".to_owned(), Some(1)),
            ("APP_SECRET=hun…".to_owned(), Some(3))
        ]
    );
    assert!(
        !serde_json::to_string(&analysis.holdings)
            .unwrap()
            .contains(&SECRET[..5])
    );
}

/// A link shows layers and sizes. What an image holds is for its owner.
#[test]
fn a_shared_report_has_nothing_of_it() {
    let layer = tar(&[
        file(
            "var/lib/dpkg/status",
            &status(&[("canary-package", "1.2.3")]),
        ),
        file(
            "root/.npmrc",
            &format!("//canary-registry/:_authToken={SECRET}\n"),
        ),
        file("etc/passwd", "canary-user:x:0:0::/:/bin/sh\n"),
        file("etc/os-release", "ID=canary-system\n"),
    ]);
    let mut image = Image::new(&[layer]);
    image.config["config"] = json!({"User": "0", "Env": ["API_TOKEN=canary-token-value"]});
    let analysis = inspect_one(&docker_archive(&[(&image, "test")]));
    assert_eq!(analysis.holdings.package_count(), 1);
    assert!(analysis.holdings.danger_count() >= 3);
    let report = Report::build("test", &analysis, None, RunText::Shown);
    let json = String::from_utf8(canonical_json(&report)).unwrap();
    for text in [
        json,
        html(&report, Lang::English),
        html(&report, Lang::Portuguese),
    ] {
        for word in ["canary", "holdings", "purl", "dangers", "0123"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }
}
