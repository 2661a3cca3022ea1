//! `estiva report`: an image's layer breakdown, as it would be shared.

use std::io::{self, Write as _};
use std::path::Path;

use http_body_util::BodyExt as _;

use super::Outcome;
use super::completion::names;
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::not_written;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The same image gives the same bytes.\n\nExamples:\n  estiva report hello --format json\n  estiva report hello --format html > hello.html"
)]
pub(crate) struct Args {
    /// How it is written
    #[arg(long, value_enum, default_value = "json")]
    format: Format,
    /// Show the text of RUN instructions too
    #[arg(long)]
    include_run_text: bool,
    /// The image's name or id
    #[arg(add = names::images())]
    image: String,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// Canonical JSON
    Json,
    /// One self-contained page
    Html,
}

/// Prints it.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    let ending = match args.format {
        Format::Json => "",
        Format::Html => ".html",
    };
    let path = format!(
        "/api/v1/images/{}/report{ending}?run_text={}",
        segment(&args.image),
        args.include_run_text
    );
    let body = client.download(&path).await?;
    let bytes = body
        .collect()
        .await
        .map_err(|error| Failure::new(format_args!("the report broke off: {error}")))?;
    let mut out = io::stdout().lock();
    out.write_all(&bytes.to_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .map_err(not_written)?;
    Ok(0)
}
