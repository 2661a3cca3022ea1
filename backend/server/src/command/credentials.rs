//! What this command's caller shows to registries: read from Docker's `config.json` with the caller's own rights, from its
//! credential helpers, and written there.
//!
//! The server keeps none of it: a command hands over what one operation needs, for that operation. Format: the Docker CLI's
//! "configuration files" page and the `docker-credential-helpers` protocol.

mod helper;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use estiva_shared::image::Reference;
use estiva_shared::protocol::{RegistryCredentials, RegistryLogin, Secret};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::failure::{Failure, at};

/// Docker Hub as images name it.
pub(super) const HUB: &str = "docker.io";

/// Docker Hub as the file names it.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// The most bytes of the file: a few registries take a few kilobytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A caller's `config.json`.
#[derive(Debug)]
pub(super) struct Credentials {
    path: PathBuf,
    file: ConfigFile,
}

/// What is read of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigFile {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: Option<Secret>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<Secret>,
    #[serde(default)]
    identitytoken: Option<Secret>,
    #[serde(default)]
    registrytoken: Option<Secret>,
}

impl Credentials {
    /// Those of whoever called this command.
    pub(super) fn of_caller() -> Result<Self, Failure> {
        let folder = match std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => {
                let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
                PathBuf::from(home.unwrap_or_else(|| "/root".into())).join(".docker")
            }
        };
        Self::read(folder.join("config.json"))
    }

    fn read(path: PathBuf) -> Result<Self, Failure> {
        let file = match bytes_of(&path)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                // The message says the place, and never the text that stands there.
                Failure::new(format_args!(
                    "{}: expected JSON of Docker's form, but found a mistake in line {}, column {}",
                    path.display(),
                    error.line(),
                    error.column()
                ))
            })?,
            None => ConfigFile::default(),
        };
        Ok(Self { path, file })
    }

    /// What the registry of an image is shown, where the caller has something for it.
    pub(super) fn for_image(&self, name: &str) -> Result<Option<RegistryCredentials>, Failure> {
        // A name that is none is refused by whoever reads it next.
        match name.parse::<Reference>() {
            Ok(reference) => self.for_registry(reference.domain()),
            Err(_) => Ok(None),
        }
    }

    /// What a registry is shown, where the caller has something for it.
    pub(super) fn for_registry(
        &self,
        registry: &str,
    ) -> Result<Option<RegistryCredentials>, Failure> {
        let mut login = None;
        if let Some(helper) = self.helper(registry) {
            login = helper::get(helper, key(registry))?;
        }
        if login.is_none() {
            login = self.entry(registry).and_then(Entry::login);
        }
        Ok(login.map(|login| RegistryCredentials {
            registry: registry.to_owned(),
            login,
        }))
    }

    /// The helper that has a registry's credentials.
    fn helper(&self, registry: &str) -> Option<&str> {
        let own = self.file.cred_helpers.iter();
        let own = own
            .filter(|(key, _)| is_for(key, registry))
            .map(|(_, helper)| helper);
        own.chain(self.file.creds_store.as_ref())
            .map(String::as_str)
            .find(|helper| !helper.is_empty())
    }

    fn entry(&self, registry: &str) -> Option<&Entry> {
        let exact = self.file.auths.get(key(registry));
        let found = || {
            let mut entries = self.file.auths.iter();
            entries.find(|(key, _)| is_for(key, registry))
        };
        exact.or_else(|| found().map(|(_, entry)| entry))
    }

    /// Keeps a name and a password. Answers where, in words.
    pub(super) fn keep(
        &self,
        registry: &str,
        username: &str,
        password: &Secret,
    ) -> Result<String, Failure> {
        if let Some(helper) = self.helper(registry) {
            helper::store(helper, key(registry), username, password)?;
            return Ok(format!("docker-credential-{helper}"));
        }
        let pair = STANDARD.encode(format!("{username}:{}", password.reveal()));
        self.change(|auths| {
            auths.retain(|key, _| !is_for(key, registry));
            auths.insert(key(registry).to_owned(), json!({ "auth": pair }));
            true
        })?;
        Ok(self.path.display().to_string())
    }

    /// Forgets a registry's. Answers whether there was something.
    pub(super) fn forget(&self, registry: &str) -> Result<bool, Failure> {
        let mut had = false;
        if let Some(helper) = self.helper(registry) {
            had = helper::get(helper, key(registry))?.is_some();
            if had {
                helper::erase(helper, key(registry))?;
            }
        }
        if self.entry(registry).is_some() {
            had = true;
            self.change(|auths| {
                let before = auths.len();
                auths.retain(|key, _| !is_for(key, registry));
                auths.len() != before
            })?;
        }
        Ok(had)
    }

    /// Changes the file's credentials, and nothing else in it. It is whole at every moment, and its owner's alone.
    fn change(&self, change: impl FnOnce(&mut Map<String, Value>) -> bool) -> Result<(), Failure> {
        // Where it is a link, what it leads to is changed.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let odd = || {
            Failure::new(format_args!(
                "{}: expected an object of JSON",
                path.display()
            ))
        };
        let mut document: Value = match bytes_of(&path)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| odd())?,
            None => json!({}),
        };
        let auths = document
            .as_object_mut()
            .ok_or_else(odd)?
            .entry("auths")
            .or_insert_with(|| json!({}));
        if !change(auths.as_object_mut().ok_or_else(odd)?) {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder);
        made.map_err(at("make the folder", folder))?;
        let fresh = folder.join(format!(".config.json.{}", std::process::id()));
        let written = write_new(&fresh, &document).and_then(|()| fs::rename(&fresh, &path));
        written.map_err(|error| {
            let _ = fs::remove_file(&fresh);
            at("write", &path)(error)
        })
    }
}

impl Entry {
    fn login(&self) -> Option<RegistryLogin> {
        let some = |secret: &Option<Secret>| {
            let secret = secret.as_ref()?;
            (!secret.reveal().is_empty()).then(|| secret.clone())
        };
        if let Some(token) = some(&self.registrytoken) {
            return Some(RegistryLogin::RegistryToken { token });
        }
        if let Some(token) = some(&self.identitytoken) {
            return Some(RegistryLogin::IdentityToken { token });
        }
        if let Some(auth) = some(&self.auth) {
            let pair = STANDARD.decode(auth.reveal().trim()).ok()?;
            let pair = String::from_utf8(pair).ok()?;
            let (username, password) = pair.split_once(':')?;
            return Some(RegistryLogin::Password {
                username: username.to_owned(),
                // Docker once padded it so.
                password: Secret::new(password.trim_end_matches('\0')),
            });
        }
        let username = self.username.clone().filter(|name| !name.is_empty())?;
        let password = some(&self.password)?;
        Some(RegistryLogin::Password { username, password })
    }
}

/// A registry as the file and its helpers name it.
fn key(registry: &str) -> &str {
    if registry == HUB { HUB_KEY } else { registry }
}

/// Whether an entry is a registry's: with a scheme, with a path, as older programs wrote them.
fn is_for(key: &str, registry: &str) -> bool {
    let bare = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    let host = bare.split('/').next().unwrap_or_default();
    let is_hub = matches!(host, "index.docker.io" | "registry-1.docker.io" | HUB);
    host == registry || (registry == HUB && is_hub)
}

fn bytes_of(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at("open", path)(error)),
    };
    let mut bytes = Vec::new();
    let mut limited = io::Read::take(file, FILE_BYTES_MAX + 1);
    io::Read::read_to_end(&mut limited, &mut bytes).map_err(at("read", path))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Failure::new(format_args!(
            "{}: expected at most {FILE_BYTES_MAX} bytes, but found more",
            path.display()
        )));
    }
    // An empty file is one that nobody wrote to.
    Ok((!bytes.iter().all(u8::is_ascii_whitespace)).then_some(bytes))
}

fn write_new(path: &Path, document: &Value) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let text = serde_json::to_string_pretty(document).map_err(io::Error::other)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
