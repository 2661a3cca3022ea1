//! The pull that the page follows. It belongs to the app, so that looking at another page does not end it.

use std::cell::RefCell;
use std::rc::Rc;

use estiva_shared::protocol::{ClientMessage, PullRequest, ServerMessage};
use yew::prelude::*;

use super::Connection;
use crate::services::socket::{Incoming, Socket, Subscription};
use crate::state::pull::{Pull, PullAction};

/// The pull, and what can be done with it.
#[derive(Clone)]
pub struct PullHandle {
    /// How far it is.
    pub pull: UseReducerHandle<Pull>,
    dispatch: UseReducerDispatcher<Pull>,
    socket: Socket,
    // Letting go of it ends it on the server too.
    subscription: Rc<RefCell<Option<Subscription>>>,
}

impl PartialEq for PullHandle {
    fn eq(&self, other: &Self) -> bool {
        self.pull == other.pull && self.socket == other.socket
    }
}

impl PullHandle {
    /// Brings an image from its registry; one that is under way is given up.
    pub fn start(&self, reference: String) {
        self.subscription.take();
        self.dispatch.dispatch(PullAction::Begin(reference.clone()));
        let dispatch = self.dispatch.clone();
        let on = Callback::from(move |incoming| match incoming {
            Incoming::Message(ServerMessage::Transfer { event, .. }) => {
                dispatch.dispatch(PullAction::Event(event));
            }
            Incoming::Message(ServerMessage::Ended { error, .. }) => {
                dispatch.dispatch(PullAction::Ended(error));
            }
            Incoming::Lost => dispatch.dispatch(PullAction::Lost),
            Incoming::Message(_) | Incoming::Resumed => {}
        });
        let request = PullRequest {
            reference,
            platform: None,
            only_if_missing: false,
            credentials: None,
        };
        let started = self
            .socket
            .start(|id| ClientMessage::Pull { id, request }, false, on);
        self.subscription.replace(Some(started));
    }

    /// Stops it.
    pub fn stop(&self) {
        self.subscription.take();
        self.dispatch.dispatch(PullAction::Stop);
    }

    /// Forgets the last one.
    pub fn hide(&self) {
        self.dispatch.dispatch(PullAction::Clear);
    }
}

/// Owns the pull; called once, by the app.
#[hook]
pub fn use_pull_handle(connection: &Connection) -> PullHandle {
    let pull = use_reducer(Pull::default);
    let subscription = use_mut_ref(|| None);
    PullHandle {
        dispatch: pull.dispatcher(),
        pull,
        socket: connection.socket.clone(),
        subscription,
    }
}
