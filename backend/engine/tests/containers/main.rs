//! Real containers of a busybox image, each test in a root of its own. They need root, `/bin/busybox` (static) and the
//! `estiva-runtime` program: by `ESTIVA_RUNTIME_BIN`, or built beside these tests (`cargo build -p estiva-runtime`).
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "what fails in a helper fails its test"
)]

mod again;
mod crash;
mod exec;
mod life;
mod limits;
mod logs;
mod mounts;
mod refused;
mod terminal;
mod volumes;
mod world;
