//! `estiva save`: an image as one archive, which Docker, podman and skopeo read too.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use http_body_util::BodyExt as _;

use super::completion::names;
use super::{Outcome, interrupt};
use crate::client::{Client, segment};
use crate::failure::{EXIT_INTERRUPTED, Failure, at};
use crate::output::file::Written;
use crate::output::not_written;
use crate::output::progress::Progress;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The archive is an OCI layout and a docker-archive at once. Its layers are not compressed.\n\nExamples:\n  estiva save -o hello.tar hello\n  estiva save hello | gzip > hello.tar.gz"
)]
pub(crate) struct Args {
    /// The file to write; standard output where none is named
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The image's name or id
    #[arg(add = names::images())]
    image: String,
}

/// Saves it. A file gets its name only when it is complete.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    let path = format!("/api/v1/images/{}/archive", segment(&args.image));
    let Some(file) = &args.output else {
        if io::IsTerminal::is_terminal(&io::stdout()) {
            return Err(Failure::new("an archive is not for a terminal")
                .hint("name a file with -o, or use a pipe"));
        }
        let body = client.download(&path).await?;
        copy(body, &mut io::stdout().lock(), not_written).await?;
        return Ok(0);
    };
    let body = client.download(&path).await?;
    // First, because a pipe is opened no sooner than somebody reads it, and Ctrl-C has to end that wait.
    let mut out = Written::open(file)?;
    let interrupted = interrupt::is_told_first()?;
    tokio::select! {
        copied = copy(body, &mut out, at("write", file)) => copied?,
        // What was written goes with its file, which has no name yet.
        _ = interrupted => return Ok(EXIT_INTERRUPTED),
    }
    out.keep()?;
    Ok(0)
}

/// Writes a body as it comes, with its progress.
///
/// # Errors
/// A body that breaks off; what `fault` makes of a failure to write.
pub(super) async fn copy(
    mut body: hyper::body::Incoming,
    out: &mut impl Write,
    fault: impl FnOnce(io::Error) -> Failure,
) -> Result<(), Failure> {
    let mut progress = Progress::on_terminal("saving", None);
    let mut done = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Failure::new(format_args!("what the server sends broke off: {error}"))
        })?;
        let Some(bytes) = frame.data_ref() else {
            continue;
        };
        if let Err(error) = out.write_all(bytes) {
            return Err(fault(error));
        }
        done += bytes.len() as u64;
        progress.iter_mut().for_each(|bar| bar.is_at(done));
    }
    out.flush().map_err(fault)
}
