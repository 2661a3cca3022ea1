//! The WebSocket: one session for each connection, in which a client starts any number of things and ends them.
//!
//! [`session`] is the conversation, over any sink and stream of messages; [`work`] is what a client can start, over the
//! crates below. Only this file knows that the messages come by HTTP.

pub(crate) mod session;
mod work;

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use estiva_shared::protocol::FRAME_BYTES_MAX;
use futures_util::StreamExt as _;

use self::session::Trust;
use self::work::Work;
use super::error::ApiError;
use super::guard::Door;
use super::places::Place;
use super::services::Services;

/// `GET /api/v1/socket`
pub(in crate::server) async fn upgrade(
    State(services): State<Arc<Services>>,
    Extension(door): Extension<Door>,
    Extension(place): Extension<Place>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let trust = match door {
        Door::Owner { .. } => Trust::Owner,
        Door::Page(_) | Door::Shares => {
            let Ok(waiting) = Arc::clone(&services.greetings).try_acquire_owned() else {
                let message = "too many WebSockets came that have not shown a token yet";
                return ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
                    .hint(Some("try again in a few seconds".to_owned()))
                    .into_response();
            };
            let services = Arc::clone(&services);
            Trust::Token(Box::new(move |token| {
                // The session drops this when the greeting is over, and the place with it.
                let _waits = &waiting;
                services.sessions.knows(token, Instant::now())
            }))
        }
    };
    upgrade
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .on_upgrade(move |socket| serve(services, door, trust, place, socket))
}

/// Serves one WebSocket. Its place is the connection's, which left its listener when it became one.
async fn serve(
    services: Arc<Services>,
    door: Door,
    trust: Trust,
    _place: Place,
    socket: WebSocket,
) {
    // The server's end waits for what this connection started.
    let _token = services.tasks.token();
    let ending = services.ending.subscribe();
    let (sink, stream) = socket.split();
    session::run(stream, sink, trust, Work { services, door }, ending).await;
}
