//! A container's place on the bridge: `network.json` in its folder, its addresses and published ports.
//!
//! It is apart from the record because it is known only when the network has been made, and gone when the container has
//! ended. It is not synced: it says nothing that survives the host's restart.

use std::{fs, os::fd::OwnedFd, path::Path};

use estiva_network::{AttachRequest, Attached, Endpoint, Held, Network};
use estiva_shared::protocol::PublishedPort;
use serde::{Deserialize, Serialize};

use crate::{
    EngineError,
    engine::Shared,
    folder::ContainerFolder,
    ports::{Reserved, rule},
};

/// What a container holds of its world's network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attachment {
    /// Its addresses.
    pub(crate) endpoint: Endpoint,
    /// Its published ports.
    pub(crate) ports: Vec<PublishedPort>,
}

/// What a start needs of it, once.
#[derive(Debug)]
pub(crate) struct Networked {
    /// The namespace to start in. It lives as long as this, or a process in it.
    pub(crate) namespace: OwnedFd,
    /// The sockets of its ports.
    pub(crate) reserved: Vec<Reserved>,
}

/// Makes the network of a container. Blocks for the milliseconds that takes.
///
/// # Errors
/// [`EngineError::Network`], [`EngineError::PortTaken`].
pub(crate) fn attach(
    shared: &Shared,
    id: &str,
    reserved: Vec<Reserved>,
) -> Result<(Attachment, Networked), EngineError> {
    let ports: Vec<PublishedPort> = reserved.iter().map(|reserved| reserved.port).collect();
    let request = AttachRequest {
        id: id.to_owned(),
        ports: ports.iter().map(rule).collect(),
    };
    let attached = shared.network.attach(&request);
    let Attached {
        namespace,
        endpoint,
    } = attached.map_err(|error| EngineError::network(error, &shared.table))?;
    Ok((
        Attachment { endpoint, ports },
        Networked {
            namespace,
            reserved,
        },
    ))
}

impl Attachment {
    /// The container's addresses.
    pub(crate) fn addresses(&self) -> Vec<std::net::IpAddr> {
        let ipv4 = std::net::IpAddr::from(self.endpoint.ipv4);
        let ipv6 = self.endpoint.ipv6.map(Into::into);
        std::iter::once(ipv4).chain(ipv6).collect()
    }

    /// Writes it so that a reader finds all of it or nothing.
    ///
    /// # Errors
    /// [`EngineError::File`].
    pub(crate) fn write(&self, folder: &ContainerFolder) -> Result<(), EngineError> {
        let path = folder.network();
        let beside = path.with_extension("json.new");
        let json = serde_json::to_vec_pretty(self).map_err(|error| EngineError::Internal {
            reason: format!("network.json can't be made: {error}"),
        })?;
        fs::write(&beside, json)
            .and_then(|()| fs::rename(&beside, &path))
            .map_err(EngineError::file("write", path))
    }

    /// Reads it, where there is one.
    pub(crate) fn read(folder: &ContainerFolder) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.network()).ok()?).ok()
    }

    /// As the network wants it told after a restart.
    pub(crate) fn held(&self, id: &str) -> Held {
        Held {
            id: id.to_owned(),
            endpoint: self.endpoint.clone(),
            ports: self.ports.iter().map(rule).collect(),
        }
    }
}

/// Takes the container off the network. Blocks; does nothing for one that is on none.
///
/// # Errors
/// What the kernel refused; `network.json` stays, and says that there is something left.
pub(crate) fn detach(
    network: &Network,
    id: &str,
    folder: &ContainerFolder,
) -> Result<(), estiva_network::NetworkError> {
    if folder.network().exists() {
        network.detach(id)?;
        forget(&folder.network());
    }
    Ok(())
}

/// What it held is given back.
pub(crate) fn forget(path: &Path) {
    // Where it stays, giving back a second time does no harm.
    let _ = fs::remove_file(path);
}
