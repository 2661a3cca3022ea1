//! The command line's side of the WebSocket.

use estiva_shared::protocol::{
    ClientMessage, FRAME_BYTES_MAX, PROTOCOL_VERSION, SOCKET_PATH, ServerMessage,
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::UnixStream;
use tokio_tungstenite::tungstenite::{Message, protocol::WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::broken;
use crate::failure::Failure;

/// What the server's messages say to a command that started one thing.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A message of the thing.
    Message(ServerMessage),
    /// It ended well.
    Ended,
}

/// A greeted WebSocket.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<UnixStream>,
}

impl Socket {
    /// Opens one over a connection.
    ///
    /// # Errors
    /// If the server refuses it.
    pub(super) async fn open(stream: UnixStream) -> Result<Self, Failure> {
        let limits = WebSocketConfig::default()
            .max_message_size(Some(16 * FRAME_BYTES_MAX))
            .max_frame_size(Some(16 * FRAME_BYTES_MAX));
        let address = format!("ws://localhost{SOCKET_PATH}");
        let (stream, _) = client_async_with_config(address, stream, Some(limits))
            .await
            .map_err(broken)?;
        let mut socket = Self { stream };
        socket
            .send(&ClientMessage::Hello {
                protocol: PROTOCOL_VERSION,
                token: None,
            })
            .await?;
        match socket.receive().await? {
            ServerMessage::Welcome { .. } => Ok(socket),
            other => Err(broken(format_args!(
                "expected a welcome, but found {other:?}"
            ))),
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// If the server is gone, or the message is longer than it takes.
    pub(crate) async fn send(&mut self, message: &ClientMessage) -> Result<(), Failure> {
        let text = serde_json::to_string(message).map_err(broken)?;
        if text.len() > FRAME_BYTES_MAX {
            return Err(Failure::new(format_args!(
                "expected a request of at most {FRAME_BYTES_MAX} bytes, but found {}",
                text.len()
            )));
        }
        self.stream
            .send(Message::Text(text.into()))
            .await
            .map_err(broken)
    }

    /// The next message of the one thing that was started, or its end.
    ///
    /// # Errors
    /// Why it did not end well, or that the connection broke off.
    pub(crate) async fn next(&mut self) -> Result<Incoming, Failure> {
        match self.receive().await? {
            ServerMessage::Ended { error: None, .. } => Ok(Incoming::Ended),
            ServerMessage::Ended {
                error: Some(error), ..
            } => Err(error.into()),
            other => Ok(Incoming::Message(other)),
        }
    }

    async fn receive(&mut self) -> Result<ServerMessage, Failure> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    match serde_json::from_str(&text).map_err(broken)? {
                        ServerMessage::Refused(body) => return Err(body.into()),
                        message => return Ok(message),
                    }
                }
                Some(Ok(Message::Close(_))) | None => return Err(broken("the server closed it")),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(broken(error)),
            }
        }
    }
}
