//! `estiva base`: base images that are made from this host, without a registry.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::time::Instant;

use axum::body::Bytes;
use estiva_shared::protocol::{BaseEvent, BaseRequest, ImageSummary};
use estiva_shared::text::{escape_name, human_bytes};
use http_body_util::BodyExt as _;
use hyper::Method;

use super::Outcome;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{complain, progress, say_line, short_id};

/// The longest line of the answer, in bytes: an image's summary is far below.
const LINE_BYTES_MAX: usize = 1 << 20;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The same packages give the same bytes, and so the same image id. Ctrl-C ends it, and leaves nothing.\n\nExamples:\n  estiva base busybox\n  estiva base debian --suite trixie\n  estiva base node"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    base: Base,
}

#[derive(Debug, clap::Subcommand)]
enum Base {
    /// The host's static busybox (Debian's package busybox-static), as busybox:latest
    #[command(after_help = "Example:\n  estiva base busybox")]
    Busybox,
    /// Debian's essential packages and apt, as debian:SUITE; needs mmdebstrap and a Debian mirror
    #[command(after_help = "Example:\n  estiva base debian --suite bookworm")]
    Debian(Suite),
    /// Debian with its Node.js and npm, as node:MAJOR and node:latest; needs mmdebstrap and a Debian mirror
    #[command(after_help = "Example:\n  estiva base node")]
    Node(Suite),
}

/// The words of those of Debian's packages.
#[derive(Debug, clap::Args)]
struct Suite {
    /// Debian's release, by its code name
    #[arg(long, value_name = "NAME", default_value = "bookworm")]
    suite: String,
}

/// Makes it.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    let image = match &args.base {
        Base::Busybox => {
            client
                .ask_json(Method::POST, "/api/v1/bases/busybox")
                .await?
        }
        Base::Debian(words) => installed(&mut client, "debian", words).await?,
        Base::Node(words) => installed(&mut client, "node", words).await?,
    };
    let ImageSummary {
        id,
        names,
        size_bytes,
        ..
    } = image;
    say_line(&format!(
        "{} is image {}, {}",
        names.join(", "),
        short_id(&id),
        human_bytes(size_bytes)
    ))?;
    Ok(0)
}

/// Has the server install packages, and shows what it says of it.
async fn installed(
    client: &mut Client,
    base: &'static str,
    words: &Suite,
) -> Result<ImageSummary, Failure> {
    let request = BaseRequest {
        suite: Some(words.suite.clone()),
    };
    let path = format!("/api/v1/bases/{base}");
    let mut body = client.post_for_bytes(&path, &request).await?;
    let mut shown = Shown::new(base);
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(broken)?;
        text.extend_from_slice(&frame.into_data().unwrap_or_else(|_| Bytes::new()));
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            match serde_json::from_slice(&line).map_err(broken)? {
                BaseEvent::Line { text } => shown.line(&text),
                BaseEvent::Alive => shown.draw(),
                BaseEvent::Done(image) => return Ok(image),
                BaseEvent::Failed(error) => return Err(Failure::from(error)),
            }
        }
        if text.len() > LINE_BYTES_MAX {
            return Err(broken("it sends a line without an end"));
        }
    }
    Err(broken("it ended too early"))
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::new(format_args!(
        "the connection to the server broke off: {error}"
    ))
}

/// What the package manager does: one line that is drawn again on a terminal, and a line each elsewhere.
struct Shown {
    base: &'static str,
    last: String,
    began: Instant,
    is_terminal: bool,
}

impl Shown {
    fn new(base: &'static str) -> Self {
        Self {
            base,
            last: "asking the mirror...".to_owned(),
            began: Instant::now(),
            is_terminal: io::stderr().is_terminal(),
        }
    }

    fn line(&mut self, text: &str) {
        let text = escape_name(text).into_owned();
        // Its warnings are about how it runs here; where it fails, the failure tells them.
        let Some(what) = text.strip_prefix("I: ") else {
            return;
        };
        self.last = what.to_owned();
        if self.is_terminal {
            self.draw();
        } else {
            complain(&format!("{}: {what}\n", self.base));
        }
    }

    fn draw(&self) {
        if !self.is_terminal {
            return;
        }
        let seconds = self.began.elapsed().as_secs();
        let line = format!("{}: {seconds} s, {}", self.base, self.last);
        progress::draw_line(&line);
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if self.is_terminal {
            progress::clear_line();
        }
    }
}
