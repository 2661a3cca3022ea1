//! `estiva sbom`: an image's packages as a bill of materials, from a file without a server, or from the store.

use std::path::Path;

use estiva_shared::image::ImageAnalysis;
use estiva_shared::image::holdings::{SbomFormat, sbom};
use estiva_shared::text::escape_name;

use super::completion::names;
use super::inspect::Wanted;
use super::{Outcome, inspect};
use crate::failure::Failure;
use crate::output::{complain, say};

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The packages are those of dpkg, apk, npm, PyPI, and of Go and Rust programs, as they are visible in the merged image. The same image gives the same bytes. What could not be read is told on standard error.\n\nExamples:\n  estiva sbom image.tar > image.spdx.json\n  estiva sbom hello --format cyclonedx"
)]
pub(crate) struct Args {
    /// The form
    #[arg(long, value_enum, default_value_t = Form::Spdx)]
    format: Form,
    /// Which image of a file that holds several: its place in the list from 0, its name, its digest or its platform
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// A file or folder, or an image's name or id
    #[arg(value_name = "FILE|DIR|IMAGE", add = names::files_and_images())]
    subject: String,
}

/// A form of a bill of materials, by its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// SPDX 2.3, as JSON
    Spdx,
    /// CycloneDX 1.6, as JSON
    Cyclonedx,
}

impl Args {
    /// Whether a file is meant.
    pub(crate) fn is_file(&self) -> bool {
        inspect::is_local(&self.subject)
    }
}

/// That of an image of a file.
pub(crate) fn file(args: &Args) -> Outcome {
    let wanted = Wanted::by_word(args.image.as_deref(), "--image");
    let mut images = inspect::read_local(&args.subject, &wanted)?;
    print(args, &images.swap_remove(0))
}

/// That of an image of the store.
pub(crate) async fn image(args: &Args, root: &Path) -> Outcome {
    if args.image.is_some() {
        let message = format_args!(
            "expected a file with --image, but found the image {}",
            args.subject
        );
        return Err(Failure::new(message).hint("leave --image out"));
    }
    print(args, &inspect::read_image(&args.subject, root).await?)
}

fn print(args: &Args, analysis: &ImageAnalysis) -> Outcome {
    for unread in &analysis.holdings.unread {
        let place = unread
            .path
            .clone()
            .unwrap_or_else(|| format!("layer {}", unread.layer));
        complain(&format!(
            "not read: {}: {}\n",
            escape_name(&place),
            unread.reason.words()
        ));
    }
    let format = match args.format {
        Form::Spdx => SbomFormat::Spdx,
        Form::Cyclonedx => SbomFormat::CycloneDx,
    };
    say(&sbom(analysis, format))?;
    Ok(0)
}
