//! The wire's words, one golden JSON a variant: what an older page or a script sends must go on being understood, so a
//! change that breaks one of these needs a new protocol version.

mod containers;

use estiva_shared::dockerfile::{Diagnostic, Position, Severity, Span};
use estiva_shared::protocol::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::fmt::Debug;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn holds<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, golden: Value) {
    assert_eq!(
        serde_json::to_value(&value).expect("a message can be written"),
        golden,
        "written: {value:?}"
    );
    assert_eq!(
        serde_json::from_value::<T>(golden).expect("a message can be read"),
        value,
        "read back"
    );
}

fn diagnostic() -> (Diagnostic, Value) {
    let start = Position {
        offset: 13,
        line: 2,
        column: 1,
    };
    let end = Position {
        offset: 17,
        line: 2,
        column: 5,
    };
    let value = Diagnostic {
        severity: Severity::Error,
        code: "unknown-instruction".into(),
        message: "expected an instruction, but found RUNN".into(),
        hint: None,
        span: Span { start, end },
    };
    let golden = json!({
        "severity": "error", "code": "unknown-instruction", "message": "expected an instruction, but found RUNN",
        "span": {"start": {"offset": 13, "line": 2, "column": 1}, "end": {"offset": 17, "line": 2, "column": 5}},
    });
    (value, golden)
}

#[test]
fn client_messages_are_as_documented() {
    holds(
        ClientMessage::Hello {
            protocol: 1,
            token: Some("ab".into()),
        },
        json!({"type": "hello", "protocol": 1, "token": "ab"}),
    );
    holds(
        ClientMessage::WatchContainers { id: 2 },
        json!({"type": "watch_containers", "id": 2}),
    );
    holds(
        ClientMessage::WatchImages { id: 3 },
        json!({"type": "watch_images", "id": 3}),
    );
    holds(
        ClientMessage::Logs {
            id: 4,
            container: "web".into(),
            follow: true,
            tail: Some(10),
        },
        json!({"type": "logs", "id": 4, "container": "web", "follow": true, "tail": 10}),
    );
    holds(
        ClientMessage::Stats {
            id: 5,
            container: "web".into(),
        },
        json!({"type": "stats", "id": 5, "container": "web"}),
    );
    holds(
        ClientMessage::Cancel { id: 6 },
        json!({"type": "cancel", "id": 6}),
    );
}

#[test]
fn a_build_is_asked_for_with_its_context_named_by_kind() {
    let request = |context| BuildRequest {
        context,
        dockerfile_text: None,
        dockerfile_path: Some("Dockerfile".into()),
        dockerfile_origin: None,
        tags: vec!["hello".into()],
        build_args: vec![("A".into(), "1".into())],
        target: None,
        no_cache: false,
        network: NetworkMode::None,
        pull: true,
        credentials: Vec::new(),
        trust_host_ca: true,
    };
    let golden = |context: Value| {
        json!({"type": "build", "id": 1, "request": {
            "context": context, "dockerfile_text": null, "dockerfile_path": "Dockerfile",
            "dockerfile_origin": null, "tags": ["hello"],
            "build_args": [["A", "1"]], "target": null, "no_cache": false, "network": "none",
            "trust_host_ca": true, "pull": true,
        }})
    };
    for (context, wire) in [
        (
            BuildContext::Descriptor {
                fd: 7,
                name: ".".into(),
            },
            json!({"from": "descriptor", "fd": 7, "name": "."}),
        ),
        (
            BuildContext::Uploaded { id: "c1".into() },
            json!({"from": "uploaded", "id": "c1"}),
        ),
        (
            BuildContext::Rooted {
                path: "hello".into(),
            },
            json!({"from": "rooted", "path": "hello"}),
        ),
        (BuildContext::Empty, json!({"from": "empty"})),
    ] {
        holds(
            ClientMessage::Build {
                id: 1,
                request: request(context),
            },
            golden(wire),
        );
    }
}

#[test]
fn build_events_are_as_documented() {
    let (warning, golden) = diagnostic();
    let mut told = golden.clone();
    told["event"] = json!("warning");
    holds(BuildEvent::Warning(warning.clone()), told);
    holds(
        BuildEvent::Planned {
            steps: vec![PlannedStep {
                stage: "0".into(),
                text: "RUN true".into(),
                line: 2,
            }],
        },
        json!({"event": "planned", "steps": [{"stage": "0", "text": "RUN true", "line": 2}]}),
    );
    holds(
        BuildEvent::Started { step: 0 },
        json!({"event": "started", "step": 0}),
    );
    holds(
        BuildEvent::Output {
            step: 0,
            stream: OutputStream::Stderr,
            text: "x\n".into(),
        },
        json!({"event": "output", "step": 0, "stream": "stderr", "text": "x\n"}),
    );
    holds(
        BuildEvent::Progress {
            step: 1,
            done_bytes: 5,
            total_bytes: None,
        },
        json!({"event": "progress", "step": 1, "done_bytes": 5, "total_bytes": null}),
    );
    holds(
        BuildEvent::Finished {
            step: 1,
            cached: true,
            duration_ms: 3,
            layer_bytes: Some(1024),
        },
        json!({"event": "finished", "step": 1, "cached": true, "duration_ms": 3, "layer_bytes": 1024}),
    );
    holds(
        BuildEvent::StepFailed {
            step: 1,
            duration_ms: 3,
            message: "exit status 1".into(),
        },
        json!({"event": "step_failed", "step": 1, "duration_ms": 3, "message": "exit status 1"}),
    );
    holds(
        BuildEvent::Done {
            image_id: "sha256:00".into(),
            tags: vec![],
            size_bytes: 9,
            duration_ms: 8,
        },
        json!({"event": "done", "image_id": "sha256:00", "tags": [], "size_bytes": 9, "duration_ms": 8}),
    );
    holds(
        BuildEvent::Failed(BuildFailure {
            code: "dockerfile".into(),
            message: "1 mistake".into(),
            hint: None,
            diagnostics: vec![warning],
            dockerfile: Some("Dockerfile".into()),
            line: Some(2),
            exit_code: None,
        }),
        json!({"event": "failed", "code": "dockerfile", "message": "1 mistake", "hint": null, "diagnostics": [golden],
            "dockerfile": "Dockerfile", "line": 2, "exit_code": null}),
    );
}

#[test]
fn server_messages_are_as_documented() {
    holds(
        ServerMessage::Welcome {
            protocol: 1,
            version: "0.1.0".into(),
        },
        json!({"type": "welcome", "protocol": 1, "version": "0.1.0"}),
    );
    holds(
        ServerMessage::Build {
            id: 1,
            event: BuildEvent::Started { step: 0 },
        },
        json!({"type": "build", "id": 1, "event": {"event": "started", "step": 0}}),
    );
    holds(
        ServerMessage::Logs {
            id: 4,
            chunks: vec![LogChunk {
                time_ms: 1,
                stream: OutputStream::Stdout,
                bytes: b"a".into(),
            }],
        },
        json!({"type": "logs", "id": 4, "chunks": [{"time_ms": 1, "stream": "stdout", "text": "a"}]}),
    );
    holds(
        ServerMessage::Images {
            id: 3,
            images: vec![],
        },
        json!({"type": "images", "id": 3, "images": []}),
    );
    holds(
        ServerMessage::Ended { id: 4, error: None },
        json!({"type": "ended", "id": 4, "error": null}),
    );
    holds(
        ServerMessage::Refused(ErrorBody {
            code: "token".into(),
            message: "expected a token".into(),
            hint: None,
        }),
        json!({"type": "refused", "code": "token", "message": "expected a token"}),
    );
}

#[test]
fn output_is_text_where_it_is_text_and_base64_where_it_is_not() {
    let chunk = |bytes: &[u8]| LogChunk {
        time_ms: 1,
        stream: OutputStream::Stderr,
        bytes: bytes.into(),
    };
    holds(
        chunk("porão\n".as_bytes()),
        json!({"time_ms": 1, "stream": "stderr", "text": "porão\n"}),
    );
    // The half of a character, and a NUL.
    for (bytes, base64) in [(&b"\xe2\x9a"[..], "4po="), (b"\x7fELF\0", "f0VMRgA=")] {
        holds(
            chunk(bytes),
            json!({"time_ms": 1, "stream": "stderr", "base64": base64}),
        );
    }
    let every: Vec<u8> = (0..=255).collect();
    let wire = serde_json::to_string(&chunk(&every)).unwrap();
    assert_eq!(
        serde_json::from_str::<LogChunk>(&wire).unwrap().bytes,
        every
    );
    for bad in [
        json!({"time_ms": 1, "stream": "stderr"}),
        json!({"time_ms": 1, "stream": "stderr", "text": "a", "base64": "YQ=="}),
        json!({"time_ms": 1, "stream": "stderr", "base64": "?"}),
    ] {
        assert!(serde_json::from_value::<LogChunk>(bad).is_err());
    }
}

#[test]
fn a_dockerfile_that_the_client_read_comes_with_what_lies_beside_it() {
    for (ignore, wire) in [
        (Some("secret\n".to_owned()), json!("secret\n")),
        (None, json!(null)),
    ] {
        let origin = DockerfileOrigin {
            name: "../web/Dockerfile".into(),
            ignore,
        };
        let golden = json!({"name": "../web/Dockerfile", "ignore": wire});
        assert_eq!(serde_json::to_value(&origin).unwrap(), golden);
        assert_eq!(
            serde_json::from_value::<DockerfileOrigin>(golden).unwrap(),
            origin
        );
    }
}

#[test]
fn a_link_is_asked_for_with_the_digest_of_what_was_looked_at() {
    holds(
        ShareRequest {
            image: "hello".into(),
            include_run_text: true,
            report_digest: Some("sha256:00".into()),
        },
        json!({"image": "hello", "include_run_text": true, "report_digest": "sha256:00"}),
    );
    holds(
        ShareRequest {
            image: "hello".into(),
            include_run_text: false,
            report_digest: None,
        },
        json!({"image": "hello", "include_run_text": false}),
    );
}

#[test]
fn an_image_says_which_ports_it_exposes() {
    let image = ImageSummary {
        id: "sha256:00".into(),
        names: vec!["web:latest".into()],
        size_bytes: 10,
        layers: 1,
        created_ms: 5,
        platform: "linux/amd64".into(),
        containers: 0,
        exposed_ports: vec!["80/tcp".into(), "3000/tcp".into()],
    };
    let golden = json!({"id": "sha256:00", "names": ["web:latest"], "size_bytes": 10, "layers": 1, "created_ms": 5,
        "platform": "linux/amd64", "containers": 0, "exposed_ports": ["80/tcp", "3000/tcp"]});
    holds(image, golden);
}

#[test]
fn what_a_client_leaves_out_has_a_default() {
    let request: RunRequest = serde_json::from_value(json!({"image": "hello"})).unwrap();
    assert_eq!(
        request,
        RunRequest {
            image: "hello".into(),
            ..RunRequest::default()
        }
    );
    let guarded = json!({"image": "hello", "no_new_privileges": true});
    let guarded: RunRequest = serde_json::from_value(guarded).unwrap();
    assert!(guarded.no_new_privileges && !request.no_new_privileges);
    let build: BuildRequest =
        serde_json::from_value(json!({"context": {"from": "empty"}})).unwrap();
    assert!(build.dockerfile_origin.is_none());
    assert!(build.tags.is_empty() && !build.no_cache && build.network == NetworkMode::Bridge);
}
