//! Containers through their life: made from an image, started, watched, found again, stopped and removed.
//!
//! A container is a folder, `ROOT/containers/ID`, and a monitor: a small process of `estiva-runtime` that holds the
//! container's output and records its end. The engine owns the folders and speaks with the monitors. It can be dropped
//! and opened again at any time: containers do not notice, and what it knows it reads back from the folders.
//!
//! The way of a run: [`Engine::run`] checks the request ([`limits`], [`name`]), resolves the image in the store, merges
//! the two (`plan`) into a `record`, which is written down in the `folder`, has `estiva-runtime` start it, and leaves a
//! `follow` task behind that waits for the end.
//!
//! **Invariant:** the state of a container has one writer, the `table`; all that waits for a change waits at its `entry`.
//! **Invariant:** nothing here mounts anything, and no Rust code runs between `fork` and `exec`.
//! **Invariant:** a folder without a `container.json` was never acknowledged to anyone.
#![forbid(unsafe_code)]

mod attach;
mod attachment;
mod cgroups;
mod command;
mod doorbell;
mod engine;
mod entry;
mod environment;
mod error;
mod exec;
mod files;
mod folder;
mod follow;
mod id;
pub mod limits;
mod logs;
mod monitor;
mod mounts;
pub mod name;
mod open;
mod plan;
mod ports;
mod process;
mod proxy;
mod record;
mod remove;
mod run;
mod session;
mod signal;
mod similar;
mod stats;
mod status;
mod stop;
mod table;
mod volume;
mod volumes;

pub use attach::{AttachEvent, AttachedInput, AttachedOutput, Attachment};
pub use engine::{Engine, ExecStream, LogStream, Programs, StatsStream};
pub use error::{
    EXIT_NOT_STARTED, EXIT_PROGRAM_NOT_EXECUTABLE, EXIT_PROGRAM_NOT_FOUND, EngineError,
};
pub use id::{ContainerId, InvalidId};
pub use signal::parse_signal;
