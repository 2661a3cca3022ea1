//! `estiva images`: the store's images.

use std::path::Path;

use estiva_shared::protocol::ImageSummary;
use estiva_shared::text::human_bytes;

use super::Outcome;
use crate::client::Client;
use crate::output::time::{ago, now_ms};
use crate::output::{say, say_json, short_id, table};

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  estiva images\n  estiva images -q")]
pub(crate) struct Args {
    /// Print ids and nothing else
    #[arg(short, long)]
    quiet: bool,
    /// Print all that is known, as JSON
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
}

/// Lists them.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    let images: Vec<ImageSummary> = client.get("/api/v1/images").await?;
    if args.json {
        say_json(&images)?;
    } else if args.quiet {
        let ids: Vec<_> = images
            .iter()
            .map(|image| format!("{}\n", short_id(&image.id)))
            .collect();
        say(&ids.concat())?;
    } else {
        let now = now_ms();
        let rows: Vec<_> = images.iter().flat_map(|image| rows(image, now)).collect();
        say(&table::table(
            ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"],
            &rows,
        ))?;
    }
    Ok(0)
}

/// A row for each name, as Docker lists them.
fn rows(image: &ImageSummary, now: u64) -> Vec<[String; 5]> {
    let names = if image.names.is_empty() {
        vec!["<none>:<none>"]
    } else {
        image.names.iter().map(String::as_str).collect()
    };
    names
        .into_iter()
        .map(|name| {
            let (repository, tag) = split(name);
            [
                repository.to_owned(),
                tag.to_owned(),
                short_id(&image.id).to_owned(),
                ago(image.created_ms, now),
                human_bytes(image.size_bytes),
            ]
        })
        .collect()
}

/// Repository and tag; a colon before the last slash is a registry's port. A digest is no tag.
fn split(name: &str) -> (&str, &str) {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "<none>"),
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_port_is_no_tag() {
        assert_eq!(split("hello:latest"), ("hello", "latest"));
        assert_eq!(split("localhost:5000/a/b:1"), ("localhost:5000/a/b", "1"));
        assert_eq!(split("localhost:5000/a"), ("localhost:5000/a", "<none>"));
    }

    // Half of the digest's algorithm stood among the repositories, and 64 digits among the tags.
    #[test]
    fn a_digest_is_no_tag() {
        let digest = "sha256:0123456789abcdef";
        for (name, expected) in [
            ("node", ("node", "<none>")),
            ("localhost:5000/a", ("localhost:5000/a", "<none>")),
            ("localhost:5000/a:1", ("localhost:5000/a", "1")),
        ] {
            assert_eq!(split(&format!("{name}@{digest}")), expected, "{name}");
        }
    }
}
