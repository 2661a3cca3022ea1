//! Every message between a client (page or command line) and the server, in one place.
//!
//! Requests that are answered at once go by HTTP under [`API_PREFIX`]; what goes on for a while (a build, logs, states)
//! goes by one WebSocket at [`SOCKET_PATH`], in JSON text frames; what a terminal carries, in binary ones. The same routes are served on the loopback listener
//! (token wanted) and on the server's Unix socket (its owner only). Wire types become domain types at the edge.

mod base;
mod build;
mod container;
mod decode;
mod http;
mod mount;
mod network;
mod output;
mod registry;
mod socket;
mod terminal;

pub use base::*;
pub use build::*;
pub use container::*;
pub use decode::*;
pub use http::*;
pub use mount::*;
pub use network::*;
pub use output::*;
pub use registry::*;
pub use socket::*;
pub use terminal::*;

/// The version of this protocol; a client and a server of different versions refuse each other with a sentence.
pub const PROTOCOL_VERSION: u32 = 1;

/// Where the HTTP routes begin.
pub const API_PREFIX: &str = "/api/v1";

/// The WebSocket's route.
pub const SOCKET_PATH: &str = "/api/v1/socket";

/// The longest text frame that either side takes, in bytes.
pub const FRAME_BYTES_MAX: usize = 1 << 20;
