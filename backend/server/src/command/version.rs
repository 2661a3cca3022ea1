//! `estiva version`.

use serde::Serialize;

use super::Outcome;
use crate::build_id;
use crate::failure::Failure;
use crate::output::{say_json, say_line};

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  estiva version\n  estiva version --json")]
pub(crate) struct Args {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
    build: String,
    protocol: u32,
}

/// Prints it.
pub(crate) fn run(args: &Args) -> Outcome {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        build: build_id::of_this_program()
            .map_err(|error| Failure::new(format_args!("can't read this program: {error}")))?,
        protocol: estiva_shared::protocol::PROTOCOL_VERSION,
    };
    if args.json {
        say_json(&version)?;
    } else {
        say_line(&format!(
            "estiva {}\nbuild {}\nprotocol {}",
            version.version, version.build, version.protocol
        ))?;
    }
    Ok(0)
}
