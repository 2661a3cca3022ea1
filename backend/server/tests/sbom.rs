//! What an image holds, by command: the same from a file and from the store, no secret in any of it, and bills of materials.

// Closures and helpers beside the tests panic as tests do.
#![allow(clippy::unwrap_used)]

mod world;

use std::fs;

use estiva_shared::image::ImageAnalysis;
use estiva_shared::image::holdings::DangerKind;
use world::World;

/// What no command may print.
const SECRET: &str = "0123canary456789";

/// An image with a package, and a token that a later layer deletes; its archive lies in the world's folder.
fn image(world: &World) -> String {
    let context = world.path("context");
    fs::create_dir_all(context.join("root/var/lib/dpkg")).unwrap();
    fs::create_dir_all(context.join("root/root")).unwrap();
    let status =
        "Package: greeting\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2-3\n";
    fs::write(context.join("root/var/lib/dpkg/status"), status).unwrap();
    let login = format!("//registry/:_authToken={SECRET}\n");
    fs::write(context.join("root/root/.npmrc"), login).unwrap();
    let text = "FROM busybox\nCOPY root /\nRUN rm /root/.npmrc\n";
    fs::write(context.join("Dockerfile"), text).unwrap();
    let folder = context.to_str().unwrap();
    world.ok(&["build", "--network=none", "-t", "held:1", folder]);
    let file = world.path("held.tar").to_str().unwrap().to_owned();
    world.ok(&["save", "-o", &file, "held:1"]);
    file
}

#[test]
fn a_file_and_the_store_hold_the_same_and_the_secret_stays_hidden() {
    let Some(world) =
        World::with_busybox("a_file_and_the_store_hold_the_same_and_the_secret_stays_hidden")
    else {
        return;
    };
    let file = image(&world);
    let mut texts = Vec::new();
    for format in ["spdx", "cyclonedx"] {
        let of_file = world.ok(&["sbom", &file, "--format", format]);
        assert_eq!(of_file, world.ok(&["sbom", "held:1", "--format", format]));
        assert!(of_file.contains("pkg:deb/debian/greeting@1.2-3?arch=amd64"));
        texts.push(of_file);
    }
    assert_eq!(texts[0], world.ok(&["sbom", &file]), "SPDX is the default");
    let [of_file, of_store] = [file.as_str(), "held:1"].map(|subject| {
        let json = world.ok(&["inspect", "--json", subject]);
        let analysis: ImageAnalysis = serde_json::from_str(&json).unwrap();
        texts.push(json);
        texts.push(world.ok(&["inspect", subject]));
        analysis.holdings
    });
    assert_eq!(of_file, of_store);
    let logins = of_file
        .dangers
        .iter()
        .find(|group| group.kind == DangerKind::Login);
    let login = &logins.unwrap().found[0];
    assert_eq!(login.path.as_deref(), Some("root/.npmrc"));
    assert_eq!(login.hidden_by, Some(login.layer.unwrap() + 1));
    let summary = texts.last().unwrap();
    for line in [
        "\n1 package:\n",
        "root/.npmrc  0123…  (layer",
        "still ships)",
        "no user is named",
    ] {
        assert!(summary.contains(line), "{line:?} is not in {summary}");
    }
    world.ok(&["share", "held:1"]);
    texts.push(world.ok(&["report", "held:1"]));
    assert!(texts.iter().all(|text| !text.contains(&SECRET[..5])));
}

#[test]
fn a_file_needs_no_server_and_an_image_of_it_is_named() {
    let Some(world) = World::with_busybox("a_file_needs_no_server_and_an_image_of_it_is_named")
    else {
        return;
    };
    let file = image(&world);
    world.ok(&["stop-server"]);
    assert!(
        world
            .ok(&["sbom", &file, "--image", "held:1"])
            .contains("greeting")
    );
    let refused = world.fails(1, &["sbom", &file, "--image", "unknown"]);
    let expected = "expected one of the images in it (1), but found none for --image unknown";
    assert!(
        refused.contains(expected) && refused.contains("held:1"),
        "{refused}"
    );
    world.fails(1, &["sbom", "/dev/null"]);
    assert!(world.ok(&["stop-server"]).contains("no server runs"));
    world.fails(1, &["sbom", "busybox", "--image", "busybox"]);
}
