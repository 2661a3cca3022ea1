//! `estiva compare`: how two images differ. Files are read by this process alone; images of the store are asked from the
//! server; what is compared, and how, is the code that the page runs.

use std::path::Path;

use estiva_shared::image::{CompareOptions, Comparison, ImageAnalysis, compare};

use super::completion::names;
use super::inspect::Wanted;
use super::{Outcome, inspect};
use crate::failure::{EXIT_FAILURE, EXIT_UNREADABLE, Failure};
use crate::output::{compare as table, compare_markdown, complain, say, say_json};

/// The exit status where the images differ.
const EXIT_DIFFERENT: u8 = 1;

/// How the comparison is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Table,
    /// All of it, for programs
    Json,
    /// For a comment of a pull request
    Markdown,
}

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each side is a file or a folder (which needs neither server nor root) or an image of the store. The exit status is 0 where nothing differs, 1 where something does, and 2 where one of them can't be read, as a whole or in a part that may differ.\n\nExamples:\n  estiva compare old.tar new.tar\n  estiva compare api:1 api:2 --semantic\n  estiva compare api:1 new.tar --format markdown"
)]
pub(crate) struct Args {
    /// Print all of it as JSON; the same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// How to print it
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Leave times aside: those of files, of the image and of its history
    #[arg(long)]
    semantic: bool,
    /// List every difference, and not the largest alone
    #[arg(long)]
    all: bool,
    /// Which image of file A, where it holds several: its place in the list from 0, its name, its digest or its platform
    #[arg(long, value_name = "IMAGE")]
    image_a: Option<String>,
    /// The same for file B
    #[arg(long, value_name = "IMAGE")]
    image_b: Option<String>,
    /// The first image: a file or folder, or an image's name or id
    #[arg(value_name = "A", add = names::files_and_images())]
    a: String,
    /// The second image
    #[arg(value_name = "B", add = names::files_and_images())]
    b: String,
}

impl Args {
    /// Whether both sides are files.
    pub(crate) fn are_files(&self) -> bool {
        inspect::is_local(&self.a) && inspect::is_local(&self.b)
    }
}

/// Compares two files.
pub(crate) fn files(args: &Args) -> Outcome {
    let work = || {
        let a = from_file(&args.a, args.image_a.as_deref(), "--image-a")?;
        let b = from_file(&args.b, args.image_b.as_deref(), "--image-b")?;
        show(args, &a, &b)
    };
    work().map_err(unreadable)
}

/// Compares two images of which one at least is the store's.
pub(crate) async fn images(args: &Args, root: &Path) -> Outcome {
    let work = async {
        let a = either(&args.a, (args.image_a.as_deref(), "--image-a"), root).await?;
        let b = either(&args.b, (args.image_b.as_deref(), "--image-b"), root).await?;
        show(args, &a, &b)
    };
    work.await.map_err(unreadable)
}

/// A failure has a status of its own: 1 says that the images differ.
fn unreadable(failure: Failure) -> Failure {
    match failure.exit_code {
        EXIT_FAILURE => failure.exit_code(EXIT_UNREADABLE),
        _ => failure,
    }
}

async fn either(
    subject: &str,
    (chosen, option): (Option<&str>, &'static str),
    root: &Path,
) -> Result<ImageAnalysis, Failure> {
    match inspect::is_local(subject) {
        true => from_file(subject, chosen, option),
        false => inspect::read_image(subject, root).await,
    }
}

/// The one image of a file or folder, or the one that is chosen.
fn from_file(
    subject: &str,
    chosen: Option<&str>,
    option: &'static str,
) -> Result<ImageAnalysis, Failure> {
    let mut images = inspect::read_local(subject, &Wanted::by_word(chosen, option))?;
    Ok(images.swap_remove(0))
}

fn show(args: &Args, a: &ImageAnalysis, b: &ImageAnalysis) -> Outcome {
    let semantic = args.semantic;
    let comparison = compare(a, b, CompareOptions { semantic });
    match args.format {
        Format::Json => say_json(&comparison)?,
        _ if args.json => say_json(&comparison)?,
        Format::Table => say(&table::text(&comparison, args.all))?,
        Format::Markdown => say(&compare_markdown::text(&comparison, args.all))?,
    }
    Ok(status(&comparison))
}

/// Where nothing differs of what could be read, but not all could, nobody knows whether they are the same.
fn status(comparison: &Comparison) -> u8 {
    match (comparison.same, comparison.complete) {
        (false, _) => EXIT_DIFFERENT,
        (true, true) => 0,
        (true, false) => {
            complain(
                "estiva: nothing differs of what could be read, but a part could not be: see estiva inspect\n",
            );
            EXIT_UNREADABLE
        }
    }
}
