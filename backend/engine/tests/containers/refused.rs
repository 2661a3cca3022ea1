//! What is refused, and what that says.

use estiva_engine::EngineError;
use estiva_shared::protocol::{ContainerStatus, Limits, RunRequest};

use crate::world::{World, shell, until};

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_asked_for_leaves_nothing() {
    let Some(world) = World::new("what_can_not_be_asked_for_leaves_nothing").await else {
        return;
    };
    let code = async |request: RunRequest| world.run(request).await.unwrap_err().code();
    let name = |name: &str| RunRequest {
        name: Some(name.into()),
        ..shell("true")
    };
    let limits = |limits: Limits| RunRequest {
        limits,
        ..shell("true")
    };
    assert_eq!(code(name("../x")).await, "bad-name");
    assert_eq!(
        code(limits(Limits {
            memory_bytes: Some(4096),
            ..Limits::default()
        }))
        .await,
        "bad-limit"
    );
    assert_eq!(
        code(limits(Limits {
            cpus: Some(4096.0),
            ..Limits::default()
        }))
        .await,
        "bad-limit"
    );
    assert_eq!(
        code(limits(Limits {
            pids: Some(0),
            ..Limits::default()
        }))
        .await,
        "bad-limit"
    );
    assert_eq!(
        code(RunRequest {
            env: vec![("A=B".into(), String::new())],
            ..shell("true")
        })
        .await,
        "bad-request"
    );
    assert_eq!(
        code(RunRequest {
            image: "busibox".into(),
            ..shell("true")
        })
        .await,
        "unknown-image"
    );
    assert_eq!(
        code(RunRequest {
            entrypoint: Some(String::new()),
            args: vec![],
            ..shell("")
        })
        .await,
        "no-command"
    );
    assert_eq!(world.engine().list(true), []);
    assert_eq!(
        std::fs::read_dir(world.root().join("containers"))
            .unwrap()
            .count(),
        0
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_or_can_not_run_is_told_apart() {
    let Some(world) = World::new("a_program_that_is_not_there_or_can_not_run_is_told_apart").await
    else {
        return;
    };
    let run = async |program: &str, remove: bool| {
        let args = vec![program.to_owned()];
        world
            .run(RunRequest {
                args,
                remove,
                ..shell("")
            })
            .await
            .unwrap_err()
    };
    let missing = run("no-such-program", false).await;
    assert!(
        matches!(missing, EngineError::ProgramNotFound { .. }),
        "{missing:?}"
    );
    assert!(missing.to_string().contains("no-such-program"), "{missing}");
    assert_eq!(missing.exit_code(), 127);
    let folder = run("/etc", false).await;
    assert!(
        matches!(folder, EngineError::ProgramNotExecutable { .. }),
        "{folder:?}"
    );
    assert_eq!(folder.exit_code(), 126);
    // Both stay listed with their reason; with --rm nothing does.
    assert!(
        matches!(&world.engine().list(true)[1].status, ContainerStatus::Failed { message } if message.contains("no-such-program"))
    );
    run("no-such-program", true).await;
    assert_eq!(world.engine().list(true).len(), 2);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_one_containers_even_at_once() {
    let Some(world) = World::new("names_are_one_containers_even_at_once").await else {
        return;
    };
    let runs: Vec<_> = (0..6)
        .map(|_| {
            let engine = world.engine().clone();
            let request = RunRequest {
                name: Some("only".into()),
                ..shell("sleep 1000")
            };
            tokio::spawn(async move { engine.run(request).await })
        })
        .collect();
    let mut made = 0;
    for run in runs {
        match run.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert_eq!(error.code(), "name-taken"),
        }
    }
    assert_eq!(made, 1);
    let unknown = world.engine().get("onyl1").unwrap_err();
    assert_eq!(unknown.hint(), None);
    assert_eq!(
        world.engine().get("onli").unwrap_err().hint().unwrap(),
        "names like it: only"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verbs_are_refused_in_the_wrong_state() {
    let Some(world) = World::new("verbs_are_refused_in_the_wrong_state").await else {
        return;
    };
    let made = world
        .run(RunRequest {
            name: Some("done".into()),
            ..shell("true")
        })
        .await
        .unwrap();
    world.wait(&made.id).await;
    let expected = "expected it running, but it is exited with status 0";
    let kill = world.engine().kill("done", "TERM").await.unwrap_err();
    assert_eq!(
        kill.to_string(),
        format!("can't kill container done: {expected}")
    );
    let exec = world
        .engine()
        .exec("done", Default::default())
        .await
        .unwrap_err();
    assert_eq!(
        exec.to_string(),
        format!("can't exec in container done: {expected}")
    );
    assert_eq!(
        world.engine().stats("done").unwrap_err().code(),
        "wrong-state"
    );
    assert_eq!(
        world
            .engine()
            .kill("done", "NOPE")
            .await
            .unwrap_err()
            .code(),
        "unknown-signal"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_knows_its_containers() {
    let Some(world) = World::new("an_image_knows_its_containers").await else {
        return;
    };
    let image = world.store().resolve("busybox").unwrap().id;
    assert_eq!(world.engine().in_use(&image), Vec::<String>::new());
    world
        .run(RunRequest {
            name: Some("user".into()),
            ..shell("true")
        })
        .await
        .unwrap();
    assert_eq!(world.engine().in_use(&image), ["user"]);
    until("it ended", async || world.engine().list(false).is_empty()).await;
    assert_eq!(
        world.engine().in_use(&image),
        ["user"],
        "an ended container still needs its image"
    );
    world.engine().remove("user", false).await.unwrap();
    assert_eq!(world.engine().in_use(&image), Vec::<String>::new());
    world.finish().await;
}
