//! `estiva doctor`: what this host offers, and what to do about what is missing. Needs neither server nor root.

use std::path::Path;

use super::Outcome;
use crate::doctor::{Status, examine};
use crate::failure::EXIT_FAILURE;
use crate::output::{say_json, say_line};

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The exit status is 1 where something is missing that containers can't do without.\n\nExamples:\n  estiva doctor\n  estiva doctor --json"
)]
pub(crate) struct Args {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// Prints it.
pub(crate) fn run(args: &Args, root: &Path) -> Outcome {
    let findings = examine(root);
    if args.json {
        say_json(&findings)?;
    } else {
        for finding in &findings {
            let mark = match finding.status {
                Status::Ok => "ok     ",
                Status::Limited => "limited",
                Status::Missing => "MISSING",
            };
            say_line(&format!("{mark}  {:<18} {}", finding.name, finding.found))?;
            if let Some(fix) = &finding.fix {
                say_line(&format!("         {:<18} fix: {fix}", ""))?;
            }
        }
    }
    let is_missing = findings
        .iter()
        .any(|finding| finding.status == Status::Missing);
    Ok(if is_missing { EXIT_FAILURE } else { 0 })
}
