//! `estiva share`: links to an image's layer breakdown.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use estiva_shared::protocol::{ShareRequest, ShareSummary};
use http_body_util::BodyExt as _;
use hyper::Method;

use super::completion::names;
use super::{Outcome, each};
use crate::client::{Client, segment};
use crate::failure::{Failure, at};
use crate::output::file::Written;
use crate::output::time::{ago, now_ms};
use crate::output::{complain, say, say_json, say_line, table};

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "A report shows layers, sizes, instructions, largest files, waste and build times. Values of ENV, ARG, LABEL and build arguments are never in it, nor any file's content. Look at it first: estiva report hello --format json\n\nExamples:\n  estiva share hello\n  estiva share hello --html hello.html\n  estiva share ls\n  estiva share rm 0123456789abcdef0123456789abcdef"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Show the text of RUN instructions too
    #[arg(long)]
    include_run_text: bool,
    /// Write the report as one self-contained page, and make no link
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The image's name or id
    #[arg(required = true, add = names::images())]
    image: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the links
    Ls {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Withdraw links: whoever has one finds nothing
    Rm {
        /// The links' ids
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// Does it.
pub(crate) async fn run(args: Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    match (args.verb, args.image) {
        (Some(Verb::Ls { json }), _) => list(&mut client, json).await,
        (Some(Verb::Rm { ids }), _) => remove(&mut client, &ids).await,
        (None, Some(image)) => match args.html {
            Some(file) => write(&mut client, &image, args.include_run_text, &file).await,
            None => create(&mut client, image, args.include_run_text).await,
        },
        (None, None) => Err(Failure::new("expected an image's name or id")),
    }
}

async fn create(client: &mut Client, image: String, include_run_text: bool) -> Outcome {
    let share: ShareSummary = client
        .post(
            "/api/v1/shares",
            &ShareRequest {
                image,
                include_run_text,
                report_digest: None,
            },
        )
        .await?;
    say_line(&share.link)?;
    if share.link.starts_with("http://127.0.0.1") || share.link.starts_with("http://[::1]") {
        complain(
            "hint: others reach it where the server runs with --share-listen; or send a file: estiva share IMAGE --html FILE\n",
        );
    }
    Ok(0)
}

async fn write(client: &mut Client, image: &str, run_text: bool, file: &Path) -> Outcome {
    let path = format!(
        "/api/v1/images/{}/report.html?run_text={run_text}",
        segment(image)
    );
    let body = client.download(&path).await?;
    let page = body
        .collect()
        .await
        .map_err(|error| Failure::new(format_args!("the report broke off: {error}")))?;
    let mut out = Written::open(file)?;
    out.write_all(&page.to_bytes()).map_err(at("write", file))?;
    out.keep()?;
    say_line(&file.display().to_string())?;
    Ok(0)
}

async fn list(client: &mut Client, json: bool) -> Outcome {
    let shares: Vec<ShareSummary> = client.get("/api/v1/shares").await?;
    if json {
        say_json(&shares)?;
        return Ok(0);
    }
    let now = now_ms();
    let rows: Vec<_> = shares
        .iter()
        .map(|share| {
            [
                share.id.clone(),
                share.image.clone(),
                ago(share.created_ms, now),
                share.link.clone(),
            ]
        })
        .collect();
    say(&table::table(["ID", "IMAGE", "CREATED", "LINK"], &rows))?;
    Ok(0)
}

async fn remove(client: &mut Client, ids: &[String]) -> Outcome {
    let mut failed = false;
    for id in ids {
        let done = client
            .order(Method::DELETE, &format!("/api/v1/shares/{}", segment(id)))
            .await
            .map_err(|failure| Failure {
                message: format!("{}: {id}", failure.message),
                ..failure
            });
        each::tell(id, done, &mut failed)?;
    }
    each::outcome(failed)
}
