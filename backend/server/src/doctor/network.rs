//! What the default network stands on: what of the host stops it, and whom containers ask for names.

use estiva_network::Network;
use estiva_network::resolver::{self, Source};

use super::{Finding, Status};

/// What stands in the bridge's way, each with its own fix; one line where nothing does.
pub(super) fn bridge() -> Vec<Finding> {
    let obstacles = Network::obstacles();
    if obstacles.is_empty() {
        let found = "bridges, veth pairs and nftables work, and nothing drops what they carry";
        return vec![Finding::new("network bridge", Status::Ok, found, "")];
    }
    let limited = |obstacle: estiva_network::Obstacle| {
        Finding::new(
            "network bridge",
            Status::Limited,
            obstacle.what,
            obstacle.fix,
        )
    };
    obstacles.into_iter().map(limited).collect()
}

/// The name servers of a container on the bridge.
pub(super) fn resolver() -> Finding {
    let fix = "name a server that is not on a loopback address in /etc/resolv.conf";
    let (status, found) = match resolver::resolver(true) {
        Ok(resolver) => match resolver.source {
            Source::Host => (Status::Ok, "the host's, of /etc/resolv.conf".to_owned()),
            Source::Upstream => (
                Status::Ok,
                "those that systemd-resolved asks: the host's own is on a loopback address"
                    .to_owned(),
            ),
            Source::Fallback => (
                Status::Limited,
                "the host's are on loopback addresses only: containers ask 8.8.8.8 and 8.8.4.4"
                    .to_owned(),
            ),
        },
        Err(error) => (Status::Limited, format!("/etc/resolv.conf: {error}")),
    };
    Finding::new("name servers", status, found, fix)
}
