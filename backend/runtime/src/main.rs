//! The `estiva-runtime` program: one is started for each container, each build step and each exec.
//!
//! It is not for people to call: it takes its order from the socket that is its standard input (see `channel`).

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("monitor") => estiva_runtime::entry::monitor(),
        Some("exec") => estiva_runtime::entry::exec(),
        Some("version") => say(
            concat!("estiva-runtime ", env!("CARGO_PKG_VERSION"), "\n"),
            ExitCode::SUCCESS,
        ),
        _ => say(
            "usage: estiva-runtime monitor | exec | version; the first two are started by estiva\n",
            ExitCode::from(2),
        ),
    }
}

fn say(text: &str, code: ExitCode) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}
