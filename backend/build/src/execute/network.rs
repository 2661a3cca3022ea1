//! The network of RUN steps that ask for the bridge: one place on it for the whole build.
//!
//! It is made by the first step that wants it, and given back when the build ends, however it ends: making one costs as
//! much as a small step. The steps are as apart as with one each: a step's processes end with it, all of them, and with
//! them what listens; nothing of a step may change interfaces, routes or rules.

use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

use estiva_network::{AttachRequest, Attached, Endpoint, Network, NetworkError};

/// A build's place on the bridge, once a step has asked for it.
pub(crate) struct StepNetwork<'a> {
    network: &'a Network,
    id: String,
    attached: Option<Attached>,
}

impl<'a> StepNetwork<'a> {
    /// None yet. `id` is the build's.
    pub(crate) fn new(network: &'a Network, id: &str) -> Self {
        Self {
            network,
            id: format!("build-{id}"),
            attached: None,
        }
    }

    /// The namespace, as the runtime opens it, and its addresses.
    ///
    /// # Errors
    /// Why it could not be made.
    pub(super) fn join(&mut self) -> Result<(PathBuf, &Endpoint), NetworkError> {
        let attached = match self.attached.take() {
            Some(attached) => attached,
            None => self.network.attach(&AttachRequest {
                id: self.id.clone(),
                ports: Vec::new(),
            })?,
        };
        let attached = self.attached.insert(attached);
        let number = attached.namespace.as_raw_fd();
        let path = format!("/proc/{}/fd/{number}", std::process::id());
        Ok((path.into(), &attached.endpoint))
    }
}

impl Drop for StepNetwork<'_> {
    fn drop(&mut self) {
        if self.attached.take().is_some() {
            // What can't be given back now is, when the next server looks for what nobody holds.
            let _ = self.network.detach(&self.id);
        }
    }
}
