//! `estiva dashboard`: the page's address.

use std::path::Path;

use estiva_shared::protocol::CodeResponse;
use hyper::Method;

use super::Outcome;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::say_line;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The address holds a code that works once, for ten minutes. Ask for another as often as you like. From another machine: ssh -L 7878:127.0.0.1:7878 HOST, and open the address there.\n\nExamples:\n  estiva dashboard"
)]
pub(crate) struct Args {
    /// Fail where no server runs, instead of starting one
    #[arg(long)]
    no_start: bool,
}

/// Prints it.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let mut client = if args.no_start {
        let running = Client::connect_running(root).await?;
        running
            .ok_or_else(|| Failure::new(format_args!("no server runs for {}", root.display())))?
    } else {
        Client::connect(root).await?
    };
    let code: CodeResponse = client.ask_json(Method::POST, "/api/v1/codes").await?;
    say_line(&code.address)?;
    Ok(0)
}
