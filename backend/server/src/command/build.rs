//! `estiva build`: an image from a Dockerfile.
//!
//! The context's folder is opened here, with the caller's rights, and handed to the server as a descriptor; the
//! Dockerfile is read here too, so that a mistake can be shown at its line.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use estiva_shared::dockerfile::{Diagnostic, SOURCE_BYTES_MAX, Severity};
use estiva_shared::protocol::{
    BuildContext, BuildEvent, BuildFailure, BuildRequest, ClientMessage, DockerfileOrigin,
    NetworkMode, RegistryCredentials, ServerMessage,
};
use estiva_shared::text::escape_name;
use tokio::sync::oneshot;

use super::credentials::Credentials;
use super::{Outcome, interrupt, options};
use crate::client::{Client, FromServer, Socket};
use crate::failure::{EXIT_FAILURE, EXIT_INTERRUPTED, Failure, at};
use crate::output::build::View;
use crate::output::{columns, complain, not_written};

/// How often the live list is drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// What follows the Dockerfile's name in the name of its own ignore file.
const IGNORE_ENDING: &str = ".dockerignore";

/// Mistakes that are shown. More mean that it is no Dockerfile, and would push the first off the screen.
const MISTAKES_SHOWN: usize = 20;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "An instruction that is not built yet is refused by its name and line; nothing is skipped. Ctrl-C cancels the build.\n\nExamples:\n  estiva build -t hello examples/hello\n  estiva build -t app:2 --build-arg VERSION=2 --target release .\n  estiva build -t tiny -f - . < Dockerfile"
)]
pub(crate) struct Args {
    /// Name the image; may be given several times
    #[arg(short, long, value_name = "NAME[:TAG]")]
    tag: Vec<String>,
    /// The Dockerfile; - for standard input; CONTEXT/Dockerfile where none is named
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Set an ARG; KEY alone takes this shell's value
    #[arg(long, value_name = "KEY=VALUE")]
    build_arg: Vec<String>,
    /// Run every step anew
    #[arg(long)]
    no_cache: bool,
    /// Build this stage, and what it needs
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,
    /// Ask the registry for each base, also where the store has one of that name
    #[arg(long)]
    pull: bool,
    /// The network of RUN steps: bridge (the way out through the host), none or host
    #[arg(long, default_value = "bridge", value_parser = options::network)]
    network: NetworkMode,
    /// RUN steps trust the certificates that this host trusts; nothing of them gets into the image
    #[arg(long)]
    trust_host_ca: bool,
    /// The folder that COPY copies from
    context: PathBuf,
}

/// The Dockerfile as the caller named it.
struct Source {
    text: String,
    shown: String,
    /// The text of its own ignore file. It is read here, as the Dockerfile is: the server knows the context alone, and
    /// the Dockerfile may lie elsewhere.
    ignore: Option<String>,
}

/// Builds it.
pub(crate) async fn run(args: Args, root: &Path) -> Outcome {
    if args.context.as_os_str() == "-" {
        return Err(
            Failure::new("expected a folder as context, but found: -").hint(
                "a Dockerfile from standard input goes with a folder: estiva build -f - FOLDER",
            ),
        );
    }
    if args
        .build_arg
        .iter()
        .any(|word| word.is_empty() || word.starts_with('='))
    {
        return Err(Failure::new(
            "--build-arg: expected KEY=VALUE, but found no KEY",
        ));
    }
    let folder = File::open(&args.context).map_err(at("open the context", &args.context))?;
    if !folder
        .metadata()
        .map_err(at("look at", &args.context))?
        .is_dir()
    {
        let message = format!(
            "expected a folder as context, but found a file: {}",
            args.context.display()
        );
        return Err(Failure::new(message).hint("name the folder; the Dockerfile is named with -f"));
    }
    let source = read_source(&args)?;
    let credentials = credentials_for(&source.text, &args.build_arg)?;
    let request = BuildRequest {
        context: BuildContext::Descriptor {
            fd: folder.as_raw_fd(),
            name: args.context.display().to_string(),
        },
        dockerfile_text: Some(source.text.clone()),
        dockerfile_path: None,
        dockerfile_origin: Some(DockerfileOrigin {
            name: source.shown.clone(),
            ignore: source.ignore.clone(),
        }),
        tags: args.tag,
        build_args: options::variables(&args.build_arg),
        target: args.target,
        no_cache: args.no_cache,
        network: args.network,
        pull: args.pull,
        credentials,
        trust_host_ca: args.trust_host_ca,
    };
    let client = Client::connect(root).await?;
    let mut socket = client.socket().await?;
    // Heard from before it begins, so that none ends this command and leaves the server to find out.
    let interrupt = interrupt::is_told_first()?;
    socket
        .send(&ClientMessage::Build { id: 1, request })
        .await?;
    let ended = follow(&mut socket, &source, interrupt).await;
    // The descriptor has to stay open for as long as the server may take it.
    drop(folder);
    ended
}

/// What the registries of a Dockerfile's bases are shown. Which they are, the words after FROM and `--from=` say, with the
/// values of ARG in them; each registry gets its own, if any is wanted.
fn credentials_for(text: &str, build_args: &[String]) -> Result<Vec<RegistryCredentials>, Failure> {
    let known = Credentials::of_caller()?;
    let args = options::variables(build_args);
    let mut found: Vec<RegistryCredentials> = Vec::new();
    for registry in estiva_build::registries(text, &args) {
        found.extend(known.for_registry(&registry)?);
    }
    Ok(found)
}

/// Shows the build until it ends. Ctrl-C asks for its end, and waits for it; a second one doesn't wait.
async fn follow(
    socket: &mut Socket,
    source: &Source,
    mut interrupt: oneshot::Receiver<()>,
) -> Outcome {
    let columns = io::stdout().is_terminal().then(|| columns(io::stdout()));
    let mut view = View::new(io::stdout(), columns);
    let mut ticks = tokio::time::interval(DRAWN_EVERY);
    let mut interrupted = false;
    let mut failure = None;
    loop {
        tokio::select! {
            _ = &mut interrupt, if !interrupted => {
                interrupted = true;
                socket.send(&ClientMessage::Cancel { id: 1 }).await?;
            }
            message = socket.next() => match message {
                Ok(FromServer::Message(ServerMessage::Build { event, .. })) => {
                    view.show(&event).map_err(not_written)?;
                    if let BuildEvent::Failed(why) = event {
                        failure = Some(why);
                    }
                }
                Ok(FromServer::Message(_)) => {}
                Ok(FromServer::Ended) => return Ok(0),
                Err(error) => {
                    view.clear().map_err(not_written)?;
                    return match failure {
                        _ if interrupted => Err(Failure::new("the build was cancelled").exit_code(EXIT_INTERRUPTED)),
                        Some(why) => Err(explain(&why, source)),
                        None => Err(error),
                    };
                }
            },
            _ = ticks.tick() => view.tick().map_err(not_written)?,
        }
    }
}

fn read_source(args: &Args) -> Result<Source, Failure> {
    if args
        .file
        .as_ref()
        .is_some_and(|path| path.as_os_str() == "-")
    {
        let path = Path::new("standard input");
        return Ok(Source {
            text: read_text(path, "the Dockerfile", io::stdin())?,
            shown: path.display().to_string(),
            ignore: None,
        });
    }
    let path = args
        .file
        .clone()
        .unwrap_or_else(|| args.context.join("Dockerfile"));
    let file = File::open(&path).map_err(at("open the Dockerfile", &path))?;
    Ok(Source {
        text: read_text(&path, "the Dockerfile", file)?,
        shown: path.display().to_string(),
        ignore: read_ignore(&path)?,
    })
}

/// The text of the ignore file beside a Dockerfile; `None` where there is none. One that can't be read is told: building
/// without it would let in what it keeps out.
fn read_ignore(dockerfile: &Path) -> Result<Option<String>, Failure> {
    let mut path = dockerfile.as_os_str().to_owned();
    path.push(IGNORE_ENDING);
    let path = PathBuf::from(path);
    match File::open(&path) {
        Ok(file) => read_text(&path, "the ignore file", file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at("open the ignore file", &path)(error)),
    }
}

/// A file's text, up to the limit.
fn read_text(path: &Path, what: &str, file: impl Read) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    file.take(SOURCE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(at(&format!("read {what}"), path))?;
    let shown = path.display();
    if bytes.len() > SOURCE_BYTES_MAX {
        return Err(Failure::new(format_args!(
            "expected {what} to have at most {SOURCE_BYTES_MAX} bytes, but found more: {shown}"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        Failure::new(format_args!(
            "expected UTF-8 in {shown}, but found another byte at offset {place}"
        ))
    })
}

/// What the caller is told: the mistakes at their lines, or the step's line and what happened.
fn explain(failure: &BuildFailure, source: &Source) -> Failure {
    if !failure.diagnostics.is_empty() {
        for diagnostic in failure.diagnostics.iter().take(MISTAKES_SHOWN) {
            complain(&pointed(diagnostic, source));
        }
        let more = failure.diagnostics.len().saturating_sub(MISTAKES_SHOWN);
        if more > 0 {
            complain(&format!("estiva: {more} more mistakes are not shown\n"));
        }
        return Failure::told(EXIT_FAILURE);
    }
    let place = failure
        .line
        .map(|line| format!("{}:{line}: ", source.shown))
        .unwrap_or_default();
    let told = Failure::new(format_args!("{place}{}", failure.message));
    match &failure.hint {
        Some(hint) => told.hint(hint.clone()),
        None => told,
    }
}

/// `FILE:LINE:COLUMN: error: …`, the line, and carets under what is meant.
fn pointed(diagnostic: &Diagnostic, source: &Source) -> String {
    let (start, end) = (diagnostic.span.start, diagnostic.span.end);
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    let line = source
        .text
        .lines()
        .nth(start.line.saturating_sub(1) as usize)
        .unwrap_or_default();
    // Columns count UTF-16 units, as editors do; carets stand under characters.
    let before = characters(line, start.column.saturating_sub(1));
    let upto = if end.line == start.line {
        characters(line, end.column.saturating_sub(1))
    } else {
        line.chars().count()
    };
    let indent: String = line
        .chars()
        .take(before)
        .map(|letter| if letter == '\t' { '\t' } else { ' ' })
        .collect();
    let carets = "^".repeat(upto.saturating_sub(before).max(1));
    let shown: String = line
        .split('\t')
        .map(|part| escape_name(part).into_owned())
        .collect::<Vec<_>>()
        .join("\t");
    let mut text = format!(
        "{}:{}:{}: {severity}: {}\n  {shown}\n  {indent}{carets}\n",
        source.shown,
        start.line,
        start.column,
        escape_name(&diagnostic.message),
    );
    if let Some(hint) = &diagnostic.hint {
        text.push_str(&format!("hint: {}\n", escape_name(hint)));
    }
    text
}

/// How many characters the first so many UTF-16 units of a line are.
fn characters(line: &str, units: u32) -> usize {
    let mut left = units as usize;
    line.chars()
        .take_while(|letter| {
            let fits = left > 0;
            left = left.saturating_sub(letter.len_utf16());
            fits
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::dockerfile::{Position, Span};

    /// It was looked for inside the context, under the path as the caller wrote it, and never found.
    #[test]
    fn the_ignore_file_lies_beside_the_dockerfile_that_was_opened() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        let read = || read_ignore(&folder.path().join("web.Dockerfile"));
        assert_eq!(read().unwrap(), None);
        write("Dockerfile.dockerignore", "of another").unwrap();
        assert_eq!(read().unwrap(), None);
        write("web.Dockerfile.dockerignore", "secret\n").unwrap();
        assert_eq!(read().unwrap().as_deref(), Some("secret\n"));
        write("web.Dockerfile.dockerignore", &" ".repeat(600 << 10)).unwrap();
        assert!(read().is_err());
        std::fs::remove_file(folder.path().join("web.Dockerfile.dockerignore")).unwrap();
        std::fs::create_dir(folder.path().join("web.Dockerfile.dockerignore")).unwrap();
        assert!(read().is_err(), "a folder is no ignore file");
    }

    #[test]
    fn carets_stand_under_what_is_meant_even_after_wide_characters() {
        let source = Source {
            text: "FROM busybox\n🚢 RUNN x\n".to_owned(),
            shown: "Dockerfile".to_owned(),
            ignore: None,
        };
        let at = |column| Position {
            offset: 0,
            line: 2,
            column,
        };
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            code: "unknown-instruction".to_owned(),
            message: "expected an instruction, but found RUNN".to_owned(),
            hint: Some("RUN is near".to_owned()),
            span: Span {
                start: at(4),
                end: at(8),
            },
        };
        let expected = "Dockerfile:2:4: error: expected an instruction, but found RUNN\n  🚢 RUNN x\n    ^^^^\nhint: RUN is near\n";
        assert_eq!(pointed(&diagnostic, &source), expected);
    }
}
