//! What a network refuses or fails at: one enum, because its callers treat every verb alike. A variant is a kind of
//! fault that a user can do something about; a step of netlink that has no kind of its own is named with its errno.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::nft::Refused;
use crate::request::Protocol;

/// `EPROTONOSUPPORT`, `EOPNOTSUPP` and `EAFNOSUPPORT`: how a kernel without nf_tables refuses.
const PROTOCOL_NOT_SUPPORTED: i32 = 93;
const NOT_SUPPORTED: i32 = 95;
const FAMILY_NOT_SUPPORTED: i32 = 97;

/// Why the network did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The kernel did not let this process configure networks.
    #[error(
        "expected the right to configure networks (CAP_NET_ADMIN and CAP_SYS_ADMIN), but the kernel refused to {step}"
    )]
    Permission {
        /// What was refused.
        step: String,
        /// The refusal.
        source: io::Error,
    },
    /// The kernel has no nf_tables, or not the part that is named.
    #[error(
        "expected nftables in the kernel, but it could not {step}; hint: load the module nf_tables (and nft_nat, nft_masq, nft_fib_inet)"
    )]
    NftablesMissing {
        /// What failed.
        step: String,
        /// The refusal.
        source: io::Error,
    },
    /// Forwarding could not be turned on.
    #[error("expected to turn forwarding on, but the kernel refused to write: {}", path.display())]
    ForwardingForbidden {
        /// The setting.
        path: PathBuf,
        /// The refusal.
        source: io::Error,
    },
    /// Every subnet of the pool is the host's or another world's.
    #[error(
        "expected a free subnet for the world's bridge, but the host's routes and other worlds cover all of: {pool}"
    )]
    SubnetsExhausted {
        /// The pool.
        pool: String,
    },
    /// Every address of the subnet is given out.
    #[error("expected a free address, but all {count} of the subnet are given out: {subnet}")]
    AddressesExhausted {
        /// The subnet.
        subnet: String,
        /// How many addresses it has for containers.
        count: usize,
    },
    /// An interface has the bridge's name and is not ours.
    #[error(
        "expected the bridge's name to be free or ours, but another interface has it: {name}; hint: rename or delete that interface"
    )]
    BridgeNameTaken {
        /// The name.
        name: String,
    },
    /// Another container of this world publishes the port.
    #[error("expected a free port, but container {holder} publishes it: {}", shown(*address, *port, *protocol))]
    PortTaken {
        /// The address asked for.
        address: Option<IpAddr>,
        /// The port asked for.
        port: u16,
        /// Its transport.
        protocol: Protocol,
        /// The id of the container that has it.
        holder: String,
    },
    /// A published port is 0, which names none.
    #[error("expected a port from 1 to 65535, but found: 0")]
    PortZero,
    /// The id is attached already.
    #[error("expected an id that is not attached, but it is: {id}")]
    AlreadyAttached {
        /// The id.
        id: String,
    },
    /// A step over netlink failed.
    #[error("could not {step}: {object}")]
    Netlink {
        /// What was to be done, in words.
        step: String,
        /// The interface, table or namespace.
        object: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A file of ours, or of the kernel's, could not be read or written.
    #[error("could not {step}: {}", path.display())]
    File {
        /// What was to be done, in words.
        step: &'static str,
        /// The file.
        path: PathBuf,
        /// The answer.
        source: io::Error,
    },
}

impl NetworkError {
    /// A step of rtnetlink, or of the making of a namespace, that failed.
    pub(crate) fn netlink(step: &str, object: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::PermissionDenied => Self::Permission {
                step: format!("{step} ({object})"),
                source,
            },
            _ => Self::Netlink {
                step: step.to_owned(),
                object: object.to_owned(),
                source,
            },
        }
    }

    /// A refused transaction of nf_tables.
    pub(crate) fn nftables(refused: Refused) -> Self {
        let Refused { step, source } = refused;
        match (source.kind(), source.raw_os_error()) {
            (io::ErrorKind::PermissionDenied, _) => Self::Permission { step, source },
            // A part that is a module and is not there is "not found".
            (io::ErrorKind::NotFound, _) => Self::NftablesMissing { step, source },
            (_, Some(PROTOCOL_NOT_SUPPORTED | NOT_SUPPORTED | FAMILY_NOT_SUPPORTED)) => {
                Self::NftablesMissing { step, source }
            }
            _ => Self::Netlink {
                step,
                object: "nftables".to_owned(),
                source,
            },
        }
    }

    /// A file that could not be read or written.
    pub(crate) fn file(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            step,
            path: path.to_owned(),
            source,
        }
    }
}

/// A port as a user writes it.
fn shown(address: Option<IpAddr>, port: u16, protocol: Protocol) -> String {
    let protocol = match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    match address {
        None => format!("{port}/{protocol}"),
        Some(IpAddr::V4(address)) => format!("{address}:{port}/{protocol}"),
        Some(IpAddr::V6(address)) => format!("[{address}]:{port}/{protocol}"),
    }
}
