//! The proxy of published ports: a small process beside a container's monitor, which serves what the kernel does not
//! lead to the container: connections from the host's own loopback addresses, and whatever else reaches the socket.
//!
//! It is a program of its own because it outlives the server, as the monitor does, and because the runtime, which starts
//! containers, opens no network connection. The server binds the ports, before anything else is made of the container, and
//! hands the listening sockets over ([`order`]); from then on `serve` does the rest, in one thread.
//!
//! It needs none of the kernel's `route_localnet`, which would let neighbours on the network reach loopback addresses.
//!
//! **Invariant:** no `unsafe`, no thread, no log. Memory is bounded by the constants of `tcp` and `udp`.
//! **Invariant:** it ends with its container: at the latest [`DRAINS_WITHIN`] after it.
#![forbid(unsafe_code)]

pub mod order;
mod pipes;
mod serve;
mod tcp;
mod udp;

pub use serve::{DRAINS_WITHIN, Ends, serve};

/// The program's name: beside `estiva`, and in a list of processes.
pub const PROGRAM: &str = "estiva-proxy";
