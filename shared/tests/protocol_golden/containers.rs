//! The words about containers: what runs in them, what is mounted, published and typed.

use estiva_shared::protocol::*;
use serde_json::json;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::holds;

#[test]
fn execs_are_as_documented() {
    holds(
        ClientMessage::Exec {
            id: 7,
            container: "web".into(),
            request: ExecRequest {
                args: vec!["ls".into()],
                env: vec![("A".into(), "1".into())],
                user: None,
                workdir: Some("/".into()),
                interactive: true,
                terminal: true,
                terminal_size: Some(TerminalSize {
                    rows: 24,
                    columns: 80,
                }),
            },
        },
        json!({"type": "exec", "id": 7, "container": "web", "request": {
            "args": ["ls"], "env": [["A", "1"]], "user": null, "workdir": "/",
            "interactive": true, "terminal": true, "terminal_size": {"rows": 24, "columns": 80}}}),
    );
    let event = |event| ServerMessage::Exec { id: 7, event };
    holds(
        event(ExecEvent::Output(LogChunk {
            time_ms: 1,
            stream: OutputStream::Stdout,
            bytes: b"bin\n".into(),
        })),
        json!({"type": "exec", "id": 7, "event": {
            "event": "output", "time_ms": 1, "stream": "stdout", "text": "bin\n"}}),
    );
    holds(
        event(ExecEvent::Exited {
            code: 137,
            signal: Some(9),
        }),
        json!({"type": "exec", "id": 7, "event": {"event": "exited", "code": 137, "signal": 9}}),
    );
}

#[test]
fn attachments_are_as_documented() {
    let size = TerminalSize {
        rows: 24,
        columns: 80,
    };
    holds(
        ClientMessage::Attach {
            id: 7,
            container: "web".into(),
            exec: Some("ab".into()),
            size: Some(size),
        },
        json!({"type": "attach", "id": 7, "container": "web", "exec": "ab",
            "size": {"rows": 24, "columns": 80}}),
    );
    holds(
        ClientMessage::Resize { id: 7, size },
        json!({"type": "resize", "id": 7, "size": {"rows": 24, "columns": 80}}),
    );
    holds(
        ClientMessage::Shown { id: 7, bytes: 9 },
        json!({"type": "shown", "id": 7, "bytes": 9}),
    );
    holds(
        ClientMessage::EndInput { id: 7 },
        json!({"type": "end_input", "id": 7}),
    );
    holds(
        ServerMessage::Attached {
            id: 7,
            terminal: true,
            interactive: false,
        },
        json!({"type": "attached", "id": 7, "terminal": true, "interactive": false}),
    );
    holds(
        ServerMessage::Taken { id: 7, bytes: 9 },
        json!({"type": "taken", "id": 7, "bytes": 9}),
    );
    holds(
        ExecResponse {
            id: "ab".into(),
            monitor_socket: None,
        },
        json!({"id": "ab", "monitor_socket": null}),
    );
    holds(
        ExecSummary {
            id: "ab".into(),
            command: vec!["sh".into()],
            terminal: true,
            interactive: true,
            started_ms: 3,
        },
        json!({"id": "ab", "command": ["sh"], "terminal": true, "interactive": true, "started_ms": 3}),
    );
    // Bytes have no form in JSON.
    let frame = TerminalFrame {
        id: 7,
        kind: TerminalFrameKind::Input,
        bytes: Vec::new(),
    };
    assert!(serde_json::to_value(ClientMessage::Terminal(frame)).is_err());
    let typed = json!({"type": "terminal", "id": 7});
    assert!(serde_json::from_value::<ClientMessage>(typed).is_err());
}

#[test]
fn ports_and_mounts_are_as_documented() {
    for (mode, wire) in [
        (NetworkMode::Bridge, "bridge"),
        (NetworkMode::None, "none"),
        (NetworkMode::Host, "host"),
    ] {
        holds(mode, json!(wire));
    }
    for (policy, wire) in [
        (PullPolicy::Missing, "missing"),
        (PullPolicy::Always, "always"),
        (PullPolicy::Never, "never"),
    ] {
        holds(policy, json!(wire));
    }
    holds(
        PortRequest {
            address: Some("127.0.0.1".parse().unwrap()),
            host_port: None,
            host_port_last: None,
            container_port: 53,
            protocol: PortProtocol::Udp,
        },
        json!({"address": "127.0.0.1", "host_port": null, "host_port_last": null, "container_port": 53, "protocol": "udp"}),
    );
    holds(
        PublishedPort {
            address: None,
            host_port: 8080,
            container_port: 80,
            protocol: PortProtocol::Tcp,
        },
        json!({"address": null, "host_port": 8080, "container_port": 80, "protocol": "tcp"}),
    );
    holds(
        Mount::Bind {
            source: "/srv".into(),
            target: "/data".into(),
            read_only: true,
            create_source: false,
        },
        json!({"type": "bind", "source": "/srv", "target": "/data", "read_only": true, "create_source": false}),
    );
    holds(
        Mount::Volume {
            name: Some("db".into()),
            target: "/data".into(),
            read_only: false,
        },
        json!({"type": "volume", "name": "db", "target": "/data", "read_only": false}),
    );
    holds(
        Mount::Tmpfs {
            target: "/tmp".into(),
            size_bytes: Some(1 << 20),
            mode: None,
            uid: Some(1000),
            gid: None,
            read_only: false,
            exec: true,
        },
        json!({
            "type": "tmpfs", "target": "/tmp", "size_bytes": 1_048_576, "mode": null,
            "uid": 1000, "gid": null, "read_only": false, "exec": true,
        }),
    );
}

#[test]
fn volumes_and_bases_are_as_documented() {
    holds(
        VolumeRequest {
            name: Some("db".into()),
        },
        json!({"name": "db"}),
    );
    holds(
        VolumeSummary {
            name: "db".into(),
            mountpoint: "/var/lib/estiva/volumes/db/_data".into(),
            created_ms: 7,
            anonymous: false,
            containers: vec!["c0ffee".into()],
        },
        json!({
            "name": "db", "mountpoint": "/var/lib/estiva/volumes/db/_data", "created_ms": 7,
            "anonymous": false, "containers": ["c0ffee"],
        }),
    );
    holds(
        BaseRequest {
            suite: Some("bookworm".into()),
        },
        json!({"suite": "bookworm"}),
    );
    holds(
        BaseEvent::Line {
            text: "I: done".into(),
        },
        json!({"event": "line", "text": "I: done"}),
    );
    holds(BaseEvent::Alive, json!({"event": "alive"}));
    holds(
        BaseEvent::Failed(ErrorBody {
            code: "no-base".into(),
            message: "m".into(),
            hint: None,
        }),
        json!({"event": "failed", "code": "no-base", "message": "m"}),
    );
}

#[test]
fn a_containers_status_is_named_by_its_state() {
    holds(ContainerStatus::Created, json!({"state": "created"}));
    holds(ContainerStatus::Running, json!({"state": "running"}));
    holds(
        ContainerStatus::Exited {
            code: 137,
            signal: Some(9),
            oom_killed: true,
            finished_ms: 7,
        },
        json!({"state": "exited", "code": 137, "signal": 9, "oom_killed": true, "finished_ms": 7}),
    );
    holds(
        ContainerStatus::Failed {
            message: "no monitor".into(),
        },
        json!({"state": "failed", "message": "no monitor"}),
    );
}
