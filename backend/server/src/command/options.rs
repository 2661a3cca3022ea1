//! Values of options, read as Docker reads them: sizes, `KEY=VALUE`, networks.

use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;

use estiva_shared::protocol::{NetworkMode, PullPolicy};
use estiva_shared::text::escape_name;

use crate::failure::{Failure, at};

/// Refuses a folder where an archive is wanted: reading one fails late, and with a word that tells nobody what to do.
///
/// # Errors
/// If it is a folder, or can't be looked at.
pub(crate) fn not_a_folder(file: &File, path: &Path) -> Result<(), Failure> {
    if !file.metadata().map_err(at("look at", path))?.is_dir() {
        return Ok(());
    }
    let message = format!(
        "expected an archive, but found a folder: {}",
        path.display()
    );
    Err(Failure::new(message)
        .hint("an OCI layout's folder can be packed: tar -cf image.tar -C FOLDER ."))
}

/// Bytes of `64m`: a number with a unit of b, k, m, g or t (with or without another b), in steps of 1,024 as Docker's.
///
/// # Errors
/// What was expected.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("expected bytes, such as 64m or 1.5g, but found: {text}");
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match lower[digits.len()..]
        .trim_end_matches("ib")
        .trim_end_matches('b')
    {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(wrong()),
    };
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let bytes = number * (1_u64 << shift) as f64;
    // Beyond 2^53 a float is no exact number of bytes, and no host has so many.
    if (0.0..9.0e15).contains(&bytes) {
        Ok(bytes as u64)
    } else {
        Err(wrong())
    }
}

/// A number of cores, such as 0.5.
///
/// # Errors
/// What was expected.
pub(crate) fn cores(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(cores) if cores.is_finite() && cores >= 0.0 => Ok(cores),
        _ => Err(format!(
            "expected a number of cores, such as 0.5, or 0 for no limit, but found: {text}"
        )),
    }
}

/// A number of processes; `-1` is no limit, as in Docker, and given as 0.
///
/// # Errors
/// What was expected.
pub(crate) fn pids(text: &str) -> Result<u64, String> {
    match text.parse::<i64>() {
        Ok(-1) => Ok(0),
        Ok(pids) if pids >= 0 => Ok(pids.unsigned_abs()),
        _ => Err(format!(
            "expected a number of processes, or -1 for no limit, but found: {text}"
        )),
    }
}

/// `missing`, `always` or `never`.
///
/// # Errors
/// What was expected.
pub(crate) fn pull(text: &str) -> Result<PullPolicy, String> {
    match text {
        "missing" => Ok(PullPolicy::Missing),
        "always" => Ok(PullPolicy::Always),
        "never" => Ok(PullPolicy::Never),
        _ => Err(format!(
            "expected missing, always or never, but found: {text}"
        )),
    }
}

/// `bridge`, `none` or `host`; `default` is the bridge, as in Docker.
///
/// # Errors
/// What was expected.
pub(crate) fn network(text: &str) -> Result<NetworkMode, String> {
    match text {
        "bridge" | "default" => Ok(NetworkMode::Bridge),
        "none" => Ok(NetworkMode::None),
        "host" => Ok(NetworkMode::Host),
        _ => Err(format!("expected bridge, none or host, but found: {text}")),
    }
}

/// The one option of Docker's `--security-opt` that there is: `no-new-privileges`, with `=` or `:` and a truth where it
/// is not alone.
///
/// # Errors
/// What was expected.
pub(crate) fn no_new_privileges(text: &str) -> Result<bool, String> {
    let (name, value) = text.split_once(['=', ':']).unwrap_or((text, "true"));
    match (name, value) {
        ("no-new-privileges", "true") => Ok(true),
        ("no-new-privileges", "false") => Ok(false),
        ("seccomp" | "apparmor" | "label" | "systempaths" | "writable-cgroups", _) => Err(format!(
            "{name} can't be chosen yet: a container has Docker's default seccomp profile and masked paths, and no \
             AppArmor profile or SELinux label"
        )),
        _ => Err(format!(
            "expected no-new-privileges, or no-new-privileges=false, but found: {text}"
        )),
    }
}

/// An address with a port.
///
/// # Errors
/// What was expected.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("expected an IP address and a port, such as 127.0.0.1:7878, but found: {text}")
    })
}

/// `KEY=VALUE`, or `KEY` for the value that this command's own environment has; without one there, nothing is passed.
pub(crate) fn variables(words: &[String]) -> Vec<(String, String)> {
    words
        .iter()
        .filter_map(|word| match word.split_once('=') {
            Some((key, value)) => Some((key.to_owned(), value.to_owned())),
            // It names nothing, and the server says so; without this it would be dropped as a variable that is not set.
            None if word.is_empty() => Some((String::new(), String::new())),
            None => std::env::var(word).ok().map(|value| (word.clone(), value)),
        })
        .collect()
}

/// The text of a small file that an option names. `verb` says what can't be done where it can't be read: `read`.
///
/// # Errors
/// What was found instead of a file of at most `bytes_max` bytes of UTF-8.
pub(super) fn small_text(verb: &str, path: &Path, bytes_max: usize) -> Result<String, Failure> {
    // Before it is opened, which waits for the writer of a pipe.
    let found = std::fs::metadata(path).map_err(at(verb, path))?;
    if !found.is_file() {
        let found = if found.is_dir() {
            "a folder"
        } else {
            "a pipe or a device"
        };
        let path = escape_name(&path.to_string_lossy()).into_owned();
        return Err(Failure::new(format_args!(
            "expected a file, but found {found}: {path}"
        )));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes_max as u64 + 1).read_to_end(&mut bytes))
        .map_err(at(verb, path))?;
    if bytes.len() > bytes_max {
        let path = escape_name(&path.to_string_lossy()).into_owned();
        return Err(Failure::new(format_args!(
            "expected at most {bytes_max} bytes, but found more: {path}"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        let path = escape_name(&path.to_string_lossy()).into_owned();
        Failure::new(format_args!(
            "expected UTF-8, but found other bytes at {place}: {path}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        for (text, expected) in [
            ("64m", 64 << 20),
            ("64MB", 64 << 20),
            ("64MiB", 64 << 20),
            ("1.5g", 3 << 29),
            ("100", 100),
            ("7b", 7),
            ("2K", 2048),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "m", "-1m", "64x", "1e40", "NaN", "inf", "64 q"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cores_and_networks_say_what_was_expected() {
        assert_eq!(cores("0.5"), Ok(0.5));
        assert_eq!((cores("0"), pids("64")), (Ok(0.0), Ok(64)));
        assert_eq!((pids("-1"), pids("0")), (Ok(0), Ok(0)));
        assert!(
            ["-2", "x", "1.5", ""]
                .iter()
                .all(|text| pids(text).is_err())
        );
        assert!(["-1", "x", "inf"].iter().all(|text| cores(text).is_err()));
        assert!(address("[::1]:80").is_ok());
        assert!(
            address("localhost:80")
                .unwrap_err()
                .contains("127.0.0.1:7878")
        );
        assert_eq!(network("host"), Ok(NetworkMode::Host));
        assert_eq!(network("default"), Ok(NetworkMode::Bridge));
        assert!(network("web").unwrap_err().contains("bridge, none or host"));
    }

    #[test]
    fn security_options_are_the_one_that_there_is() {
        for text in [
            "no-new-privileges",
            "no-new-privileges:true",
            "no-new-privileges=true",
        ] {
            assert_eq!(no_new_privileges(text), Ok(true), "{text}");
        }
        assert_eq!(no_new_privileges("no-new-privileges=false"), Ok(false));
        let refusal = no_new_privileges("seccomp=unconfined").unwrap_err();
        assert!(refusal.contains("can't be chosen yet"), "{refusal}");
        for text in ["", "no-new-privileges=maybe", "privileges"] {
            assert!(
                no_new_privileges(text).unwrap_err().contains("expected"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_folder_is_no_archive_and_the_refusal_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = not_a_folder(&File::open(folder.path()).unwrap(), folder.path()).unwrap_err();
        assert!(refusal.message.contains("found a folder"));
        assert!(refusal.hint.is_some_and(|hint| hint.contains("tar -cf")));
    }

    #[test]
    fn a_key_alone_takes_the_callers_value() {
        let words = [
            "A=1=2".to_owned(),
            "PATH".to_owned(),
            "ESTIVA_SURELY_NOT_SET".to_owned(),
        ];
        let read = variables(&words);
        assert_eq!(read[0], ("A".to_owned(), "1=2".to_owned()));
        assert_eq!((read[1].0.as_str(), read.len()), ("PATH", 2));
        assert_eq!(
            variables(&[String::new()]),
            [(String::new(), String::new())]
        );
    }
}
