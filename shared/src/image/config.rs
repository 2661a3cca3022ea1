//! An image's config as it is shown: read leniently, because what one tool writes as an empty list another writes as null.
//!
//! Specification: OCI image specification, "OCI Image Configuration"; Docker's image specification v1.2 for what is older.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::ConfigView;

/// A config, as far as it is shown.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RawConfig {
    #[serde(default)]
    pub(super) created: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) architecture: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) os: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) variant: String,
    #[serde(default, deserialize_with = "null_is_default")]
    config: RawRun,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) rootfs: RawRootfs,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) history: Vec<RawHistory>,
}

/// What a container starts with.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawRun {
    #[serde(deserialize_with = "null_is_default")]
    user: String,
    #[serde(deserialize_with = "null_is_default")]
    exposed_ports: BTreeMap<String, serde::de::IgnoredAny>,
    #[serde(deserialize_with = "null_is_default")]
    env: Vec<String>,
    #[serde(deserialize_with = "null_is_default")]
    entrypoint: Words,
    #[serde(deserialize_with = "null_is_default")]
    cmd: Words,
    #[serde(deserialize_with = "null_is_default")]
    working_dir: String,
    #[serde(deserialize_with = "null_is_default")]
    volumes: BTreeMap<String, serde::de::IgnoredAny>,
    #[serde(deserialize_with = "null_is_default")]
    labels: BTreeMap<String, Option<String>>,
    #[serde(deserialize_with = "null_is_default")]
    stop_signal: String,
}

/// A command: words, or (very old images) one line.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Words {
    List(Vec<String>),
    Line(String),
}

impl Default for Words {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Words {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::List(words) => words,
            Self::Line(line) => vec![line],
        }
    }
}

/// The layers' diff IDs, lowest first.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RawRootfs {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) diff_ids: Vec<String>,
}

/// One line of the history.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RawHistory {
    #[serde(default)]
    pub(super) created: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) created_by: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) comment: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) empty_layer: bool,
}

/// Reads null as what stands for nothing.
fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// One part of a config; what stands for nothing where it can't be read.
fn part<T: Default + serde::de::DeserializeOwned>(
    parts: &mut BTreeMap<String, serde_json::Value>,
    name: &str,
) -> T {
    parts
        .remove(name)
        .and_then(|value| serde_json::from_value(value).ok())
        .unwrap_or_default()
}

impl RawConfig {
    /// Reads a config. One that can't be read as a whole gives those of its parts that can, and the error.
    pub(super) fn read(bytes: &[u8]) -> (Self, Option<serde_json::Error>) {
        let error = match serde_json::from_slice(bytes) {
            Ok(config) => return (config, None),
            Err(error) => error,
        };
        let mut parts: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(bytes).unwrap_or_default();
        let config = Self {
            created: part(&mut parts, "created"),
            architecture: part(&mut parts, "architecture"),
            os: part(&mut parts, "os"),
            variant: part(&mut parts, "variant"),
            config: part(&mut parts, "config"),
            rootfs: part(&mut parts, "rootfs"),
            history: part(&mut parts, "history"),
        };
        (config, Some(error))
    }

    /// The folder that containers start in, where the config says one.
    pub(super) fn working_dir(&self) -> Option<&str> {
        Some(self.config.working_dir.as_str()).filter(|folder| !folder.is_empty())
    }

    /// `linux/amd64`, with `/variant` where there is one.
    pub(super) fn platform(&self) -> String {
        let parts = [&self.os, &self.architecture, &self.variant];
        let parts: Vec<_> = parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(String::as_str)
            .collect();
        parts.join("/")
    }

    /// What containers start with.
    pub(super) fn into_view(self) -> ConfigView {
        let run = self.config;
        let given = |text: String| (!text.is_empty()).then_some(text);
        ConfigView {
            user: given(run.user),
            exposed_ports: run.exposed_ports.into_keys().collect(),
            env: run.env,
            entrypoint: run.entrypoint.into_list(),
            cmd: run.cmd.into_list(),
            working_dir: given(run.working_dir),
            volumes: run.volumes.into_keys().collect(),
            labels: run
                .labels
                .into_iter()
                .map(|(name, value)| (name, value.unwrap_or_default()))
                .collect(),
            stop_signal: given(run.stop_signal),
        }
    }
}
