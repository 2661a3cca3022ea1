//! Mounts: what a container gets, what it can do with it, and images that are made to lead them out.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use estiva_shared::protocol::{ContainerStatus, Mount, OutputStream, RunRequest};

use crate::world::{World, code, shell};

fn bind(source: impl AsRef<Path>, target: &str) -> Mount {
    Mount::Bind {
        source: source.as_ref().to_str().unwrap().to_owned(),
        target: target.to_owned(),
        read_only: false,
        create_source: false,
    }
}

pub(crate) fn volume(name: Option<&str>, target: &str) -> Mount {
    Mount::Volume {
        name: name.map(str::to_owned),
        target: target.to_owned(),
        read_only: false,
    }
}

fn tmpfs(target: &str) -> Mount {
    Mount::Tmpfs {
        target: target.to_owned(),
        size_bytes: Some(1 << 20),
        mode: Some(0o751),
        uid: Some(7),
        gid: None,
        read_only: false,
        exec: false,
    }
}

pub(crate) fn mounted(mounts: Vec<Mount>, script: &str) -> RunRequest {
    RunRequest {
        mounts,
        ..shell(script)
    }
}

/// Runs it to its end; what it printed.
pub(crate) async fn output(world: &World, request: RunRequest) -> String {
    let run = world.run(request).await.unwrap();
    let status = world.wait(&run.id).await;
    let text = world.output(&run.id, OutputStream::Stdout).await;
    let errors = world.output(&run.id, OutputStream::Stderr).await;
    assert_eq!(code(&status), 0, "{text}{errors}");
    text
}

/// An image of busybox with a further layer, made of a folder, and these VOLUMEs.
pub(crate) fn image(world: &World, name: &str, layer: &Path, volumes: &[&str]) {
    let tar = Command::new("tar")
        .args(["--numeric-owner", "-cf", "-", "-C"])
        .arg(layer)
        .arg(".")
        .output()
        .unwrap();
    assert!(tar.status.success(), "{tar:?}");
    let store = world.store();
    let base = store.resolve("busybox").unwrap();
    let added = store.import_layer(&mut &tar.stdout[..], None).unwrap();
    let mut layers = base.diff_ids.clone();
    layers.push(added.diff_id);
    let mut config = base.config.clone();
    let mut container = config.config().clone().unwrap();
    let volumes: Vec<String> = volumes.iter().map(ToString::to_string).collect();
    container.set_volumes(Some(volumes));
    config.set_config(Some(container));
    let made = store.create_image(&config, &layers).unwrap();
    store.tag(&name.parse().unwrap(), &made.id).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_the_host_and_memory_are_mounted_as_asked_for() {
    let Some(world) = World::new("parts_of_the_host_and_memory_are_mounted_as_asked_for").await
    else {
        return;
    };
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("file"), "of the host\n").unwrap();
    let read_only = Mount::Bind {
        source: host.path().to_str().unwrap().to_owned(),
        target: "/read".to_owned(),
        read_only: true,
        create_source: false,
    };
    let request = mounted(
        // The child first: it is mounted second.
        vec![
            bind(host.path().join("file"), "/deep/below/file"),
            tmpfs("/deep"),
            read_only,
            bind(host.path(), "/write"),
        ],
        "cat /deep/below/file /read/file; stat -c '%a %u' /deep; cp /bin/busybox /deep/x && echo full?; \
         printf '#!/bin/sh\\n' > /deep/run; chmod +x /deep/run; /deep/run && echo ran?; \
         touch /read/no && echo written?; echo back > /write/new; true",
    );
    let said = output(&world, request).await;
    assert_eq!(said, "of the host\nof the host\n751 7\n");
    assert_eq!(fs::read(host.path().join("new")).unwrap(), b"back\n");
    assert_eq!(fs::read_dir(host.path()).unwrap().count(), 2);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_container_writes_to_what_is_mounted_alone() {
    let Some(world) = World::new("a_read_only_container_writes_to_what_is_mounted_alone").await
    else {
        return;
    };
    let request = RunRequest {
        read_only: true,
        ..mounted(
            vec![volume(Some("data"), "/data"), tmpfs("/tmp")],
            "touch /x && echo written?; touch /etc/x && echo written?; touch /data/x /tmp/x /dev/shm/x && echo ok",
        )
    };
    assert_eq!(output(&world, request).await, "ok\n");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_link_of_an_image_or_a_volume_leads_a_mount_out() {
    let Some(world) = World::new("no_link_of_an_image_or_a_volume_leads_a_mount_out").await else {
        return;
    };
    let host = tempfile::tempdir().unwrap();
    let (victim, layer) = (host.path().join("victim"), host.path().join("layer"));
    fs::create_dir_all(&victim).unwrap();
    fs::create_dir_all(layer.join("real")).unwrap();
    symlink(&victim, layer.join("out")).unwrap();
    symlink("../../../../../..", layer.join("up")).unwrap();
    symlink("/run/inside", layer.join("dangling")).unwrap();
    image(&world, "hostile", &layer, &["/out/volume"]);
    fs::write(host.path().join("file"), "ours\n").unwrap();

    let mounts = vec![
        bind(host.path().join("file"), "/out/file"),
        bind(host.path().join("file"), "/up/top"),
        tmpfs("/dangling/memory"),
        volume(Some("links"), "/data"),
    ];
    let request = RunRequest {
        image: "hostile".to_owned(),
        ..mounted(
            mounts,
            &format!(
                "cat /out/file /top; ls -d /run/inside/memory; ln -s {} /data/evil",
                victim.display()
            ),
        )
    };
    assert_eq!(
        output(&world, request).await,
        "ours\nours\n/run/inside/memory\n"
    );
    // The volume has a link of the last container's now; a place behind it is the container's own.
    let request = RunRequest {
        image: "hostile".to_owned(),
        ..mounted(
            vec![
                volume(Some("links"), "/data"),
                bind(host.path().join("file"), "/data/evil/file"),
                tmpfs("/data/evil/memory"),
            ],
            "cat /data/evil/file",
        )
    };
    assert_eq!(output(&world, request).await, "ours\n");
    assert_eq!(
        fs::read_dir(&victim).unwrap().count(),
        0,
        "something was made outside"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_what_the_kernel_says_is_no_place_for_a_mount() {
    let Some(world) = World::new("a_link_to_what_the_kernel_says_is_no_place_for_a_mount").await
    else {
        return;
    };
    let layer = tempfile::tempdir().unwrap();
    symlink("/proc", layer.path().join("p")).unwrap();
    symlink("/sys", layer.path().join("s")).unwrap();
    image(&world, "hostile", layer.path(), &["/p/self"]);
    image(&world, "plain", layer.path(), &[]);
    let by_volume = RunRequest {
        image: "hostile".to_owned(),
        ..shell("true")
    };
    let refused = world.run(by_volume).await.unwrap_err();
    assert!(refused.to_string().contains("/proc or /sys"), "{refused}");
    for mount in [
        tmpfs("/p"),
        volume(None, "/p/1"),
        bind("/etc/hostname", "/p/uptime"),
        tmpfs("/s/kernel"),
    ] {
        let request = RunRequest {
            image: "plain".to_owned(),
            ..mounted(vec![mount.clone()], "true")
        };
        let refused = world.run(request).await.unwrap_err();
        assert_eq!(refused.code(), "not-started", "{mount:?}: {refused}");
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_not_there_is_refused_or_made_as_asked_for() {
    let Some(world) =
        World::new("a_source_that_is_not_there_is_refused_or_made_as_asked_for").await
    else {
        return;
    };
    let host = tempfile::tempdir().unwrap();
    let missing = host.path().join("a/b");
    let refused = world
        .run(mounted(vec![bind(&missing, "/x")], "true"))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "mount-source");
    assert!(
        refused.to_string().contains(missing.to_str().unwrap()),
        "{refused}"
    );
    assert_eq!(world.engine().list(true), [], "a container was made");
    let made = Mount::Bind {
        source: missing.to_str().unwrap().to_owned(),
        target: "/x".to_owned(),
        read_only: false,
        create_source: true,
    };
    assert_eq!(
        output(&world, mounted(vec![made], "echo 1 > /x/y; stat -c %a /x")).await,
        "755\n"
    );
    assert!(missing.join("y").exists());
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_on_a_file_and_a_file_on_a_folder_are_named_so() {
    let Some(world) = World::new("a_folder_on_a_file_and_a_file_on_a_folder_are_named_so").await
    else {
        return;
    };
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("file"), "").unwrap();
    for (source, target, sentence) in [
        (host.path().to_owned(), "/etc/passwd", "expected a folder"),
        (host.path().join("file"), "/etc", "expected a file"),
    ] {
        let refused = world.run(mounted(vec![bind(source, target)], "true")).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(sentence), "{refused}");
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_mount_takes_the_place_of_the_engines_own() {
    let Some(world) = World::new("a_users_mount_takes_the_place_of_the_engines_own").await else {
        return;
    };
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("hosts"), "10.0.0.1 mine\n").unwrap();
    let request = mounted(
        vec![bind(host.path().join("hosts"), "/etc/hosts")],
        "cat /etc/hosts",
    );
    let run = world.run(request).await.unwrap();
    world.wait(&run.id).await;
    assert_eq!(
        world.output(&run.id, OutputStream::Stdout).await,
        "10.0.0.1 mine\n"
    );
    // And the list says what was mounted.
    let summary = world.engine().get(&run.id).unwrap();
    assert_eq!(summary.mounts.len(), 1);
    assert_eq!(summary.mounts[0].target(), "/etc/hosts");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_certificates_are_shown_and_leave_nothing() {
    let test = "the_hosts_certificates_are_shown_and_leave_nothing";
    let Some(world) = World::new(test).await else {
        return;
    };
    let Ok(bundle) = estiva_runtime::defaults::host_ca_bind() else {
        eprintln!("SKIP {test}: this host has no bundle of certificates");
        return;
    };
    let request = RunRequest {
        trust_host_ca: true,
        read_only: true,
        env: vec![("PIP_CERT".to_owned(), "/mine".to_owned())],
        ..shell(
            "cat $SSL_CERT_FILE | wc -c; echo $PIP_CERT; echo $NODE_EXTRA_CA_CERTS; echo x > $SSL_CERT_FILE; true",
        )
    };
    let run = world.run(request).await.unwrap();
    let status = world.wait(&run.id).await;
    assert!(matches!(status, ContainerStatus::Exited { code: 0, .. }));
    let said = world.output(&run.id, OutputStream::Stdout).await;
    let size = fs::metadata(&bundle.source).unwrap().len();
    assert_eq!(said, format!("{size}\n/mine\n/dev/estiva/host-ca.crt\n"));
    let upper = world.root().join("containers").join(&run.id).join("upper");
    assert!(!upper.join("dev/estiva").exists());
    assert_eq!(fs::metadata(&bundle.source).unwrap().len(), size);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_volume_begins_with_what_the_image_has_there() {
    let Some(world) = World::new("a_new_volume_begins_with_what_the_image_has_there").await else {
        return;
    };
    let layer = tempfile::tempdir().unwrap();
    let data = layer.path().join("srv/data");
    fs::create_dir_all(data.join("sub")).unwrap();
    fs::write(data.join("file"), "of the image\n").unwrap();
    fs::hard_link(data.join("file"), data.join("sub/same")).unwrap();
    fs::set_permissions(data.join("file"), PermissionsExt::from_mode(0o4640)).unwrap();
    std::os::unix::fs::chown(&data, Some(7), Some(8)).unwrap();
    symlink("/srv/data", layer.path().join("link")).unwrap();
    image(&world, "filled", layer.path(), &[]);
    let with = |target: &str, script: &str| RunRequest {
        image: "filled".to_owned(),
        ..mounted(vec![volume(Some("data"), target)], script)
    };
    // By way of a link of the image's.
    let said = output(
        &world,
        with("/link", "cat /srv/data/sub/same; stat -c '%a %h' /link/file; stat -c %u:%g /srv/data; rm /link/file; echo 2 > /link/sub/new"),
    )
    .await;
    assert_eq!(said, "of the image\n4640 2\n7:8\n");
    // What is in it stays, and nothing is added.
    assert_eq!(
        output(&world, with("/srv/data", "ls /srv/data /srv/data/sub")).await,
        "/srv/data:\nsub\n\n/srv/data/sub:\nnew\nsame\n"
    );
    // The image has not changed.
    let root = world.root().join("volumes/data/_data");
    assert_eq!(fs::metadata(&root).unwrap().uid(), 7);
    assert_eq!(
        output(&world, with("/elsewhere", "ls /srv/data/file")).await,
        "/srv/data/file\n"
    );
    world.finish().await;
}
