//! What a client can start through the WebSocket: builds, and things to follow.

mod build;
mod follow;
mod terminal;
mod transfer;

use std::sync::Arc;

use estiva_shared::protocol::{ClientMessage, ErrorBody};

use super::session::{Outbox, Running, Start, Started};
use crate::server::guard::Door;
use crate::server::services::Services;

/// The server's own things to start, for one connection.
pub(super) struct Work {
    pub(super) services: Arc<Services>,
    /// Where the connection came from: only the Unix socket's peer can hand a descriptor over.
    pub(super) door: Door,
}

impl Start for Work {
    fn start(&self, message: ClientMessage, outbox: Outbox) -> Started {
        let services = Arc::clone(&self.services);
        let running: Running = match message {
            ClientMessage::Build { id, request } => {
                return build::start(services, self.door, id, request, outbox);
            }
            ClientMessage::WatchContainers { id } => {
                Box::pin(follow::containers(services, id, outbox))
            }
            ClientMessage::WatchImages { id } => Box::pin(follow::images(services, id, outbox)),
            ClientMessage::Logs {
                id,
                container,
                follow,
                tail,
            } => Box::pin(follow::logs(services, id, container, follow, tail, outbox)),
            ClientMessage::Stats { id, container } => {
                Box::pin(follow::stats(services, id, container, outbox))
            }
            ClientMessage::Exec {
                id,
                container,
                request,
            } => Box::pin(follow::exec(services, id, container, request, outbox)),
            ClientMessage::Pull { id, request } => {
                return transfer::pull(services, id, request, outbox);
            }
            ClientMessage::Push { id, request } => {
                return transfer::push(services, id, request, outbox);
            }
            ClientMessage::Attach {
                id,
                container,
                exec,
                size,
            } => return terminal::start(services, id, container, exec, size, outbox),
            // The session answers these itself, or passes them on.
            ClientMessage::Hello { .. }
            | ClientMessage::Cancel { .. }
            | ClientMessage::Resize { .. }
            | ClientMessage::Shown { .. }
            | ClientMessage::EndInput { .. }
            | ClientMessage::Terminal(_) => Box::pin(std::future::ready(Ok(()))),
        };
        Started {
            running,
            cancel: None,
            listen: None,
        }
    }
}

/// A client that is gone needs no error.
const GONE: Result<(), ErrorBody> = Ok(());
