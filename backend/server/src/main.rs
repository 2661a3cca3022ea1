//! The `estiva` program. All of it is in the library, so that tests reach it.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    estiva_server::command::main()
}
