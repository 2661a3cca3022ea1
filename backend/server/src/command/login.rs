//! `estiva login`: keeps a registry's credentials for this user, where Docker's tools find them too, after the registry
//! has taken them.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::Path;

use estiva_shared::protocol::{RegistryLogin, Secret};
use estiva_store::{Cancel, RegistrySettings, check_login};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::credentials::{Credentials, HUB};
use super::{Outcome, interrupt};
use crate::failure::{EXIT_INTERRUPTED, Failure};
use crate::output::{complain, say_line};

/// The longest password, in bytes: tokens of large services have 10 KiB.
const PASSWORD_BYTES_MAX: u64 = 64 << 10;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The registry is asked first. What it takes is kept in ~/.docker/config.json, or where that file's credsStore says, as `docker login` keeps it. A password is never taken from the command's words: others can see those.\n\nExamples:\n  estiva login\n  estiva login -u ada registry.example:5000\n  pass show registry | estiva login -u ada --password-stdin registry.example:5000"
)]
pub(crate) struct Args {
    /// The name
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// The registry
    #[arg(default_value = HUB)]
    registry: String,
}

/// Logs in. It needs no server, and no root.
pub(crate) fn run(args: Args, root: &Path) -> Outcome {
    let credentials = Credentials::of_caller()?;
    let registry = normal(&args.registry)?;
    if args.password_stdin && args.username.is_none() {
        return Err(Failure::new("--password-stdin wants a name beside it")
            .hint("estiva login -u NAME --password-stdin REGISTRY"));
    }
    let username = match args.username {
        Some(username) => username,
        None => ask("Username: ")?,
    };
    if username.is_empty() || username.contains([':', '\n', '\r', '\0']) {
        return Err(Failure::new("expected a user's name without a colon"));
    }
    let password = match args.password_stdin {
        true => from_stdin()?,
        false => ask_hidden("Password: ")?,
    };
    if password.is_empty() {
        return Err(Failure::new("expected a password, but found none"));
    }
    let password = Secret::new(password);
    let login = RegistryLogin::Password {
        username: username.clone(),
        password: password.clone(),
    };
    let settings = RegistrySettings::load(root).map_err(failure)?;
    check_login(&settings, &registry, &login, &Cancel::never()).map_err(|error| {
        let failure = failure(&error);
        // "Log in anew" is what is being done.
        Failure {
            hint: failure.hint.filter(|hint| !hint.contains("estiva login")),
            ..failure
        }
    })?;
    let place = credentials.keep(&registry, &username, &password)?;
    say_line(&format!(
        "Logged in to {registry} as {username}; kept in {place}"
    ))?;
    Ok(0)
}

/// The registry as images' names say it: without a scheme and a path.
pub(super) fn normal(registry: &str) -> Result<String, Failure> {
    let bare = registry
        .strip_prefix("https://")
        .or_else(|| registry.strip_prefix("http://"))
        .unwrap_or(registry);
    let host = bare.split('/').next().unwrap_or_default();
    let is_hub = matches!(
        host,
        "index.docker.io" | "registry-1.docker.io" | "hub.docker.com"
    );
    let host = if is_hub { HUB } else { host };
    // Read as the registry of an image's name, it has to be this one.
    let reference = format!("{host}/x/x").parse::<estiva_shared::image::Reference>();
    match reference {
        Ok(reference) if reference.domain() == host => Ok(host.to_owned()),
        _ => Err(Failure::new(format_args!(
            "expected a registry such as registry.example:5000, but found: {registry}"
        ))),
    }
}

fn failure(error: impl std::borrow::Borrow<estiva_store::RegistryError>) -> Failure {
    let error = error.borrow();
    let failure = Failure::new(error);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn from_stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(PASSWORD_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > PASSWORD_BYTES_MAX {
        return Err(Failure::new(format_args!(
            "expected a password of at most {PASSWORD_BYTES_MAX} bytes, but found more"
        )));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| Failure::new("expected a password in UTF-8"))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn ask(question: &str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return Err(
            Failure::new("expected a terminal to ask for the name and the password")
                .hint("estiva login -u NAME --password-stdin REGISTRY"),
        );
    }
    complain(question);
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(unreadable)?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// Asks without showing what is typed.
fn ask_hidden(question: &str) -> Result<String, Failure> {
    let hidden = Hidden::begin();
    if let Some(before) = hidden.0.clone() {
        let told = interrupt::is_told_first()?;
        std::thread::spawn(move || {
            if told.blocking_recv().is_ok() {
                // A shell that shows nothing of what is typed would be left behind.
                let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &before);
                complain("\n");
                std::process::exit(i32::from(EXIT_INTERRUPTED));
            }
        });
    }
    let answer = ask(question);
    complain("\n");
    answer
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Option<Termios>);

impl Hidden {
    fn begin() -> Self {
        let Ok(before) = tcgetattr(io::stdin()) else {
            return Self(None);
        };
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &silent);
        Self(Some(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}

fn unreadable(error: io::Error) -> Failure {
    Failure::new(format_args!("can't read standard input: {error}"))
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn a_registry_is_named_as_images_name_it() {
        for (given, expected) in [
            ("docker.io", "docker.io"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("registry.example:5000", "registry.example:5000"),
            ("http://localhost:5000/", "localhost:5000"),
        ] {
            assert_eq!(normal(given).unwrap(), expected);
        }
        for given in ["", "hello", "a b.example", "https://", "a@b.example"] {
            assert!(normal(given).is_err(), "{given}");
        }
    }
}
