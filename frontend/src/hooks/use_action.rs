//! Something done once, by a button: busy while it runs, and what went wrong.

use std::future::Future;

use estiva_shared::protocol::ErrorBody;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::services::http::CANCELLED;

/// An action's state, and the way to start one.
#[derive(Clone)]
pub struct Action {
    /// Whether it runs.
    pub busy: bool,
    /// What went wrong the last time.
    pub error: Option<ErrorBody>,
    state: UseStateHandle<(bool, Option<ErrorBody>)>,
}

impl Action {
    /// Does it, then hands over what came of it; a refusal is kept in [`Action::error`].
    pub fn run<T: 'static>(
        &self,
        work: impl Future<Output = Result<T, ErrorBody>> + 'static,
        then: impl FnOnce(T) + 'static,
    ) {
        let state = self.state.clone();
        state.set((true, None));
        spawn_local(async move {
            match work.await {
                Ok(value) => {
                    state.set((false, None));
                    then(value);
                }
                Err(error) if error.code == CANCELLED => state.set((false, None)),
                Err(error) => state.set((false, Some(error))),
            }
        });
    }

    /// Forgets what went wrong.
    pub fn clear(&self) {
        self.state.set((false, None));
    }
}

/// An action that was not started yet.
#[hook]
pub fn use_action() -> Action {
    let state = use_state(|| (false, None));
    Action {
        busy: state.0,
        error: state.1.clone(),
        state,
    }
}
