//! What of the host would stop a container's traffic, in sentences for `doctor`. Nothing is changed.

use std::io;

use crate::names::BRIDGE_PREFIX;
use crate::nft::foreign::{Dropping, dropping};
use crate::request::Obstacle;
use crate::setting;

/// `EROFS`: `/proc/sys` is mounted read-only, as in most containers.
const READ_ONLY: i32 = 30;

pub(crate) fn obstacles() -> Vec<Obstacle> {
    let mut found = Vec::new();
    found.extend(forwarding());
    match dropping() {
        Ok(chains) => found.extend(chains.iter().map(firewall)),
        Err(error) => found.push(nftables(&error)),
    }
    found
}

/// Whether forwarding could be turned on.
fn forwarding() -> Option<Obstacle> {
    let (path, error) = setting::may_forward().err()?;
    let fix = match (error.kind(), error.raw_os_error()) {
        (_, Some(READ_ONLY)) => "mount /proc/sys so that it can be written".to_owned(),
        (io::ErrorKind::PermissionDenied, _) => "run the server as root".to_owned(),
        _ => format!("see why {} can't be opened", path.display()),
    };
    Some(Obstacle {
        what: format!(
            "forwarding can't be turned on, so containers reach nothing outside: {}: {error}",
            path.display()
        ),
        fix,
    })
}

fn nftables(error: &io::Error) -> Obstacle {
    if error.kind() == io::ErrorKind::PermissionDenied {
        Obstacle {
            what: format!("the firewall's rules can't be read: {error}"),
            fix: "run as root".to_owned(),
        }
    } else {
        Obstacle {
            what: format!("the kernel has no nftables, so containers get no network: {error}"),
            fix: "load its module: modprobe nf_tables".to_owned(),
        }
    }
}

fn firewall(chain: &Dropping) -> Obstacle {
    let Dropping {
        family,
        table,
        chain,
        by_policy,
    } = chain;
    let how = if *by_policy {
        "by its policy"
    } else {
        "by a rule for every packet"
    };
    // A rule of `nft` in a table of iptables would keep iptables from reading it.
    let iptables = match (*family, table.as_str(), chain.as_str()) {
        ("ip", "filter", "FORWARD") => Some("iptables"),
        ("ip6", "filter", "FORWARD") => Some("ip6tables"),
        _ => None,
    };
    let fix = match iptables {
        Some(iptables) => format!(
            "let it pass: {iptables} -I FORWARD -i {BRIDGE_PREFIX}+ -j ACCEPT; \
             {iptables} -I FORWARD -o {BRIDGE_PREFIX}+ -j ACCEPT"
        ),
        None => format!(
            "let it pass: nft insert rule {family} {table} {chain} iifname \"{BRIDGE_PREFIX}*\" accept; \
             nft insert rule {family} {table} {chain} oifname \"{BRIDGE_PREFIX}*\" accept"
        ),
    };
    Obstacle {
        what: format!(
            "a firewall drops what containers send and get: chain {chain} of table {family} {table} does so {how}"
        ),
        fix,
    }
}
