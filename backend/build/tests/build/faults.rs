//! Builds that fail or are stopped: what is told, and that nothing has changed.

use std::time::{Duration, Instant};

use estiva_build::{CancelFlag, Context};
use estiva_shared::protocol::BuildEvent;

use crate::world::World;

#[test]
fn a_mistake_is_told_before_anything_runs() {
    let Some(world) = World::new("faults_mistake") else {
        return;
    };
    for (dockerfile, code, line) in [
        ("FROM busybox\nRUN touch /x\nCOPPY a b\n", "dockerfile", 3),
        ("FROM busybox\nRUN touch /x\nVOLUME /x\n", "not-built", 3),
        (
            "FROM busybox\nRUN touch /x\nEXPOSE 99999\n",
            "dockerfile",
            3,
        ),
        (
            "FROM busybox\nRUN touch /x\nFROM nothing-like-it\n",
            "unknown-image",
            3,
        ),
    ] {
        let outcome = world.build(dockerfile);
        let failure = outcome.result.unwrap_err();
        assert_eq!(
            (failure.code.as_str(), failure.line),
            (code, Some(line)),
            "{failure:?}"
        );
        assert_eq!(failure.dockerfile.as_deref(), Some("Dockerfile"));
        assert!(
            !outcome
                .events
                .iter()
                .any(|event| matches!(event, BuildEvent::Started { .. }))
        );
        assert!(
            matches!(outcome.events.last(), Some(BuildEvent::Failed(last)) if *last == failure)
        );
    }
    world.assert_clean();
}

#[test]
fn an_unknown_image_is_told_with_names_like_it() {
    let Some(world) = World::new("faults_unknown") else {
        return;
    };
    let failure = world.refused("FROM busybux\n");
    assert_eq!(
        (failure.code.as_str(), failure.line),
        ("unknown-image", Some(1))
    );
    assert!(failure.hint.unwrap().contains("busybox"));
}

#[test]
fn a_name_that_is_none_is_told_before_anything_runs() {
    let Some(world) = World::new("faults_name") else {
        return;
    };
    let mut request = World::request("FROM busybox\nRUN touch /x\n");
    request.tags = vec!["Not A Name".to_owned()];
    let outcome = world.build_request(&request);
    assert_eq!(outcome.result.unwrap_err().code, "bad-request");
    assert_eq!(outcome.events.len(), 1);
}

#[test]
fn a_failed_build_leaves_the_name_where_it_was() {
    let Some(world) = World::new("faults_name_stays") else {
        return;
    };
    let before = world
        .build("FROM busybox\nRUN echo 1 > /x\n")
        .result
        .unwrap()
        .image_id;
    let images = world.store.images().unwrap().len();
    world.refused("FROM busybox\nRUN echo 2 > /x\nRUN false\n");
    assert_eq!(world.store.resolve("test").unwrap().id, before);
    assert_eq!(world.store.images().unwrap().len(), images);
    world.assert_clean();
}

#[test]
fn stopping_a_build_kills_its_step_at_once_and_leaves_nothing() {
    let Some(world) = World::new("faults_stopped") else {
        return;
    };
    let cancel = CancelFlag::new().unwrap();
    let stopper = cancel.clone();
    let mut watch = |event: &BuildEvent| {
        if matches!(event, BuildEvent::Output { .. }) {
            stopper.cancel();
        }
    };
    let request = World::request(
        "FROM busybox\nRUN trap '' TERM INT; echo ready; sleep 1000 & while :; do sleep 1000; done\n",
    );
    let started = Instant::now();
    let outcome = world.build_from(&request, &world.context(""), &cancel, &mut watch);
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(outcome.result.unwrap_err().code, "cancelled");
    assert!(world.store.resolve("test").is_err());
    world.assert_clean();
}

#[test]
fn stopping_works_on_a_step_that_has_closed_its_output_too() {
    let Some(world) = World::new("faults_silent") else {
        return;
    };
    let cancel = CancelFlag::new().unwrap();
    let stopper = cancel.clone();
    let timer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(700));
        stopper.cancel();
    });
    let request = World::request("FROM busybox\nRUN exec sleep 15 >/dev/null 2>&1 </dev/null\n");
    let started = Instant::now();
    let outcome = world.build_from(&request, &world.context(""), &cancel, &mut |_| {});
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(outcome.result.unwrap_err().code, "cancelled");
    timer.join().unwrap();
    world.assert_clean();
}

#[test]
fn a_context_without_a_dockerfile_says_so() {
    let Some(world) = World::new("faults_no_dockerfile") else {
        return;
    };
    let mut request = World::request("");
    request.dockerfile_text = None;
    let failure = world.build_request(&request).result.unwrap_err();
    assert_eq!(failure.code, "context");
    assert!(
        failure.message.contains("Dockerfile"),
        "{}",
        failure.message
    );
}

#[test]
fn a_build_argument_is_in_no_history_and_no_timing() {
    let Some(world) = World::new("faults_canary") else {
        return;
    };
    let mut request = World::request(
        "FROM busybox\nARG SECRET\nRUN test -n \"$SECRET\" && echo x > /x\nCOPY --chown=${SECRET} f /f\nRUN true\n",
    );
    request.build_args = vec![("SECRET".to_owned(), "31337".to_owned())];
    world.write("f", "f");
    let built = world.build_request(&request).result.unwrap();
    let config = String::from_utf8(world.store.config_bytes(&built.image_id).unwrap()).unwrap();
    assert!(!config.contains("31337"), "{config}");
    let timings: estiva_shared::report::BuildTimings =
        world.store.build_of(&built.image_id).unwrap().unwrap();
    assert_eq!(timings.steps.len(), 5);
    assert!(
        timings
            .steps
            .iter()
            .all(|step| !step.text.contains("31337"))
    );
}

#[test]
fn an_empty_context_has_nothing_to_copy() {
    let Some(world) = World::new("faults_empty") else {
        return;
    };
    let request = World::request("FROM busybox\nCOPY f /f\n");
    let cancel = CancelFlag::new().unwrap();
    let failure = world
        .builder
        .build(&request, Context::Empty, &mut |_| {}, &cancel)
        .unwrap_err();
    assert_eq!((failure.code.as_str(), failure.line), ("context", Some(2)));
}

#[test]
fn builds_at_the_same_time_do_not_disturb_each_other() {
    let Some(world) = World::new("faults_together") else {
        return;
    };
    let dockerfile =
        "FROM busybox\nCOPY f /f\nRUN echo same > /x && touch -d @1 /x\nRUN cat /x /f\n";
    world.write("f", "f");
    std::thread::scope(|scope| {
        for index in 0..4 {
            let world = &world;
            scope.spawn(move || {
                let mut request = World::request(dockerfile);
                request.tags = vec![format!("test{index}")];
                request.no_cache = index % 2 == 0;
                world.build_request(&request).result.unwrap();
            });
        }
    });
    for index in 0..4 {
        assert_eq!(world.files(&format!("test{index}")).read("/x"), "same\n");
    }
    world.assert_clean();
}

#[test]
fn a_dockerfile_of_too_many_steps_is_refused() {
    let Some(world) = World::new("faults_steps") else {
        return;
    };
    let failure = world.refused(&format!("FROM busybox\n{}", "ENV A=1\n".repeat(1000)));
    assert_eq!(failure.code, "dockerfile");
    assert!(
        failure.message.contains("1000 steps, but found 1001"),
        "{}",
        failure.message
    );
}
