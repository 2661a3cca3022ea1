//! Finds the root's server, or starts one in the background.
//!
//! Several commands may do so at once: each starts a server, one of those gets the lock, the others say so and end, and
//! every command goes on with the one that got it.

use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use estiva_shared::protocol::ErrorBody;
use rustix::net::sockopt::socket_peercred;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;

use crate::failure::{Failure, at};
use crate::lock::Lock;
use crate::root::Root;
use crate::server::append_to_log;

/// How long a server that holds the lock may take to answer: one that recovers a large store takes seconds.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// How often it is tried meanwhile.
const TRIED_EVERY: Duration = Duration::from_millis(5);

/// The path where programs of the host are found, for a server that was started from any environment.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The environment that a server takes over: where a developer's runtime and proxy are, what tests know their processes
/// by, and how a registry is reached from here: by which proxy, and whose certificates count.
const KEPT_VARIABLES: [&str; 13] = [
    "ESTIVA_RUNTIME_BIN",
    "ESTIVA_PROXY_BIN",
    "ESTIVA_TEST_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// What a server that is started in the background tells its starter, as one line of JSON: nothing went wrong, or what.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Why it did not start.
    pub(crate) error: Option<ErrorBody>,
}

/// Connects to the root's server, and starts one where none runs.
///
/// # Errors
/// If the caller may not, or the server can't be started.
pub(super) async fn connect_or_start(path: &Path) -> Result<(Root, UnixStream), Failure> {
    if let Ok(root) = Root::existing(path)
        && let Some(stream) = connect(&root).await?
    {
        return Ok((root, stream));
    }
    needs_root()?;
    let root = Root::create(path)?;
    let until = Instant::now() + ANSWERS_WITHIN;
    loop {
        if !Lock::is_held(&root)
            && let Some(error) = start(&root)?.error
            && error.code != "already-running"
        {
            return Err(error.into());
        }
        if let Some(stream) = connect(&root).await? {
            return Ok((root, stream));
        }
        if Instant::now() > until {
            let message = format!(
                "a server holds {}, but does not answer",
                root.lock().display()
            );
            return Err(Failure::new(message)
                .hint("see server.log in the root; end the process that the lock names"));
        }
        tokio::time::sleep(TRIED_EVERY).await;
    }
}

/// Connects to the root's server; `None` where none runs.
///
/// # Errors
/// If there is one and the caller may not.
pub(super) async fn connect(root: &Root) -> Result<Option<UnixStream>, Failure> {
    let connected = async {
        let (_folder, socket) = root.short_socket()?;
        UnixStream::connect(socket).await
    };
    match connected.await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
            io::ErrorKind::PermissionDenied => {
                let owner = root
                    .owner()
                    .map_or_else(|_| "another user".to_owned(), |uid| format!("user {uid}"));
                let message = format!("the server of {} belongs to {owner}", root.path().display());
                Err(Failure::new(message).hint("run the command as that user, such as with sudo"))
            }
            _ => Err(at("connect to", &root.socket())(error)),
        },
    }
}

/// The process of the root's server, as the kernel says.
pub(super) fn server_of(root: &Root) -> Option<i32> {
    let (_folder, socket) = root.short_socket().ok()?;
    let stream = std::os::unix::net::UnixStream::connect(socket).ok()?;
    Some(socket_peercred(&stream).ok()?.pid.as_raw_nonzero().get())
}

/// Refuses a caller that could not run containers.
///
/// # Errors
/// If it is not root.
pub(crate) fn needs_root() -> Result<(), Failure> {
    let user = rustix::process::geteuid();
    if user.is_root() {
        return Ok(());
    }
    let message = format!(
        "the server needs root, for namespaces, mounts and cgroups, but this process runs as user {}",
        user.as_raw()
    );
    Err(Failure::new(message)
        .hint("run it with sudo; `estiva inspect FILE`, `doctor` and `version` need no root"))
}

/// Starts a server in the background and waits until it serves or says why it doesn't.
fn start(root: &Root) -> Result<Report, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(format_args!("can't find this program: {error}")))?;
    let log = append_to_log(&root.log()).map_err(at("open", &root.log()))?;
    let mut command = Command::new(program);
    command
        .arg("--root")
        .arg(root.path())
        .args(["serve", "--background"])
        .current_dir("/")
        .env_clear()
        .env("PATH", PATH)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    for name in KEPT_VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // The server lives on: a lock, a pipe, a connection of whoever called this command must not live on with it.
    estiva_runtime::close_on_exec_from(3).map_err(|error| {
        Failure::new(format_args!(
            "can't keep this command's files from the server: {error}"
        ))
    })?;
    let mut child = command
        .spawn()
        .map_err(|error| Failure::new(format_args!("can't start the server: {error}")))?;
    let mut line = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        // It closes its output when it has said its line.
        stdout
            .read_to_string(&mut line)
            .map_err(|error| Failure::new(format_args!("the server can't be heard: {error}")))?;
    }
    serde_json::from_str(&line).map_err(|_| {
        Failure::new("the server ended while it started")
            .hint(format!("its log may say why: {}", root.log().display()))
    })
}
