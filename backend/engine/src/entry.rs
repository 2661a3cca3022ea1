//! One container in memory: what was asked for, and how it is now. Who wants to know when that changes waits here.

use std::{sync::Arc, time::Duration};

use estiva_runtime::Started;
use estiva_shared::protocol::{ContainerStatus, ContainerSummary};
use tokio::sync::watch;

use crate::{
    attachment::Attachment, folder::ContainerFolder, record::ContainerRecord, status::is_final,
};

/// How a container is now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    /// Its status.
    pub(crate) status: ContainerStatus,
    /// Its monitor and first process, once there were any.
    pub(crate) started: Option<Started>,
    /// It ended, and all that belonged to its run is gone: monitor, cgroup, and with `--rm` the container itself.
    pub(crate) settled: bool,
}

/// One container.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What was asked for. Never changes while the engine runs; a failure is in the state.
    pub(crate) record: ContainerRecord,
    /// Its folder.
    pub(crate) folder: ContainerFolder,
    /// What it holds of the network, from its start to its end.
    pub(crate) attachment: Option<Attachment>,
    /// How long it is kept after its end, where it is to be removed then.
    pub(crate) linger: Duration,
    /// How it is; changed through the table.
    pub(crate) state: watch::Sender<State>,
    /// Held by what takes time and must be alone: the start, the removal. It tells whether the container is removed.
    pub(crate) gate: tokio::sync::Mutex<Removed>,
}

/// Whether a container is no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Removed(pub(crate) bool);

impl Entry {
    /// A container in this state, which is kept no longer than it was asked for.
    pub(crate) fn new(record: ContainerRecord, folder: ContainerFolder, state: State) -> Arc<Self> {
        let attachment = Attachment::read(&folder);
        Self::lingering(record, folder, state, attachment, Duration::ZERO)
    }

    /// A container in this state; with `--rm` it is kept for a while after its end.
    pub(crate) fn lingering(
        record: ContainerRecord,
        folder: ContainerFolder,
        state: State,
        attachment: Option<Attachment>,
        linger: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            record,
            folder,
            attachment,
            linger,
            state: watch::Sender::new(state),
            gate: tokio::sync::Mutex::default(),
        })
    }

    /// How it is now.
    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Its name's text.
    pub(crate) fn name(&self) -> &str {
        self.record.name.as_str()
    }

    /// To wait for a change.
    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Waits until the container has ended.
    pub(crate) async fn ended(&self) {
        // The sender lives in `self`, so that the wait can't be cut off.
        let _ = self.watch().wait_for(|state| is_final(&state.status)).await;
    }

    /// The container as clients see it.
    pub(crate) fn summary(&self) -> ContainerSummary {
        let State {
            status, started, ..
        } = self.state();
        let is_running = status == ContainerStatus::Running;
        let held = self.attachment.as_ref().filter(|_| is_running);
        ContainerSummary {
            id: self.record.id.to_string(),
            name: self.record.name.to_string(),
            image: self.record.image.clone(),
            image_id: self.record.image_id.to_string(),
            command: self.record.command.clone(),
            status,
            created_ms: self.record.created_ms,
            started_ms: started.map(|started| started.started_ms),
            limits: self.record.limits,
            network: self.record.network,
            pid: started
                .filter(|_| is_running)
                .and_then(|started| u32::try_from(started.init_pid).ok()),
            ports: held.map(|held| held.ports.clone()).unwrap_or_default(),
            addresses: held.map(Attachment::addresses).unwrap_or_default(),
            mounts: self.record.mounts.clone(),
            terminal: self.record.terminal,
            interactive: self.record.interactive,
            read_only: self.record.read_only,
        }
    }
}
