//! `estiva cat`: a file of an image, or a folder as a tar, without unpacking the image.
//!
//! A file or a folder of images is read by this process alone, by the code that the page runs. Of an image of the store the
//! server reads it, by the same code.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use axum::http::header::CONTENT_TYPE;
use clap::ValueHint;
use estiva_shared::image::{AccessError, Download, normalise};
use estiva_shared::text::escape_name;

use super::completion::names;
use super::inspect::{self, Opened, Wanted};
use super::{Outcome, save};
use crate::client::{Client, segment};
use crate::failure::{Failure, at};
use crate::output::file::Written;
use crate::output::not_written;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A file is written as it is, a folder as a tar with owners, modes, times and hard links. A symbolic link is not followed: it says where it leads. Layers are counted from 0, as inspect shows them.\n\nExamples:\n  estiva cat image.tar etc/os-release\n  estiva cat hello /etc/passwd --layer 0\n  estiva cat image.tar usr/share/doc -o doc.tar\n  estiva cat image.tar / | tar -tv"
)]
pub(crate) struct Args {
    /// The file to write; standard output where none is named
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// As it is after this layer, not in the finished image
    #[arg(long, value_name = "NUMBER")]
    layer: Option<usize>,
    /// Which image of a file that holds several: its place in the list from 0, its name, its digest or its platform
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// A file or folder, or an image's name or id
    #[arg(value_name = "FILE|DIR|IMAGE", add = names::files_and_images())]
    subject: String,
    /// The path inside the image
    #[arg(value_name = "PATH")]
    path: String,
}

impl Args {
    /// Whether a file is meant.
    pub(crate) fn is_file(&self) -> bool {
        inspect::is_local(&self.subject)
    }
}

/// That of an image of a file or a folder.
pub(crate) fn file(args: &Args) -> Outcome {
    let wanted = Wanted::by_word(args.image.as_deref(), "--image");
    write(args, &Opened::local(&args.subject, &wanted)?)
}

/// That of an image of the store.
pub(crate) async fn image(args: &Args, root: &Path) -> Outcome {
    if args.image.is_some() {
        let message = format_args!(
            "expected a file with --image, but found the image {}",
            escape_name(&args.subject)
        );
        return Err(Failure::new(message));
    }
    let mut path = format!(
        "/api/v1/images/{}/content?path={}",
        segment(&args.subject),
        segment(&args.path)
    );
    if let Some(layer) = args.layer {
        path.push_str(&format!("&layer={layer}"));
    }
    let answer = Client::connect(root).await?.answer(&path).await?;
    let kind = answer.headers().get(CONTENT_TYPE);
    let is_folder = kind.is_some_and(|kind| kind == TAR);
    let body = answer.into_body();
    let Some(file) = &args.output else {
        refuse_terminal(is_folder)?;
        save::copy(body, &mut io::stdout().lock(), not_written).await?;
        return Ok(0);
    };
    let mut out = Written::open(file)?;
    save::copy(body, &mut out, at("write", file)).await?;
    out.keep()?;
    Ok(0)
}

/// The media type of a folder's tar.
const TAR: &str = "application/x-tar";

/// A folder is a tar, which a terminal would take for commands to itself.
fn refuse_terminal(is_folder: bool) -> Result<(), Failure> {
    if is_folder && io::IsTerminal::is_terminal(&io::stdout()) {
        let message = "a folder is written as a tar, which is not for a terminal";
        return Err(Failure::new(message).hint("name a file with -o, or use a pipe"));
    }
    Ok(())
}

fn write(args: &Args, opened: &Opened) -> Outcome {
    let normal = normalise(args.path.as_bytes());
    let what = Download {
        layer: args.layer,
        path: &normal.path,
        ..opened.all()
    };
    let Some(file) = &args.output else {
        refuse_terminal(what.is_folder())?;
        let (_, written) = pour(opened, what, io::stdout().lock());
        return told(written, not_written);
    };
    let (out, written) = pour(opened, what, Written::open(file)?);
    told(written, at("write", file))?;
    out.keep()?;
    Ok(0)
}

/// What went wrong: with the image, or with what is written to.
enum Fault {
    Image(AccessError),
    Out(io::Error),
}

fn told(written: Result<(), Fault>, fault: impl FnOnce(io::Error) -> Failure) -> Outcome {
    match written {
        Ok(()) => Ok(0),
        Err(Fault::Out(error)) => Err(fault(error)),
        Err(Fault::Image(error)) => Err(Failure::new(escape_name(&error.to_string()))),
    }
}

fn pour<W: Write>(opened: &Opened, what: Download<'_>, out: W) -> (W, Result<(), Fault>) {
    let mut out = Watched {
        inner: out,
        failure: None,
    };
    let written = opened.download(what, &mut out).map_err(Fault::Image);
    let written = match out.failure.take() {
        Some(error) => Err(Fault::Out(error)),
        None => written.and_then(|()| out.inner.flush().map_err(Fault::Out)),
    };
    (out.inner, written)
}

/// Keeps a failure of what is written to apart from those of what is read.
struct Watched<W> {
    inner: W,
    failure: Option<io::Error>,
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes).map_err(|error| {
            let told = io::Error::new(error.kind(), error.to_string());
            self.failure = Some(error);
            told
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
