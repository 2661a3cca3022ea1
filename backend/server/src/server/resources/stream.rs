//! Bodies between an asynchronous connection and code that blocks: a request's as a reader, an answer's as a writer.

use std::io::{self, Read, Write};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::TryStreamExt as _;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::io::{StreamReader, SyncIoBridge};

/// How long the next piece of an upload may take. A client that sends nothing for so long has gone to sleep.
const IDLE_TIME: Duration = Duration::from_secs(60);

/// The size of an answer's pieces, in bytes.
const PIECE_BYTES: usize = 128 << 10;

/// Pieces that wait for a slow client; then the writer waits.
const PIECES_WAITING: usize = 8;

/// The body as a reader, for a thread that may block. A connection that breaks off is an error, never an end.
pub(in crate::server) fn reader(body: Body) -> impl Read + Send {
    let pieces = body
        .into_data_stream()
        .map_err(io::Error::other)
        .timeout(IDLE_TIME)
        .map(|piece| piece.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())));
    SyncIoBridge::new(StreamReader::new(Box::pin(pieces)))
}

/// A body that `work` writes on a thread of its own. Where it answers `false`, the connection is broken off, so that
/// the client can't take what came for all.
pub(in crate::server) fn writer(
    work: impl FnOnce(&mut dyn Write) -> bool + Send + 'static,
) -> Body {
    let (sender, receiver) = mpsc::channel(PIECES_WAITING);
    tokio::task::spawn_blocking(move || {
        let mut out = io::BufWriter::with_capacity(PIECE_BYTES, Pieces { sender });
        let complete = work(&mut out) && out.flush().is_ok();
        if let Ok(Pieces { sender }) = out.into_inner()
            && !complete
        {
            let _ = sender.blocking_send(Err(io::ErrorKind::BrokenPipe.into()));
        }
    });
    Body::from_stream(ReceiverStream::new(receiver))
}

struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sender
            .blocking_send(Ok(Bytes::copy_from_slice(bytes)))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn what_is_written_arrives_and_what_breaks_off_is_an_error() {
        let content = vec![7; 3 * PIECE_BYTES + 1];
        let sent = content.clone();
        let whole = writer(move |out| out.write_all(&sent).is_ok())
            .collect()
            .await
            .unwrap();
        assert_eq!(whole.to_bytes(), content);
        assert!(
            writer(|out| out.write_all(b"half").is_err())
                .collect()
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn a_body_can_be_read_by_code_that_blocks() {
        let mut body = reader(Body::from("text"));
        let read = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            body.read_to_string(&mut text).unwrap();
            text
        });
        assert_eq!(read.await.unwrap(), "text");
    }
}
