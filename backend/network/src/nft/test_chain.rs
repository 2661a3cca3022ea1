//! Another program's firewall, for tests: a chain that drops what is forwarded, and an exception to it.

use super::Nftables;
use super::attributes::Attributes;
use super::batch::{Batch, NEW_CHAIN, NEW_RULE, NEW_TABLE};
use super::expression::{Decision, Meta, Rule};
use crate::names::Names;

/// A chain whose policy is to drop, of both families.
pub(crate) fn add(table: &str, chain: &str) {
    add_to(Batch::new(), table, chain);
}

/// The same, of IPv4.
pub(crate) fn add_ipv4(table: &str, chain: &str) {
    add_to(Batch::of(2), table, chain);
}

/// A table that nobody else may change while the connection is open (`NFT_TABLE_F_OWNER`).
pub(crate) fn own(table: &str) -> Nftables {
    let owner = Nftables::default();
    let mut batch = Batch::new();
    let name = Attributes::new().text(1, table).number(2, 2);
    batch.add(NEW_TABLE, "add a table".to_owned(), name);
    owner.commit(batch).unwrap();
    owner
}

fn add_to(mut batch: Batch, table: &str, chain: &str) {
    let hook = Attributes::new().number(1, 2).number(2, 0);
    let attributes = Attributes::new()
        .text(1, table)
        .text(3, chain)
        .nested(4, hook)
        .number(5, 0)
        .text(7, "filter");
    let name = Attributes::new().text(1, table);
    batch.add(NEW_TABLE, "add a table".to_owned(), name);
    batch.add(NEW_CHAIN, "add a chain".to_owned(), attributes);
    Nftables::default().commit(batch).unwrap();
}

/// A rule that lets a world's bridge pass.
pub(crate) fn except(table: &str, chain: &str) {
    let rule = Rule::new()
        .interface(Meta::InInterface, &Names::new("any").bridge)
        .decide(Decision::Accept);
    let attributes = Attributes::new()
        .text(1, table)
        .text(2, chain)
        .nested(4, rule.into_attributes());
    let mut batch = Batch::new();
    batch.append(NEW_RULE, "add a rule".to_owned(), attributes);
    Nftables::default().commit(batch).unwrap();
}
