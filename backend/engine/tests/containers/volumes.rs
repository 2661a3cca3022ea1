//! Volumes through their life, and through the end of their engine.

use std::fs;

use estiva_shared::protocol::{RunRequest, VolumeRequest};

use crate::mounts::{image, mounted, output, volume};
use crate::world::{World, shell, until};

fn named(name: &str) -> VolumeRequest {
    VolumeRequest {
        name: Some(name.to_owned()),
    }
}

fn names(world: &World) -> Vec<String> {
    let volumes = world.engine().volumes().unwrap();
    volumes.into_iter().map(|volume| volume.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_outlives_its_containers_and_is_removed_when_none_has_it() {
    let Some(world) =
        World::new("a_volume_outlives_its_containers_and_is_removed_when_none_has_it").await
    else {
        return;
    };
    let engine = world.engine();
    let made = engine.create_volume(named("db")).unwrap();
    assert_eq!(
        engine.create_volume(named("db")).unwrap(),
        made,
        "asked for twice"
    );
    let writer = RunRequest {
        name: Some("writer".to_owned()),
        ..mounted(vec![volume(Some("db"), "/data")], "echo kept > /data/file")
    };
    let run = world.run(writer).await.unwrap();
    world.wait(&run.id).await;
    assert_eq!(engine.volume("db").unwrap().containers, [run.id.as_str()]);
    let refused = engine.remove_volume("db").unwrap_err();
    assert_eq!(refused.code(), "volume-in-use");
    assert!(refused.to_string().contains("writer"), "{refused}");
    engine.remove("writer", false).await.unwrap();
    let reader = mounted(vec![volume(Some("db"), "/data")], "cat /data/file");
    let reader = RunRequest {
        remove: true,
        ..reader
    };
    let run = world.run(reader).await.unwrap();
    world.wait(&run.id).await;
    assert_eq!(names(&world), ["db"], "--rm leaves what has a name");
    engine.remove_volume("db").unwrap();
    let unknown = engine.remove_volume("db").unwrap_err();
    assert_eq!(unknown.code(), "unknown-volume");
    assert_eq!(
        engine.remove_volume("../db").unwrap_err().code(),
        "unknown-volume"
    );
    assert_eq!(
        engine.create_volume(named("..")).unwrap_err().code(),
        "bad-volume-name"
    );
    assert!(
        engine
            .create_volume(VolumeRequest::default())
            .unwrap()
            .anonymous
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_that_nobody_named_go_with_their_container_where_that_is_asked_for() {
    let Some(world) =
        World::new("volumes_that_nobody_named_go_with_their_container_where_that_is_asked_for")
            .await
    else {
        return;
    };
    let layer = tempfile::tempdir().unwrap();
    fs::create_dir(layer.path().join("data")).unwrap();
    fs::write(layer.path().join("data/file"), "1").unwrap();
    image(
        &world,
        "with-volume",
        layer.path(),
        &["/data", "/data/", "/named"],
    );
    let request = |remove: bool| RunRequest {
        image: "with-volume".to_owned(),
        remove,
        ..mounted(vec![volume(Some("named"), "/named")], "ls /data; sleep 0.3")
    };
    let run = world.run(request(true)).await.unwrap();
    assert_eq!(names(&world).len(), 2);
    world.wait(&run.id).await;
    until("the volume of --rm is gone", async || {
        names(&world) == ["named"]
    })
    .await;

    for volumes_too in [true, false] {
        let run = world.run(request(false)).await.unwrap();
        world.wait(&run.id).await;
        if volumes_too {
            world
                .engine()
                .remove_with_volumes(&run.id, false)
                .await
                .unwrap();
            assert_eq!(names(&world), ["named"]);
        } else {
            world.engine().remove(&run.id, false).await.unwrap();
            assert_eq!(names(&world).len(), 2, "kept, as it may be wanted");
        }
    }
    // One that another container has by its made-up name stays.
    let run = world.run(request(false)).await.unwrap();
    world.wait(&run.id).await;
    let summary = world.engine().get(&run.id).unwrap();
    let estiva_shared::protocol::Mount::Volume {
        name: Some(made_up),
        ..
    } = summary.mounts[1].clone()
    else {
        panic!("{summary:?}")
    };
    let other = world
        .run(mounted(vec![volume(Some(&made_up), "/x")], "true"))
        .await
        .unwrap();
    world.wait(&other.id).await;
    world
        .engine()
        .remove_with_volumes(&run.id, false)
        .await
        .unwrap();
    assert!(names(&world).contains(&made_up));
    world.finish().await;
}

// A removal is finished by the next engine, and it must not forget the volumes.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_engine_left_of_volumes_is_put_right() {
    let Some(world) = World::new("what_a_killed_engine_left_of_volumes_is_put_right").await else {
        return;
    };
    let run = world
        .run(mounted(
            vec![volume(None, "/x"), volume(Some("kept"), "/y")],
            "true",
        ))
        .await
        .unwrap();
    world.wait(&run.id).await;
    let containers = world.root().join("containers");
    let volumes = world.root().join("volumes");
    let world = world
        .reopen_after(async || {
            fs::write(containers.join(&run.id).join("with-volumes"), "").unwrap();
            let retired = containers.join(format!(".removing-{}", run.id));
            fs::rename(containers.join(&run.id), retired).unwrap();
            fs::create_dir_all(volumes.join(".new-half/_data")).unwrap();
            // A copy of an image's files that was cut short.
            fs::create_dir(volumes.join("kept/filling")).unwrap();
            fs::write(volumes.join("kept/filling/half"), "1").unwrap();
        })
        .await;
    assert_eq!(names(&world), ["kept"]);
    assert_eq!(
        fs::read_dir(world.root().join("volumes")).unwrap().count(),
        1
    );
    let request = mounted(
        vec![volume(Some("kept"), "/etc")],
        "ls /etc; ls /etc/half && echo half?; true",
    );
    let said = output(&world, request).await;
    assert!(said.contains("passwd") && !said.contains("half"), "{said}");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_containers_begin_with_one_new_volume_at_once() {
    let Some(world) = World::new("many_containers_begin_with_one_new_volume_at_once").await else {
        return;
    };
    let request = |number: u32| {
        mounted(
            vec![volume(Some("shared"), "/etc")],
            &format!("test -s /etc/passwd && touch /etc/mark-{number}"),
        )
    };
    let runs = (0..6).map(|number| world.run(request(number)));
    let mut ids = Vec::new();
    for run in futures(runs).await {
        ids.push(run.unwrap().id);
    }
    for id in &ids {
        assert_eq!(crate::world::code(&world.wait(id).await), 0);
    }
    let shown = output(
        &world,
        RunRequest {
            mounts: vec![volume(Some("shared"), "/look")],
            ..shell("ls /look | grep -c mark-")
        },
    )
    .await;
    assert_eq!(shown, "6\n");
    world.finish().await;
}

/// All at once, their results in order.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = all.map(|each| (Box::pin(each), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in waiting.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        match waiting.iter().all(|(_, done)| done.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    waiting.into_iter().filter_map(|(_, done)| done).collect()
}
