//! Terminals and standard inputs, through the engine and past its end.

use estiva_engine::{AttachEvent, Attachment, Engine};
use estiva_shared::protocol::{ExecRequest, RunRequest, TerminalSize};

use crate::world::{PATIENCE, World, shell, until};

const SIZE: TerminalSize = TerminalSize {
    rows: 31,
    columns: 97,
};

fn terminal(script: &str) -> RunRequest {
    RunRequest {
        interactive: true,
        terminal: true,
        terminal_size: Some(SIZE),
        ..shell(script)
    }
}

fn exec_shell() -> ExecRequest {
    ExecRequest {
        args: vec!["sh".to_owned()],
        interactive: true,
        terminal: true,
        terminal_size: Some(SIZE),
        ..ExecRequest::default()
    }
}

/// Reads on until the output holds this.
async fn read_until(attached: &mut Attachment, text: &str) -> String {
    let mut seen = String::new();
    let read = async {
        while !seen.contains(text) {
            match attached.output.next().await.unwrap() {
                Some(AttachEvent::Output(bytes)) => {
                    seen.push_str(&String::from_utf8_lossy(&bytes));
                }
                other => panic!("{other:?} before {text:?}: {seen:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect(text);
    seen
}

/// Reads to the end: all output, and the exit status.
async fn drain(attached: &mut Attachment) -> (Vec<u8>, Option<i32>) {
    let mut bytes = Vec::new();
    let read = async {
        loop {
            match attached.output.next().await.unwrap() {
                Some(AttachEvent::Output(more)) => bytes.extend(more),
                Some(AttachEvent::Exited(exit)) => return Some(exit.code),
                None => return None,
            }
        }
    };
    let code = tokio::time::timeout(PATIENCE, read).await.expect("an end");
    (bytes, code)
}

async fn attach(engine: &Engine, name: &str, exec: Option<&str>) -> Attachment {
    engine.attach(name, exec).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_containers_terminal_is_attached_to_resized_and_found_again() {
    let Some(world) =
        World::new("a_containers_terminal_is_attached_to_resized_and_found_again").await
    else {
        return;
    };
    let script = "stty size; echo $TERM; while read line; do echo got $line; stty size; done";
    let made = world.run(terminal(script)).await.unwrap();
    let summary = world.engine().get(&made.id).unwrap();
    assert!(summary.terminal && summary.interactive);
    let mut attached = attach(world.engine(), &made.id, None).await;
    read_until(&mut attached, "31 97\r\nxterm\r\n").await;
    attached.input.resize(40, 120).await.unwrap();
    attached.input.input(b"one\n").await.unwrap();
    read_until(&mut attached, "got one\r\n40 120\r\n").await;
    drop(attached);
    let world = world.reopen().await;
    let summary = world.engine().get(&made.id).unwrap();
    assert!(summary.terminal && summary.interactive);
    let mut attached = attach(world.engine(), &made.id, None).await;
    let seen = read_until(&mut attached, "40 120").await;
    assert!(seen.contains("got one"), "{seen:?}");
    attached.input.input(b"two\n\x04").await.unwrap();
    let (output, code) = drain(&mut attached).await;
    assert!(String::from_utf8_lossy(&output).contains("got two"));
    assert_eq!(code, Some(0));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_in_a_container_outlives_the_engine() {
    let Some(world) = World::new("a_shell_in_a_container_outlives_the_engine").await else {
        return;
    };
    let made = world.sh("sleep 1000").await;
    let exec = world
        .engine()
        .begin_exec(&made.id, exec_shell())
        .await
        .unwrap();
    let mut attached = attach(world.engine(), &made.id, Some(&exec.id)).await;
    let typed = b"x=kept; stty size\n";
    attached.input.input(typed).await.unwrap();
    read_until(&mut attached, "31 97\r\n").await;
    drop(attached);
    let world = world.reopen().await;
    let execs = world.engine().execs(&made.id).unwrap();
    assert_eq!(execs.len(), 1);
    assert_eq!((execs[0].id.as_str(), execs[0].terminal), (&*exec.id, true));
    let mut attached = attach(world.engine(), &made.id, Some(&exec.id)).await;
    read_until(&mut attached, "31 97").await;
    attached
        .input
        .input(b"echo was $x; exit 6\n")
        .await
        .unwrap();
    let (output, code) = drain(&mut attached).await;
    assert!(String::from_utf8_lossy(&output).contains("was kept"));
    assert_eq!(code, Some(6));
    until("no exec", async || {
        world.engine().execs(&made.id).unwrap().is_empty()
    })
    .await;
    let gone = world.engine().attach(&made.id, Some(&exec.id)).await;
    assert_eq!(gone.unwrap_err().code(), "unknown-exec");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_is_hung_up_when_asked_and_goes_with_its_container() {
    let Some(world) = World::new("an_exec_is_hung_up_when_asked_and_goes_with_its_container").await
    else {
        return;
    };
    let made = world.sh("sleep 1000").await;
    let engine = world.engine();
    let one = engine.begin_exec(&made.id, exec_shell()).await.unwrap();
    let other = engine.begin_exec(&made.id, exec_shell()).await.unwrap();
    let mut attached = attach(engine, &made.id, Some(&one.id)).await;
    let mut with_container = attach(engine, &made.id, Some(&other.id)).await;
    // A shell that has not come to its prompt takes no signal for its own yet.
    read_until(&mut attached, "#").await;
    engine.end_exec(&made.id, &one.id).await.unwrap();
    assert_eq!(drain(&mut attached).await.1, Some(128 + 1));
    assert_eq!(engine.execs(&made.id).unwrap().len(), 1);
    engine.remove(&made.id, true).await.unwrap();
    assert_eq!(drain(&mut with_container).await.1, Some(137));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cant_be_attached_to_is_refused_with_a_sentence() {
    let Some(world) = World::new("what_cant_be_attached_to_is_refused_with_a_sentence").await
    else {
        return;
    };
    let engine = world.engine();
    let ended = world.sh("true").await;
    world.wait(&ended.id).await;
    for (name, exec, code) in [
        (&*ended.id, None, "wrong-state"),
        ("nothing-like-it", None, "unknown-container"),
    ] {
        assert_eq!(engine.attach(name, exec).await.unwrap_err().code(), code);
    }
    let runs = world.sh("sleep 1000").await;
    for id in ["", "..", "../../x", &"0".repeat(32), &"f".repeat(1000)] {
        let refused = engine.attach(&runs.id, Some(id)).await.unwrap_err();
        assert_eq!(refused.code(), "unknown-exec", "{id}");
    }
    let refused = engine.exec(&runs.id, exec_shell()).await.unwrap_err();
    assert_eq!(refused.code(), "bad-request");
    let missing = ExecRequest {
        args: vec!["nothing-like-it".to_owned()],
        ..exec_shell()
    };
    let refused = engine.begin_exec(&runs.id, missing).await.unwrap_err();
    assert_eq!(refused.exit_code(), 127);
    assert!(engine.execs(&runs.id).unwrap().is_empty());
    world.finish().await;
}
