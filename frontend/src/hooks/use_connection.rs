//! The connection to the server, for all pages: made once by the app, followed by whoever needs it.

use std::rc::Rc;

use estiva_shared::protocol::{
    ClientMessage, ContainerSummary, ErrorBody, ImageSummary, ServerMessage,
};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::Load;
use crate::services::socket::{Incoming, Socket};
use crate::services::{address, api, base, storage};
use crate::state::connection::{Happening, Phase};

/// The connection and what it is doing.
#[derive(Clone, PartialEq)]
pub struct Connection {
    /// What it is doing.
    pub phase: Phase,
    /// The way to the server.
    pub socket: Socket,
}

/// Owns the connection; called once, by the app. Trades the address's code for a token, then connects.
#[hook]
pub fn use_connection_handle() -> Connection {
    let phase = use_state(Phase::default);
    let socket = {
        let phase = phase.setter();
        use_memo((), |()| {
            Socket::new(Callback::from(move |new| phase.set(new)))
        })
    };
    {
        let socket = (*socket).clone();
        use_effect_with((), move |()| open(socket));
    }
    Connection {
        phase: (*phase).clone(),
        socket: (*socket).clone(),
    }
}

fn open(socket: Socket) {
    // Static files have no server to ask, and a key that another page left here is for another one.
    if base::is_alone() {
        return;
    }
    address::reload_on_code();
    let Some(code) = address::take_code() else {
        if storage::token().is_some() {
            socket.happened(Happening::TokenFound);
            socket.connect();
        }
        return;
    };
    socket.happened(Happening::CodeFound);
    spawn_local(async move {
        match api::open_session(code).await {
            Ok(token) => storage::keep_token(&token),
            // A page opened again with a used code still has its token.
            Err(error) if storage::token().is_none() => {
                return socket.happened(Happening::CodeRefused(error));
            }
            Err(_) => {}
        }
        socket.happened(Happening::TokenFound);
        socket.connect();
    });
}

/// The connection.
///
/// # Panics
/// Outside of the app, which provides it.
#[hook]
pub fn use_connection() -> Connection {
    use_context::<Connection>().expect("the app provides the connection to all its pages")
}

/// The store's images, as they change.
#[hook]
pub fn use_images() -> Load<Vec<ImageSummary>> {
    use_list(
        |id| ClientMessage::WatchImages { id },
        |message| match message {
            ServerMessage::Images { images, .. } => Some(images),
            _ => None,
        },
    )
}

/// The containers, as they change.
#[hook]
pub fn use_containers() -> Load<Vec<ContainerSummary>> {
    use_list(
        |id| ClientMessage::WatchContainers { id },
        |message| match message {
            ServerMessage::Containers { containers, .. } => Some(containers),
            _ => None,
        },
    )
}

#[hook]
fn use_list<T: PartialEq + 'static>(
    message: fn(u64) -> ClientMessage,
    list: fn(ServerMessage) -> Option<Vec<T>>,
) -> Load<Vec<T>> {
    let connection = use_connection();
    let load = use_state(|| Load::Loading);
    {
        let load = load.clone();
        use_effect_with(connection.socket, move |socket| {
            let on = Callback::from(move |incoming| match incoming {
                Incoming::Message(ServerMessage::Ended { error, .. }) => {
                    load.set(Load::Failed(error.unwrap_or_else(ended)));
                }
                Incoming::Message(message) => {
                    if let Some(items) = list(message) {
                        load.set(Load::Ready(Rc::new(items)));
                    }
                }
                // What is shown stays until the list comes again; the banner says that it may be old.
                Incoming::Resumed | Incoming::Lost => {}
            });
            let subscription = socket.start(message, true, on);
            move || drop(subscription)
        });
    }
    (*load).clone()
}

fn ended() -> ErrorBody {
    ErrorBody {
        code: "ended".into(),
        message: "the server ended this list".into(),
        hint: None,
    }
}
