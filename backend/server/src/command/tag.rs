//! `estiva tag`: one more name for an image.

use std::path::Path;

use estiva_shared::protocol::{ImageSummary, TagRequest};

use super::Outcome;
use super::completion::names;
use crate::client::{Client, segment};

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A name that another image has is taken from it.\n\nExamples:\n  estiva tag hello hello:1\n  estiva tag hello localhost:5000/team/hello:1"
)]
pub(crate) struct Args {
    /// The image's name or id
    #[arg(add = names::images())]
    source: String,
    /// The further name
    #[arg(value_name = "NAME[:TAG]")]
    target: String,
}

/// Names it.
pub(crate) async fn run(args: Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    let path = format!("/api/v1/images/{}/tags", segment(&args.source));
    let request = TagRequest { name: args.target };
    let _: ImageSummary = client.post(&path, &request).await?;
    Ok(0)
}
