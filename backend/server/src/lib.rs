//! The program `estiva`: the command line, and the server that it speaks with.
//!
//! A command is a thin client: it connects to the server's Unix socket, starts a server in the background where none
//! runs, asks by the documented interface and shows the answer. Only `inspect FILE`, `doctor`, `version` and the help
//! work without a server.
//!
//! **Invariant:** only this crate knows axum. The command line has no road to the store or the engine but the server's.
#![forbid(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!(
    "estiva runs on Linux: its containers are made of that kernel's namespaces, cgroups and overlayfs"
);

mod build_id;
mod client;
pub mod command;
mod doctor;
mod embedded;
mod failure;
mod lock;
mod output;
mod root;
mod runtime_program;
mod server;
mod surroundings;
