//! Other programs' chains, read to tell which of them drop what is forwarded. iptables of today writes nf_tables too, so
//! its rules are among them; the older iptables-legacy is not seen from here.

use std::io;

use super::attributes::{attributes, find, number, text};
use super::batch::{GET_CHAIN, GET_RULE, dump};
use crate::names::{BRIDGE_PREFIX, TABLE_PREFIX};

/// `NF_INET_FORWARD`.
const HOOK_FORWARD: u32 = 2;

/// `NF_DROP`.
const DROP: u32 = 0;

/// The kinds of expressions that match nothing: a rule of these alone is for every packet. `target` is one of iptables' own.
const WITHOUT_CONDITION: [&str; 5] = ["counter", "log", "reject", "immediate", "target"];

/// A chain of another program that drops forwarded packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dropping {
    /// `ip`, `ip6` or `inet`.
    pub(crate) family: &'static str,
    pub(crate) table: String,
    pub(crate) chain: String,
    /// By its policy; otherwise by a rule that is for every packet.
    pub(crate) by_policy: bool,
}

/// What is read of a rule.
struct Found {
    family: u8,
    table: String,
    chain: String,
    /// It drops or rejects every packet that reaches it.
    stops_all: bool,
    /// It names our bridges.
    names_us: bool,
}

/// The chains that drop what is forwarded. One of a table that says something about our bridges is not among them: its
/// owner has made an exception.
pub(crate) fn dropping() -> io::Result<Vec<Dropping>> {
    let mut rules = Vec::new();
    dump(GET_RULE, |family, bytes| rules.push(rule(family, bytes)))?;
    let mut found = Vec::new();
    dump(GET_CHAIN, |family, bytes| {
        let of = |kind| find(bytes, kind);
        let (table, chain) = (of(1).map(text), of(3).map(text));
        let (Some(table), Some(chain)) = (table, chain) else {
            return;
        };
        let hook = of(4).and_then(|hook| find(hook, 1)).and_then(number);
        let Some(name) = family_name(family) else {
            return;
        };
        if hook != Some(HOOK_FORWARD) || table.starts_with(TABLE_PREFIX) {
            return;
        }
        let of_table = |rule: &&Found| rule.family == family && rule.table == table;
        let excepted = rules.iter().filter(of_table).any(|rule| rule.names_us);
        let by_policy = of(5).and_then(number) == Some(DROP);
        let stopped = rules
            .iter()
            .filter(of_table)
            .any(|rule| rule.chain == chain && rule.stops_all);
        if !excepted && (by_policy || stopped) {
            found.push(Dropping {
                family: name,
                table,
                chain,
                by_policy,
            });
        }
    })?;
    Ok(found)
}

fn family_name(family: u8) -> Option<&'static str> {
    match family {
        1 => Some("inet"),
        2 => Some("ip"),
        10 => Some("ip6"),
        _ => None,
    }
}

fn rule(family: u8, bytes: &[u8]) -> Found {
    let expressions = find(bytes, 4).unwrap_or_default();
    let mut stops = false;
    let mut always = true;
    for (_, expression) in attributes(expressions) {
        let name = find(expression, 1).map(text).unwrap_or_default();
        always &= WITHOUT_CONDITION.contains(&name.as_str());
        stops |= match name.as_str() {
            "reject" => true,
            "immediate" => verdict(expression) == Some(DROP),
            "target" => target(expression).as_deref() == Some("REJECT"),
            _ => false,
        };
    }
    Found {
        family,
        table: find(bytes, 1).map(text).unwrap_or_default(),
        chain: find(bytes, 2).map(text).unwrap_or_default(),
        stops_all: stops && always,
        names_us: contains(expressions, BRIDGE_PREFIX.as_bytes()),
    }
}

/// The verdict of an `immediate`.
fn verdict(expression: &[u8]) -> Option<u32> {
    let data = find(expression, 2)?;
    let value = find(data, 2)?;
    number(find(find(value, 2)?, 1)?)
}

/// The name of a target of iptables (`linux/netfilter/nf_tables_compat.h`).
fn target(expression: &[u8]) -> Option<String> {
    find(find(expression, 2)?, 1).map(text)
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::super::expression::{Decision, Meta, Rule, STATE_ESTABLISHED, Tracked};
    use super::*;
    use crate::nft::attributes::Attributes;

    fn read(rule_of: Rule) -> Found {
        read_attributes(rule_of.into_attributes())
    }

    fn read_attributes(expressions: Attributes) -> Found {
        let bytes = Attributes::new()
            .text(1, "filter")
            .text(2, "FORWARD")
            .nested(4, expressions)
            .into_bytes();
        rule(2, &bytes)
    }

    /// The last rule of many hosts: `iptables -A FORWARD -j REJECT`. `doctor` found nothing amiss with it.
    #[test]
    fn a_rule_of_iptables_that_rejects_every_packet_stops_all() {
        let with = |target| {
            let expression = Attributes::new()
                .text(1, "target")
                .nested(2, Attributes::new().text(1, target));
            read_attributes(Attributes::new().nested(1, expression))
        };
        assert!(with("REJECT").stops_all);
        assert!(!with("LOG").stops_all);
    }

    #[test]
    fn a_rule_that_drops_every_packet_is_told_from_one_with_a_condition() {
        assert!(read(Rule::new().decide(Decision::Drop)).stops_all);
        assert!(!read(Rule::new().decide(Decision::Accept)).stops_all);
        let with_condition = Rule::new()
            .tracked(Tracked::State, STATE_ESTABLISHED)
            .decide(Decision::Drop);
        assert!(!read(with_condition).stops_all);
    }

    #[test]
    fn a_rule_about_our_bridges_is_seen() {
        let about = |name| read(Rule::new().interface(Meta::InInterface, name)).names_us;
        assert!(about("estivaabcdefgh"));
        assert!(!about("docker0"));
    }
}
