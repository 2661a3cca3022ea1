//! The default network of one world: a bridge, a veth pair for each container, addresses of both families, NAT and
//! published ports through nftables. Everything is said to the kernel over netlink; no other program is called.
//!
//! The way of an attachment: [`Network::attach`] has the `base` stand (the bridge, its addresses, `forwarding` and the
//! table), takes an address of the `subnet`, makes a `namespace` with an `eth0`, and adds the elements that publish its
//! ports to the table's maps. What is taken away late, the `reaper` takes away; interfaces that come late, `watch` notices.
//!
//! **Invariant:** this crate knows no other crate of ours, keeps no record of containers, and has no `unsafe`.
//! **Invariant:** what it makes has a name that follows from the world's and the container's, so that a process that
//! knows nothing else can take it away.
//! **Invariant:** what it changes of the host's settings is written in the `ledger` before it is changed.
#![forbid(unsafe_code)]

mod base;
mod conntrack;
mod error;
mod forwarding;
mod ledger;
mod names;
mod namespace;
mod netlink;
mod network;
mod nft;
mod obstacle;
mod reaper;
mod request;
pub mod resolver;
mod route;
mod setting;
mod subnet;
#[cfg(test)]
mod tests;
mod watch;

pub use error::NetworkError;
pub use network::Network;
pub use request::{AttachRequest, Attached, Endpoint, Held, Obstacle, PortRule, Protocol};
