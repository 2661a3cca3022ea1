//! Starts a container or a build step, watches it, and cleans up after it.
//!
//! This is the part of Estiva that talks to the kernel about namespaces, mounts, cgroups and privileges. It is a
//! library, used by the server to start things, and a small static program (`estiva-runtime`), which the server runs
//! once for each container: as its *monitor*, which clones the container's first process and stays beside it.
//!
//! The way of a start: [`launch`] (in the server) runs the program → [`monitor`] (in it) makes the cgroups and clones
//! → `init` (the clone) builds the container around itself and executes the container's program.
//!
//! **Invariant:** the server never runs Rust code between `fork` and `exec`: it is multi-threaded, and so everything
//! that needs a fork happens in the single-threaded monitor.
//! **Invariant:** nothing is mounted in the host's mount namespace; what a container mounts vanishes with its last
//! process, whichever way that ends.
//! **Invariant:** `unsafe` lives in `sys`, in front of the system calls that have no safe wrapper, and in no other
//! crate of the workspace.

#![deny(unsafe_code)]

pub mod binary;
mod capabilities;
pub mod cgroup;
mod channel;
mod clock;
pub mod defaults;
mod exec;
mod init;
pub mod launch;
pub mod log;
pub mod monitor;
mod order;
mod resolve;
mod seccomp;
pub mod spec;
mod sys;
pub mod user;

pub use binary::{RuntimeBinary, SealedProgram};
pub use launch::{
    Canceller, ExecHandle, LaunchError, Starting, StepHandle, begin_exec, exec, reap_monitors,
    spawn_attended_container, spawn_container, spawn_exec_session, spawn_step,
};
pub use sys::close_on_exec_from;

pub use spec::{
    CgroupPath, ExecSpec, Exit, Mode, MonitorSpec, OverlayRootfs, Rootfs, Started, TerminalSize,
};

/// The OCI runtime types, re-exported so that every crate that makes a [`MonitorSpec`] uses the same version of them.
pub use oci_spec::runtime as oci;

/// The program's entry points; `main.rs` does nothing but choose one of them. The other program that stays beside a
/// container begins with the first step of theirs.
#[doc(hidden)]
pub mod entry {
    pub use crate::exec::main as exec;
    pub use crate::monitor::{main as monitor, take_stdin};
}
