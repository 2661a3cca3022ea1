//! `estiva load`: images from an archive.

use std::io;
use std::path::{Path, PathBuf};

use axum::body::Body;
use estiva_shared::protocol::LoadedImage;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{Outcome, options::not_a_folder};
use crate::client::Client;
use crate::failure::{Failure, at};
use crate::output::progress::Progress;
use crate::output::{say_line, short_id};

/// The size of the pieces that are sent, in bytes.
const PIECE_BYTES: usize = 128 << 10;

/// Pieces read ahead.
const PIECES_AHEAD: usize = 4;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Docker-archives and OCI layouts are read, plain or with gzip or zstd, as are their layers. Digests are verified.\n\nExamples:\n  estiva load -i hello.tar\n  skopeo copy docker-daemon:hello docker-archive:/dev/stdout | estiva load"
)]
pub(crate) struct Args {
    /// The file to read; standard input where none is named
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
}

/// Loads it.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let body = match &args.input {
        Some(path) => {
            let file = std::fs::File::open(path).map_err(at("open", path))?;
            not_a_folder(&file, path)?;
            let found = file.metadata().map_err(at("look at", path))?;
            pieces(file, found.is_file().then_some(found.len()))
        }
        None if io::IsTerminal::is_terminal(&io::stdin()) => {
            return Err(Failure::new("expected an archive, but found a terminal")
                .hint("name a file with -i, or use a pipe"));
        }
        None => pieces(io::stdin(), None),
    };
    let mut client = Client::connect(root).await?;
    let loaded: Vec<LoadedImage> = client.upload("/api/v1/images/load", body).await?;
    for image in &loaded {
        if image.names.is_empty() {
            say_line(&format!(
                "Loaded image without a name: {}",
                short_id(&image.id)
            ))?;
        }
        for name in &image.names {
            say_line(&format!("Loaded image: {name}"))?;
        }
    }
    Ok(0)
}

/// What a reader gives, as a body; it is read on a thread of its own. `total` is how many bytes it has, where that is known.
fn pieces(mut reader: impl io::Read + Send + 'static, total: Option<u64>) -> Body {
    let (sender, receiver) = mpsc::channel::<io::Result<Vec<u8>>>(PIECES_AHEAD);
    std::thread::spawn(move || {
        let mut progress = Progress::on_terminal("loading", total);
        let mut done = 0;
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let read = match reader.read(&mut piece) {
                Ok(0) => return,
                Ok(read) => {
                    done += read as u64;
                    progress.iter_mut().for_each(|bar| bar.is_at(done));
                    piece.truncate(read);
                    Ok(piece)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let failed = read.is_err();
            if sender.blocking_send(read).is_err() || failed {
                return;
            }
        }
    });
    Body::from_stream(ReceiverStream::new(receiver))
}
