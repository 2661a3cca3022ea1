//! One container's output and what it uses, followed while it is looked at.

use std::rc::Rc;

use estiva_shared::protocol::{ClientMessage, ContainerStats, ServerMessage};
use yew::prelude::*;

use super::use_connection;
use crate::services::socket::Incoming;
use crate::state::log::{LogAction, LogState};
use crate::state::output::LINES_MAX;
use crate::state::stats::History;

/// Follows a container's log. `round` begins anew when it changes, as when the container starts again.
#[hook]
pub fn use_logs(container: String, round: u64) -> UseReducerHandle<LogState> {
    let connection = use_connection();
    let state = use_reducer(LogState::default);
    {
        let dispatch = state.dispatcher();
        use_effect_with(
            (connection.socket, container, round),
            move |(socket, container, _)| {
                dispatch.dispatch(LogAction::Clear);
                let container = container.clone();
                let tail = Some(LINES_MAX as u64);
                let on = Callback::from(move |incoming| match incoming {
                    Incoming::Message(ServerMessage::Logs { chunks, .. }) => {
                        dispatch.dispatch(LogAction::Chunks(chunks))
                    }
                    Incoming::Message(ServerMessage::Ended { error, .. }) => {
                        dispatch.dispatch(LogAction::End(error))
                    }
                    Incoming::Resumed => dispatch.dispatch(LogAction::Restart),
                    Incoming::Message(_) | Incoming::Lost => {}
                });
                let subscription = socket.start(
                    |id| ClientMessage::Logs {
                        id,
                        container,
                        follow: true,
                        tail,
                    },
                    true,
                    on,
                );
                move || drop(subscription)
            },
        );
    }
    state
}

struct Samples(History);

impl Reducible for Samples {
    type Action = Option<ContainerStats>;

    fn reduce(self: Rc<Self>, sample: Option<ContainerStats>) -> Rc<Self> {
        let mut history = sample.map(|_| self.0.clone()).unwrap_or_default();
        if let Some(sample) = sample {
            history.push(sample);
        }
        Rc::new(Samples(history))
    }
}

/// Follows what a container uses, while it runs.
#[hook]
pub fn use_history(container: String, running: bool) -> History {
    let connection = use_connection();
    let samples = use_reducer(|| Samples(History::default()));
    {
        let dispatch = samples.dispatcher();
        use_effect_with(
            (connection.socket, container, running),
            move |(socket, container, running)| {
                let subscription = running.then(|| {
                    dispatch.dispatch(None);
                    let container = container.clone();
                    let on = Callback::from(move |incoming| {
                        if let Incoming::Message(ServerMessage::Stats { stats, .. }) = incoming {
                            dispatch.dispatch(Some(stats));
                        }
                    });
                    socket.start(|id| ClientMessage::Stats { id, container }, true, on)
                });
                move || drop(subscription)
            },
        );
    }
    samples.0.clone()
}
