//! Things to follow: lists as they change, a container's output and use, a further process in it.
//!
//! Each ends when what it follows ends, or when its client takes no more.

use std::sync::Arc;

use estiva_shared::protocol::{ErrorBody, ExecRequest, LogChunk, ServerMessage};
use tokio_stream::StreamExt as _;

use super::GONE;
use crate::server::error::ApiError;
use crate::server::services::{Services, blocking};
use crate::server::socket::session::Outbox;

/// Bytes that go into one message of a log, about: far below the longest frame, also where each byte is written as six.
const LOG_BATCH_BYTES: usize = 64 << 10;

/// What a chunk takes in a message beside its bytes, about: names, a time, a stream.
const CHUNK_BYTES: usize = 64;

/// The list of containers, now and at each change.
pub(super) async fn containers(
    services: Arc<Services>,
    id: u64,
    outbox: Outbox,
) -> Result<(), ErrorBody> {
    let mut changes = services.engine.changes();
    loop {
        changes.mark_unchanged();
        let containers = services.engine.list(true);
        if outbox
            .send(ServerMessage::Containers { id, containers })
            .await
            .is_err()
            || changes.changed().await.is_err()
        {
            return GONE;
        }
    }
}

/// The list of images, now and at each change: of the images, or of how many containers each has.
pub(super) async fn images(
    services: Arc<Services>,
    id: u64,
    outbox: Outbox,
) -> Result<(), ErrorBody> {
    let (mut changes, mut uses) = (
        services.images_changed.subscribe(),
        services.engine.changes(),
    );
    let mut last = None;
    loop {
        changes.mark_unchanged();
        uses.mark_unchanged();
        let inner = Arc::clone(&services);
        let images = blocking(move || inner.image_summaries())
            .await
            .map_err(ApiError::into_body)?;
        if last.as_ref() != Some(&images) {
            last = Some(images.clone());
            if outbox
                .send(ServerMessage::Images { id, images })
                .await
                .is_err()
            {
                return GONE;
            }
        }
        let changed = tokio::select! {
            changed = changes.changed() => changed,
            changed = uses.changed() => changed,
        };
        if changed.is_err() {
            return GONE;
        }
    }
}

/// A container's output.
pub(super) async fn logs(
    services: Arc<Services>,
    id: u64,
    container: String,
    follow: bool,
    tail: Option<u64>,
    outbox: Outbox,
) -> Result<(), ErrorBody> {
    let mut stream = services
        .engine
        .logs(&container, follow, tail)
        .map_err(body)?;
    while let Some(chunk) = stream.next().await {
        let mut chunks = vec![chunk.map_err(body)?];
        // What is there already goes along: a log of many small writes would be a message each.
        let mut failed = None;
        while size(&chunks) < LOG_BATCH_BYTES {
            match stream.as_mut().try_recv() {
                Ok(Ok(chunk)) => chunks.push(chunk),
                Ok(Err(error)) => {
                    failed = Some(error);
                    break;
                }
                Err(_) => break,
            }
        }
        if outbox
            .send(ServerMessage::Logs { id, chunks })
            .await
            .is_err()
        {
            return GONE;
        }
        if let Some(error) = failed {
            return Err(body(error));
        }
    }
    Ok(())
}

/// What a container uses.
pub(super) async fn stats(
    services: Arc<Services>,
    id: u64,
    container: String,
    outbox: Outbox,
) -> Result<(), ErrorBody> {
    let mut stream = services.engine.stats(&container).map_err(body)?;
    while let Some(stats) = stream.next().await {
        let stats = stats.map_err(body)?;
        if outbox
            .send(ServerMessage::Stats { id, stats })
            .await
            .is_err()
        {
            return GONE;
        }
    }
    Ok(())
}

/// A further process in a container; dropping the stream kills it.
pub(super) async fn exec(
    services: Arc<Services>,
    id: u64,
    container: String,
    request: ExecRequest,
    outbox: Outbox,
) -> Result<(), ErrorBody> {
    let mut stream = services
        .engine
        .exec(&container, request)
        .await
        .map_err(body)?;
    while let Some(event) = stream.next().await {
        let event = event.map_err(body)?;
        if outbox
            .send(ServerMessage::Exec { id, event })
            .await
            .is_err()
        {
            return GONE;
        }
    }
    Ok(())
}

fn size(chunks: &[LogChunk]) -> usize {
    chunks
        .iter()
        .map(|chunk| CHUNK_BYTES + chunk.bytes.len())
        .sum()
}

fn body(error: estiva_engine::EngineError) -> ErrorBody {
    ApiError::from(error).into_body()
}
