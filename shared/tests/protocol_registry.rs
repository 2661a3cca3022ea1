//! The words of pulls and pushes, one golden JSON a variant, and that nothing secret is printed.

use std::fmt::Debug;

use estiva_shared::protocol::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn holds<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, golden: Value) {
    let written = serde_json::to_value(&value).expect("a message can be written");
    assert_eq!(written, golden, "written: {value:?}");
    let read = serde_json::from_value::<T>(golden).expect("a message can be read");
    assert_eq!(read, value, "read back");
}

#[test]
fn pulls_and_pushes_are_asked_for_as_documented() {
    holds(
        ClientMessage::Pull {
            id: 7,
            request: PullRequest {
                reference: "node:20".into(),
                platform: Some("linux/arm64".into()),
                only_if_missing: true,
                credentials: Some(RegistryCredentials {
                    registry: "docker.io".into(),
                    login: RegistryLogin::Password {
                        username: "ada".into(),
                        password: Secret::new("pw"),
                    },
                }),
            },
        },
        json!({
            "type": "pull", "id": 7,
            "request": {
                "reference": "node:20", "platform": "linux/arm64", "only_if_missing": true,
                "credentials": {
                    "registry": "docker.io",
                    "login": {"kind": "password", "username": "ada", "password": "pw"},
                },
            },
        }),
    );
    holds(
        ClientMessage::Push {
            id: 8,
            request: PushRequest {
                reference: "registry.example/app:1".into(),
                credentials: Some(RegistryCredentials {
                    registry: "registry.example".into(),
                    login: RegistryLogin::IdentityToken {
                        token: Secret::new("t"),
                    },
                }),
            },
        },
        json!({
            "type": "push", "id": 8,
            "request": {
                "reference": "registry.example/app:1",
                "credentials": {
                    "registry": "registry.example",
                    "login": {"kind": "identity_token", "token": "t"},
                },
            },
        }),
    );
    holds(
        RegistryLogin::RegistryToken {
            token: Secret::new("t"),
        },
        json!({"kind": "registry_token", "token": "t"}),
    );
    holds(
        TagRequest {
            name: "app:2".into(),
        },
        json!({"name": "app:2"}),
    );
    let bare: PullRequest =
        serde_json::from_value(json!({"reference": "node"})).expect("the rest has defaults");
    assert!(!bare.only_if_missing && bare.platform.is_none() && bare.credentials.is_none());
}

#[test]
fn transfer_events_are_as_documented() {
    let event = |event, golden: Value| {
        holds(
            ServerMessage::Transfer { id: 7, event },
            json!({"type": "transfer", "id": 7, "event": golden}),
        );
    };
    event(
        TransferEvent::Resolved {
            reference: "docker.io/library/node:20".into(),
            digest: Some("sha256:aa".into()),
            platform: "linux/amd64".into(),
            layers: vec![TransferLayer {
                digest: "sha256:bb".into(),
                bytes: 10,
            }],
        },
        json!({
            "event": "resolved", "reference": "docker.io/library/node:20", "digest": "sha256:aa",
            "platform": "linux/amd64", "layers": [{"digest": "sha256:bb", "bytes": 10}],
        }),
    );
    event(
        TransferEvent::Retrying {
            digest: None,
            attempt: 2,
            wait_ms: 500,
            message: "the connection was lost".into(),
        },
        json!({
            "event": "retrying", "digest": null, "attempt": 2, "wait_ms": 500,
            "message": "the connection was lost",
        }),
    );
    event(
        TransferEvent::Done {
            image_id: "sha256:cc".into(),
            digest: Some("sha256:aa".into()),
            names: vec!["node:20".into()],
            unchanged: false,
        },
        json!({
            "event": "done", "image_id": "sha256:cc", "digest": "sha256:aa", "names": ["node:20"],
            "unchanged": false,
        }),
    );
    holds(
        BuildEvent::Pull {
            reference: "node:20".into(),
            transfer: TransferEvent::Layer {
                digest: "sha256:bb".into(),
                state: LayerState::Done,
            },
        },
        json!({
            "event": "pull", "reference": "node:20",
            "transfer": {"event": "layer", "digest": "sha256:bb", "state": {"state": "done"}},
        }),
    );
    let states = [
        (LayerState::Waiting, json!({"state": "waiting"})),
        (LayerState::Exists, json!({"state": "exists"})),
        (
            LayerState::Compressing { done_bytes: 3 },
            json!({"state": "compressing", "done_bytes": 3}),
        ),
        (
            LayerState::Transferring {
                done_bytes: 3,
                total_bytes: 10,
            },
            json!({"state": "transferring", "done_bytes": 3, "total_bytes": 10}),
        ),
        (LayerState::Verifying, json!({"state": "verifying"})),
        (LayerState::Unpacking, json!({"state": "unpacking"})),
        (LayerState::Done, json!({"state": "done"})),
        (
            LayerState::Mounted {
                from: "team/base".into(),
            },
            json!({"state": "mounted", "from": "team/base"}),
        ),
    ];
    for (state, golden) in states {
        event(
            TransferEvent::Layer {
                digest: "sha256:bb".into(),
                state,
            },
            json!({"event": "layer", "digest": "sha256:bb", "state": golden}),
        );
    }
}

#[test]
fn what_a_registry_is_shown_is_not_printed() {
    let request = PushRequest {
        reference: "app".into(),
        credentials: Some(RegistryCredentials {
            registry: "docker.io".into(),
            login: RegistryLogin::Password {
                username: "ada".into(),
                password: Secret::new("hush-hush"),
            },
        }),
    };
    let shown = format!(
        "{request:?} {:?}",
        ClientMessage::Push {
            id: 1,
            request: request.clone()
        }
    );
    assert!(!shown.contains("hush"), "{shown}");
}
