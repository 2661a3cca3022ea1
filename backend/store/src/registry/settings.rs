//! How each registry is reached: over TLS or without, by whose certificates, within which times. Read from files that an
//! administrator writes; `docs/registry.md` describes them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::address::Nearness;
use super::error::RegistryError;

/// The file's name, under a root and under [`HOST_FOLDER`].
const FILE: &str = "registries.json";

/// Where the host's file lies.
const HOST_FOLDER: &str = "/etc/estiva";

/// Where certificates lie by a registry's name, in folders that Docker's and Podman's users know.
const CERTIFICATE_FOLDERS: [&str; 3] = [
    "/etc/estiva/certs.d",
    "/etc/docker/certs.d",
    "/etc/containers/certs.d",
];

/// 16 MiB: storage services want 5 at least, and proxies stop bodies far above.
const CHUNK_BYTES: u64 = 16 << 20;

/// How registries are reached.
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    /// By a registry's name as images say it, such as `registry.example:5000`.
    pub registries: BTreeMap<String, RegistryOptions>,
    /// Folders of `NAME/*.crt`.
    pub certificate_folders: Vec<PathBuf>,
    /// The way out.
    pub proxy: ProxyChoice,
    /// How long what may take.
    pub times: Times,
    /// How much of a layer goes at once where it goes in pieces, in bytes; a registry may want more.
    pub chunk_bytes: u64,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            registries: BTreeMap::new(),
            certificate_folders: Vec::new(),
            proxy: ProxyChoice::default(),
            times: Times::default(),
            chunk_bytes: CHUNK_BYTES,
        }
    }
}

/// How one registry is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryOptions {
    /// Without TLS. Where it isn't said, a registry on this host is asked with TLS first and without it then, and any
    /// other with TLS alone.
    #[serde(default)]
    pub plain_http: Option<bool>,
    /// A file of certificates (PEM) that its own may be signed by, beside those that the host trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Never ask it.
    #[serde(default)]
    pub blocked: bool,
}

/// The way out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxyChoice {
    /// What the environment says: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case.
    #[default]
    Environment,
    /// No proxy.
    Direct,
    /// This one.
    Address(String),
}

/// How long what may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    /// To find a name's addresses, and to reach one of them: short, because `run` of a misspelt name waits for it.
    pub connect: Duration,
    /// Without a byte: what a sleeping disk or a lost packet takes, several times over.
    pub silence_max: Duration,
    /// For a manifest, a token or another small document, whole.
    pub document: Duration,
    /// For the answer to the end of an upload: registries compute the digest then, or move the blob within their storage.
    pub upload_answer: Duration,
    /// In each of these, a layer has to come on by [`Times::slow_bytes`].
    pub slow_window: Duration,
    /// See [`Times::slow_window`].
    pub slow_bytes: u64,
    /// Before the second try; twice as long before each further one.
    pub retry_first: Duration,
    /// Tries in all.
    pub tries_max: u32,
    /// The longest wait that a registry may ask for.
    pub retry_after_max: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            silence_max: Duration::from_secs(30),
            document: Duration::from_secs(60),
            upload_answer: Duration::from_secs(300),
            slow_window: Duration::from_secs(60),
            slow_bytes: 16 << 10,
            retry_first: Duration::from_millis(500),
            tries_max: 6,
            retry_after_max: Duration::from_secs(120),
        }
    }
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    registries: BTreeMap<String, RegistryOptions>,
}

impl RegistrySettings {
    /// The host's settings, and above them those of a root. Read anew for each operation: they are small, and a change
    /// counts at once.
    ///
    /// # Errors
    /// A file that is there and can't be read or understood.
    pub fn load(root: &Path) -> Result<Self, RegistryError> {
        let mut registries = read(&Path::new(HOST_FOLDER).join(FILE))?;
        registries.extend(read(&root.join(FILE))?);
        Ok(Self {
            registries,
            certificate_folders: CERTIFICATE_FOLDERS.iter().map(PathBuf::from).collect(),
            ..Self::default()
        })
    }

    /// What is said of one registry.
    pub(super) fn of(&self, registry: &str) -> RegistryOptions {
        self.registries.get(registry).cloned().unwrap_or_default()
    }

    /// The files whose certificates are trusted for one registry, beside the host's.
    pub(super) fn certificate_files(&self, registry: &str) -> Result<Vec<PathBuf>, RegistryError> {
        let mut files: Vec<PathBuf> = self.of(registry).ca_file.into_iter().collect();
        for folder in &self.certificate_folders {
            let folder = folder.join(registry);
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if is_absent(&error) => continue,
                Err(error) => return Err(unreadable(&folder, &error)),
            };
            for entry in entries {
                let path = entry.map_err(|error| unreadable(&folder, &error))?.path();
                if path.extension().is_some_and(|extension| extension == "crt") {
                    files.push(path);
                }
            }
        }
        Ok(files)
    }
}

/// Whether a registry's name means this host: asked without TLS where it has none.
pub(super) fn is_on_this_host(registry: &str) -> bool {
    let host = match registry.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
        _ => registry,
    };
    Nearness::of_host(host) == Some(Nearness::Loopback)
}

fn read(path: &Path) -> Result<BTreeMap<String, RegistryOptions>, RegistryError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if is_absent(&error) => return Ok(BTreeMap::new()),
        Err(error) => return Err(unreadable(path, &error)),
    };
    let file: File = serde_json::from_slice(&bytes).map_err(|error| unreadable(path, &error))?;
    Ok(file.registries)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        // Whoever may not read it is a user who logs in; the server may.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
    )
}

pub(super) fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> RegistryError {
    RegistryError::Settings {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roots_settings_are_read_and_a_mistake_in_them_is_told() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join(FILE);
        assert!(RegistrySettings::load(root.path()).is_ok());
        fs::write(
            &file,
            r#"{"registries": {"r.example:5000": {"plain_http": true, "ca_file": "/x.crt"}}}"#,
        )
        .unwrap();
        let settings = RegistrySettings::load(root.path()).unwrap();
        assert_eq!(settings.of("r.example:5000").plain_http, Some(true));
        assert_eq!(settings.of("other").plain_http, None);
        fs::write(&file, r#"{"registries": {"r": {"plain": true}}}"#).unwrap();
        let error = RegistrySettings::load(root.path()).unwrap_err().to_string();
        assert!(
            error.contains("registries.json") && error.contains("plain"),
            "{error}"
        );
    }

    #[test]
    fn certificates_lie_under_a_registrys_name() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("r.example:5000");
        fs::create_dir(&own).unwrap();
        fs::write(own.join("ca.crt"), "").unwrap();
        fs::write(own.join("client.key"), "").unwrap();
        let settings = RegistrySettings {
            certificate_folders: vec![folder.path().to_owned()],
            ..RegistrySettings::default()
        };
        assert_eq!(
            settings.certificate_files("r.example:5000").unwrap(),
            [own.join("ca.crt")]
        );
        assert!(settings.certificate_files("r.example").unwrap().is_empty());
    }

    #[test]
    fn only_loopback_is_this_host() {
        for (registry, is) in [
            ("localhost", true),
            ("localhost:5000", true),
            ("127.0.0.1:5000", true),
            ("[::1]:5000", true),
            ("10.0.0.1:5000", false),
            ("docker.io", false),
        ] {
            assert_eq!(is_on_this_host(registry), is, "{registry}");
        }
    }
}
