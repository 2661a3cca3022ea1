//! The kernel's settings of the network (`/proc/sys/net`), which belong to the network namespace of the thread that reads
//! or writes them.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The family that a setting is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Ipv4,
    Ipv6,
}

/// The file of an interface's setting; `all` and `default` are interfaces here.
pub(crate) fn path(family: Family, interface: &str, name: &str) -> PathBuf {
    let family = match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    };
    Path::new("/proc/sys/net")
        .join(family)
        .join("conf")
        .join(interface)
        .join(name)
}

/// What a setting says; `None` where it can't be read: the interface is gone, or the kernel does not have it.
pub(crate) fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim_end().to_owned())
}

/// Whether a setting is there and says `value`.
pub(crate) fn is(path: &Path, value: &str) -> bool {
    read(path).is_some_and(|found| found == value)
}

/// Has a setting say `value`. One that is not there is no error.
pub(crate) fn write(path: &Path, value: &str) -> io::Result<()> {
    match fs::write(path, value) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Asks for the right to turn forwarding on, and writes nothing.
pub(crate) fn may_forward() -> Result<(), (PathBuf, io::Error)> {
    let path = path(Family::Ipv4, "default", "forwarding");
    match OpenOptions::new().write(true).open(&path) {
        Ok(_) => Ok(()),
        Err(error) => Err((path, error)),
    }
}

/// Whether interfaces that come to be here have IPv6.
pub(crate) fn has_ipv6() -> bool {
    ["all", "default"]
        .iter()
        .all(|interface| is(&path(Family::Ipv6, interface, "disable_ipv6"), "0"))
}

/// Whether packets between the ports of a bridge pass the firewall too (the module `br_netfilter`).
pub(crate) fn filters_bridges() -> bool {
    ["bridge-nf-call-iptables", "bridge-nf-call-ip6tables"]
        .iter()
        .any(|name| is(&Path::new("/proc/sys/net/bridge").join(name), "1"))
}
