//! Credential helpers: programs named `docker-credential-NAME` that keep secrets elsewhere. One is asked with one word as
//! its argument and the rest on its standard input, within a limit of time.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use estiva_shared::protocol::{RegistryLogin, Secret};
use serde::Deserialize;
use serde_json::json;

use crate::failure::Failure;

/// How long a helper may take: its user may have to unlock something.
const TIME_MAX: Duration = Duration::from_secs(60);

/// The most bytes of its answer.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// The name by which a helper says that the secret is a token for the token service.
const TOKEN_USER: &str = "<token>";

/// How often its end is looked for.
const LOOKED_EVERY: Duration = Duration::from_millis(5);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    secret: Secret,
}

/// What a helper has for a registry.
pub(super) fn get(helper: &str, key: &str) -> Result<Option<RegistryLogin>, Failure> {
    let (status, answer) = ask(helper, "get", key.as_bytes())?;
    if !status.success() {
        let said = String::from_utf8_lossy(&answer);
        // The protocol's only way to say so.
        if said.contains("credentials not found") {
            return Ok(None);
        }
        return Err(failed(helper, "get", &said));
    }
    // What it says may be half of a secret: no word of it is shown.
    let answer: Answer = serde_json::from_slice(&answer)
        .map_err(|_| failed(helper, "get", "its answer is not JSON of that form"))?;
    if answer.secret.reveal().is_empty() {
        return Ok(None);
    }
    Ok(Some(match answer.username.as_str() {
        TOKEN_USER => RegistryLogin::IdentityToken {
            token: answer.secret,
        },
        _ => RegistryLogin::Password {
            username: answer.username,
            password: answer.secret,
        },
    }))
}

/// Gives a helper something to keep.
pub(super) fn store(
    helper: &str,
    key: &str,
    username: &str,
    password: &Secret,
) -> Result<(), Failure> {
    let order = json!({"ServerURL": key, "Username": username, "Secret": password.reveal()});
    let (status, answer) = ask(helper, "store", order.to_string().as_bytes())?;
    match status.success() {
        true => Ok(()),
        false => Err(failed(helper, "store", &String::from_utf8_lossy(&answer))),
    }
}

/// Has a helper forget a registry.
pub(super) fn erase(helper: &str, key: &str) -> Result<(), Failure> {
    let (status, answer) = ask(helper, "erase", key.as_bytes())?;
    match status.success() {
        true => Ok(()),
        false => Err(failed(helper, "erase", &String::from_utf8_lossy(&answer))),
    }
}

fn failed(helper: &str, verb: &str, why: &str) -> Failure {
    let why = why.lines().next().unwrap_or_default();
    Failure::new(format_args!("docker-credential-{helper} {verb}: {why}"))
        .hint("credsStore and credHelpers of ~/.docker/config.json name the helpers")
}

fn ask(helper: &str, verb: &str, input: &[u8]) -> Result<(ExitStatus, Vec<u8>), Failure> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !helper.bytes().all(is_word) {
        return Err(Failure::new(format_args!(
            "expected a credential helper's name, but found: {helper}"
        )));
    }
    let mut child = Command::new(format!("docker-credential-{helper}"))
        .arg(verb)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| failed(helper, verb, &format!("can't be started: {error}")))?;
    let ended = talk(&mut child, input);
    if ended.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    ended.ok_or_else(|| {
        let why = format!("gave no answer within {} s", TIME_MAX.as_secs());
        failed(helper, verb, &why)
    })
}

/// Says what is to be said and hears the answer; none where it takes too long.
fn talk(child: &mut Child, input: &[u8]) -> Option<(ExitStatus, Vec<u8>)> {
    let until = Instant::now() + TIME_MAX;
    let (mut stdin, stdout) = (child.stdin.take()?, child.stdout.take()?);
    let input = input.to_vec();
    // One that does not read, or does not end, holds up these threads alone.
    std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        let read = stdout.take(ANSWER_BYTES_MAX).read_to_end(&mut answer);
        let _ = sender.send(read.map(|_| answer));
    });
    let answer = receiver.recv_timeout(TIME_MAX).ok()?.ok()?;
    loop {
        if let Some(status) = child.try_wait().ok()? {
            return Some((status, answer));
        }
        if Instant::now() > until {
            return None;
        }
        std::thread::sleep(LOOKED_EVERY);
    }
}
