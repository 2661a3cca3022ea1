//! A pull or a push: it runs on a thread of its own, and what happens goes to the client, layer by layer.
//!
//! What the registry is shown comes with the request and goes with it: it is neither kept nor logged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use estiva_shared::image::Reference;
use estiva_shared::protocol::{
    ErrorBody, PullRequest, PushRequest, RegistryCredentials, ServerMessage, TransferEvent,
};
use estiva_store::Cancel;

use crate::server::error::{ApiError, ApiResult};
use crate::server::registry::{self, login_for, reference_of};
use crate::server::services::Services;
use crate::server::socket::session::{Outbox, Started};

/// Starts a pull.
pub(super) fn pull(
    services: Arc<Services>,
    id: u64,
    request: PullRequest,
    outbox: Outbox,
) -> Started {
    start(id, outbox, move |cancel, events| {
        let wanted = registry::Wanted {
            name: &request.reference,
            platform: request.platform.as_deref(),
            login: login_of(&request.reference, request.credentials.as_ref())?,
            only_if_missing: request.only_if_missing,
        };
        registry::pull(&services, &wanted, cancel, events)
    })
}

/// Starts a push.
pub(super) fn push(
    services: Arc<Services>,
    id: u64,
    request: PushRequest,
    outbox: Outbox,
) -> Started {
    start(id, outbox, move |cancel, events| {
        let login = login_of(&request.reference, request.credentials.as_ref())?;
        registry::push(&services, &request.reference, login, cancel, events)
    })
}

fn login_of(
    name: &str,
    credentials: Option<&RegistryCredentials>,
) -> ApiResult<Option<estiva_shared::protocol::RegistryLogin>> {
    let reference: Reference = reference_of(name)?;
    login_for(&reference, credentials)
}

/// Runs a transfer where blocking is allowed. It ends with its connection.
fn start(
    id: u64,
    outbox: Outbox,
    work: impl FnOnce(&Cancel, &mut dyn FnMut(TransferEvent)) -> ApiResult<()> + Send + 'static,
) -> Started {
    let stop = Arc::new(AtomicBool::new(false));
    let (asked, gone) = (Arc::clone(&stop), Arc::clone(&stop));
    let running = Box::pin(async move {
        let done = tokio::task::spawn_blocking(move || -> Result<(), ErrorBody> {
            let cancel = Cancel::new(move || asked.load(Ordering::Relaxed));
            let mut events = |event| {
                let message = ServerMessage::Transfer { id, event };
                if outbox.blocking_send(message).is_err() {
                    // The client is gone, and the transfer with it.
                    gone.store(true, Ordering::Relaxed);
                }
            };
            work(&cancel, &mut events).map_err(ApiError::into_body)
        });
        done.await
            .unwrap_or_else(|error| Err(ApiError::from(error).into_body()))
    });
    Started {
        running,
        cancel: Some(Box::new(move || stop.store(true, Ordering::Relaxed))),
        listen: None,
    }
}
