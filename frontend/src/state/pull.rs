//! One pull as the page follows it: what was asked for, the layers on their way, and how it ended.

use std::rc::Rc;

use estiva_shared::image::{Reference, ReferenceError};
use estiva_shared::protocol::{ErrorBody, LayerState, TransferEvent};
use yew::Reducible;

/// Where a pull is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum PullPhase {
    /// None was started.
    #[default]
    Idle,
    /// The registry is asked what the image is.
    Asking,
    /// Its layers are on their way.
    Moving,
    /// The store has it.
    Done {
        /// The image's id.
        image_id: String,
        /// Its names, familiar form.
        names: Vec<String>,
        /// The store had it before.
        unchanged: bool,
    },
    /// It failed.
    Failed(ErrorBody),
    /// Somebody stopped it.
    Stopped,
    /// The connection was lost, and the pull with it.
    Lost,
}

/// Why something is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Which try comes next, from 2.
    pub attempt: u32,
    /// When, in milliseconds from when it was told.
    pub wait_ms: u64,
    /// What went wrong.
    pub message: String,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerRow {
    /// The digest of what is moved.
    pub digest: String,
    /// How much is moved, in bytes.
    pub bytes: u64,
    /// How far it is.
    pub state: LayerState,
    /// It is tried again.
    pub retry: Option<Retry>,
}

impl LayerRow {
    /// How much of it is there, in bytes.
    pub fn done_bytes(&self) -> u64 {
        match &self.state {
            LayerState::Waiting | LayerState::Compressing { .. } => 0,
            LayerState::Transferring { done_bytes, .. } => (*done_bytes).min(self.bytes),
            LayerState::Verifying
            | LayerState::Unpacking
            | LayerState::Exists
            | LayerState::Done
            | LayerState::Mounted { .. } => self.bytes,
        }
    }

    /// Whether nothing more happens to it.
    pub fn is_there(&self) -> bool {
        matches!(
            self.state,
            LayerState::Exists | LayerState::Done | LayerState::Mounted { .. }
        )
    }

    /// The word for tests and styles.
    pub fn name(&self) -> &'static str {
        match &self.state {
            _ if self.retry.is_some() => "retrying",
            LayerState::Waiting => "waiting",
            LayerState::Exists => "exists",
            LayerState::Compressing { .. } => "compressing",
            LayerState::Transferring { .. } => "transferring",
            LayerState::Verifying => "verifying",
            LayerState::Unpacking => "unpacking",
            LayerState::Done => "done",
            LayerState::Mounted { .. } => "mounted",
        }
    }
}

/// A pull.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pull {
    /// Where it is.
    pub phase: PullPhase,
    /// The name: as it was typed, and in full once the registry knows it.
    pub reference: String,
    /// Such as `linux/amd64`, once it is known.
    pub platform: Option<String>,
    /// The layers, lowest first.
    pub layers: Vec<LayerRow>,
    /// The registry is asked again, for the image itself.
    pub retry: Option<Retry>,
}

/// What changes a [`Pull`].
#[derive(Clone, Debug)]
pub enum PullAction {
    /// A new one begins, of this name.
    Begin(String),
    /// The server told something.
    Event(TransferEvent),
    /// The server ended it.
    Ended(Option<ErrorBody>),
    /// Somebody stopped it.
    Stop,
    /// The connection closed.
    Lost,
    /// What is shown of it is not wanted any more.
    Clear,
}

impl Pull {
    /// Whether it is under way.
    pub fn is_busy(&self) -> bool {
        matches!(self.phase, PullPhase::Asking | PullPhase::Moving)
    }

    /// The id of the image that it brought; none where the store had it as it is, or nothing came.
    pub fn brought(&self) -> Option<&str> {
        match &self.phase {
            PullPhase::Done {
                image_id,
                unchanged: false,
                ..
            } => Some(image_id),
            _ => None,
        }
    }

    /// Bytes that are there, and bytes in all.
    pub fn bytes(&self) -> (u64, u64) {
        self.layers.iter().fold((0, 0), |(done, all), layer| {
            (done + layer.done_bytes(), all + layer.bytes)
        })
    }

    /// Layers that are there.
    pub fn layers_there(&self) -> usize {
        self.layers.iter().filter(|layer| layer.is_there()).count()
    }

    /// The word for tests and styles.
    pub fn name(&self) -> &'static str {
        match &self.phase {
            PullPhase::Idle => "idle",
            PullPhase::Asking => "asking",
            PullPhase::Moving => "moving",
            PullPhase::Done { .. } => "done",
            PullPhase::Failed(_) => "failed",
            PullPhase::Stopped => "stopped",
            PullPhase::Lost => "lost",
        }
    }

    /// One that begins now, of this name.
    pub fn begun(reference: String) -> Pull {
        Pull {
            phase: PullPhase::Asking,
            reference,
            ..Pull::default()
        }
    }

    /// It goes on no further; one that has ended already stays as it is.
    pub fn stop(&mut self) {
        if self.is_busy() {
            self.end(PullPhase::Stopped);
        }
    }

    fn end(&mut self, phase: PullPhase) {
        self.phase = phase;
        self.retry = None;
        for layer in &mut self.layers {
            layer.retry = None;
        }
    }

    /// What the server tells of it.
    pub fn apply(&mut self, event: TransferEvent) {
        match event {
            TransferEvent::Resolved {
                reference,
                platform,
                layers,
                ..
            } => {
                self.phase = PullPhase::Moving;
                self.reference = reference;
                self.platform = Some(platform);
                self.retry = None;
                self.layers.clear();
                for layer in layers {
                    // Two rows of one digest could not be told apart.
                    if self.layers.iter().all(|row| row.digest != layer.digest) {
                        self.layers.push(LayerRow {
                            digest: layer.digest,
                            bytes: layer.bytes,
                            state: LayerState::Waiting,
                            retry: None,
                        });
                    }
                }
            }
            TransferEvent::Layer { digest, state } => {
                // One that was not announced comes from a faulty server only; there is no row for it.
                if let Some(layer) = self.layers.iter_mut().find(|layer| layer.digest == digest) {
                    (layer.state, layer.retry) = (state, None);
                }
            }
            TransferEvent::Retrying {
                digest,
                attempt,
                wait_ms,
                message,
            } => {
                let retry = Some(Retry {
                    attempt,
                    wait_ms,
                    message,
                });
                let layer = digest
                    .and_then(|digest| self.layers.iter_mut().find(|layer| layer.digest == digest));
                match layer {
                    Some(layer) => layer.retry = retry,
                    None => self.retry = retry,
                }
            }
            TransferEvent::Done {
                image_id,
                names,
                unchanged,
                ..
            } => self.end(PullPhase::Done {
                image_id,
                names,
                unchanged,
            }),
        }
    }
}

impl Reducible for Pull {
    type Action = PullAction;

    fn reduce(self: Rc<Self>, action: PullAction) -> Rc<Self> {
        let mut pull = Rc::unwrap_or_clone(self);
        match action {
            PullAction::Begin(reference) => pull = Pull::begun(reference),
            PullAction::Clear => pull = Pull::default(),
            // What still comes of one that has ended says nothing any more.
            _ if !pull.is_busy() => {}
            PullAction::Event(event) => pull.apply(event),
            PullAction::Ended(error) => {
                pull.end(PullPhase::Failed(error.unwrap_or_else(ended_early)));
            }
            PullAction::Stop => pull.stop(),
            PullAction::Lost => pull.end(PullPhase::Lost),
        }
        Rc::new(pull)
    }
}

/// The name in full of what was typed, such as `docker.io/library/node:20` for `node:20`; `None` for an empty field.
///
/// # Errors
/// What is no image's name.
pub fn in_full(typed: &str) -> Result<Option<String>, ReferenceError> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    typed
        .parse::<Reference>()
        .map(|reference| Some(reference.canonical()))
}

/// Whether a name that can't be read may only be half typed: it ends where its tag, its digest or its next part begins.
pub fn is_half_typed(typed: &str) -> bool {
    typed.trim_end().ends_with([':', '/', '@', '.', '-', '_'])
        || typed
            .rsplit_once('@')
            .is_some_and(|(_, digest)| "sha256:".starts_with(digest) || is_short_digest(digest))
}

fn is_short_digest(text: &str) -> bool {
    const SHA256_DIGITS: usize = 64;
    text.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() < SHA256_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn ended_early() -> ErrorBody {
    ErrorBody {
        code: "pull-ended-early".into(),
        message: "expected the pull's last event, but its end came first".into(),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::protocol::TransferLayer;

    fn after(actions: Vec<PullAction>) -> Pull {
        let start = Rc::new(Pull::default());
        let end = actions
            .into_iter()
            .fold(start, |pull, action| pull.reduce(action));
        Rc::unwrap_or_clone(end)
    }

    fn resolved() -> Vec<PullAction> {
        let layer = |digest: &str, bytes| TransferLayer {
            digest: digest.into(),
            bytes,
        };
        vec![
            PullAction::Begin("node:20".into()),
            PullAction::Event(TransferEvent::Resolved {
                reference: "docker.io/library/node:20".into(),
                digest: None,
                platform: "linux/amd64".into(),
                layers: vec![layer("a", 100), layer("b", 300), layer("a", 100)],
            }),
        ]
    }

    fn layer(digest: &str, state: LayerState) -> PullAction {
        PullAction::Event(TransferEvent::Layer {
            digest: digest.into(),
            state,
        })
    }

    fn retrying(digest: Option<&str>) -> PullAction {
        PullAction::Event(TransferEvent::Retrying {
            digest: digest.map(Into::into),
            attempt: 2,
            wait_ms: 500,
            message: "the connection was cut".into(),
        })
    }

    fn done() -> PullAction {
        PullAction::Event(TransferEvent::Done {
            image_id: "sha256:1".into(),
            digest: None,
            names: vec!["node:20".into()],
            unchanged: false,
        })
    }

    #[test]
    fn follows_a_pull_layer_by_layer_to_its_end() {
        let mut actions = resolved();
        actions.extend([
            layer("a", LayerState::Exists),
            layer(
                "b",
                LayerState::Transferring {
                    done_bytes: 150,
                    total_bytes: 300,
                },
            ),
        ]);
        let half = after(actions.clone());
        assert_eq!((half.name(), half.bytes()), ("moving", (250, 400)));
        assert_eq!(half.layers_there(), 1);
        assert_eq!(half.reference, "docker.io/library/node:20");
        actions.extend([
            layer("b", LayerState::Verifying),
            layer("b", LayerState::Unpacking),
            layer("b", LayerState::Done),
            done(),
            PullAction::Ended(None),
        ]);
        let whole = after(actions);
        assert_eq!((whole.name(), whole.bytes()), ("done", (400, 400)));
        assert_eq!(whole.brought(), Some("sha256:1"));
    }

    #[test]
    fn a_retry_is_told_at_its_layer_until_that_goes_on() {
        let mut actions = resolved();
        actions.push(retrying(Some("b")));
        let waiting = after(actions.clone());
        assert_eq!(waiting.layers[1].name(), "retrying");
        assert_eq!(waiting.layers[0].name(), "waiting");
        actions.push(layer(
            "b",
            LayerState::Transferring {
                done_bytes: 1,
                total_bytes: 300,
            },
        ));
        assert_eq!(after(actions).layers[1].name(), "transferring");
        // Before the layers are known, it is the image itself that is asked for again.
        let first = after(vec![PullAction::Begin("node".into()), retrying(None)]);
        assert_eq!(first.retry.map(|retry| retry.attempt), Some(2));
    }

    #[test]
    fn no_retry_is_waited_for_after_the_end() {
        let refused = ErrorBody {
            code: "registry".into(),
            message: "expected an answer, but found 500".into(),
            hint: None,
        };
        let ends = [
            (PullAction::Ended(Some(refused)), "failed"),
            (PullAction::Ended(None), "failed"),
            (PullAction::Stop, "stopped"),
            (PullAction::Lost, "lost"),
        ];
        for (end, name) in ends {
            let mut actions = resolved();
            actions.extend([retrying(Some("a")), retrying(None), end]);
            let pull = after(actions);
            assert_eq!(pull.name(), name);
            assert!(pull.retry.is_none() && pull.layers.iter().all(|row| row.retry.is_none()));
            assert_eq!(pull.brought(), None);
        }
    }

    #[test]
    fn what_comes_after_the_end_changes_nothing() {
        let mut actions = resolved();
        actions.extend([done(), PullAction::Stop, PullAction::Lost]);
        assert_eq!(after(actions).name(), "done");
        let mut actions = resolved();
        actions.extend([PullAction::Stop, done()]);
        assert_eq!(after(actions).name(), "stopped");
    }

    #[test]
    fn an_image_that_the_store_had_is_not_marked_as_new() {
        let unchanged = PullAction::Event(TransferEvent::Done {
            image_id: "sha256:1".into(),
            digest: None,
            names: Vec::new(),
            unchanged: true,
        });
        let mut actions = resolved();
        actions.push(unchanged);
        assert_eq!(after(actions).brought(), None);
    }

    #[test]
    fn a_name_is_spelled_out_as_it_will_be_asked_for() {
        let full = |typed: &str| in_full(typed).ok().flatten();
        assert_eq!(
            full(" node:20 ").as_deref(),
            Some("docker.io/library/node:20")
        );
        assert_eq!(
            full("team/app").as_deref(),
            Some("docker.io/team/app:latest")
        );
        assert_eq!(
            full("localhost:5000/app").as_deref(),
            Some("localhost:5000/app:latest")
        );
        assert_eq!(in_full(" "), Ok(None));
        assert!(in_full("Node").is_err());
    }

    #[test]
    fn a_name_is_no_mistake_while_its_end_is_missing() {
        for typed in ["node:", "team/", "node@", "node@sha", "node@sha256:ab12"] {
            assert!(is_half_typed(typed), "{typed}");
        }
        for typed in ["Node", "a b", "node@md5:1", "node@sha256:xyz"] {
            assert!(!is_half_typed(typed), "{typed}");
        }
    }
}
