//! nf_tables, said to the kernel directly: no `nft`, no libnftnl. The crates that encode it are bound to a C library or
//! under the GPL, and what is needed is small.

mod attributes;
mod batch;
mod expression;
pub(crate) mod foreign;
pub(crate) mod table;
#[cfg(test)]
pub(crate) mod test_chain;

pub(crate) use attributes::{Attributes, find};
pub(crate) use batch::{Nftables, Refused, framed};
