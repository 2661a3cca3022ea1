//! A stage's configuration while its instructions change it, and its way from and to the OCI image configuration.

use std::collections::{BTreeMap, BTreeSet};

use oci_spec::image::{Config, ImageConfiguration};

/// What an image without a PATH of its own gets, as Docker's builders do.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What containers of the stage would start with (OCI image specification, "config", Properties).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StageConfig {
    /// In order; a name stands once.
    pub(crate) env: Vec<(String, String)>,
    /// `None` is not set; an empty list is set to nothing.
    pub(crate) entrypoint: Option<Vec<String>>,
    /// As `entrypoint`.
    pub(crate) cmd: Option<Vec<String>>,
    /// Empty is root.
    pub(crate) user: String,
    /// Empty is `/`.
    pub(crate) working_dir: String,
    /// Sorted by name.
    pub(crate) labels: BTreeMap<String, String>,
    /// Such as `8080/tcp`.
    pub(crate) exposed_ports: BTreeSet<String>,
    /// Inherited only: VOLUME is not built.
    volumes: Vec<String>,
    /// Inherited only: STOPSIGNAL is not built.
    stop_signal: Option<String>,
}

impl StageConfig {
    /// What `FROM scratch` begins with.
    pub(crate) fn scratch() -> Self {
        Self {
            env: vec![("PATH".to_owned(), DEFAULT_PATH.to_owned())],
            working_dir: "/".to_owned(),
            ..Self::default()
        }
    }

    /// What `FROM image` begins with.
    pub(crate) fn from_image(image: &ImageConfiguration) -> Self {
        let Some(config) = image.config() else {
            return Self::scratch();
        };
        let mut stage = Self {
            env: Vec::new(),
            entrypoint: config.entrypoint().clone(),
            cmd: config.cmd().clone(),
            user: config.user().clone().unwrap_or_default(),
            working_dir: config.working_dir().clone().unwrap_or_default(),
            labels: config
                .labels()
                .clone()
                .unwrap_or_default()
                .into_iter()
                .collect(),
            exposed_ports: config
                .exposed_ports()
                .clone()
                .unwrap_or_default()
                .into_iter()
                .collect(),
            volumes: config.volumes().clone().unwrap_or_default(),
            stop_signal: config.stop_signal().clone(),
        };
        for entry in config.env().iter().flatten() {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            stage.set_env(name, value);
        }
        if stage.env("PATH").is_none() {
            stage.set_env("PATH", DEFAULT_PATH);
        }
        stage
    }

    /// The value of an environment variable.
    pub(crate) fn env(&self, name: &str) -> Option<&str> {
        self.env
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Sets a variable; one that exists keeps its place.
    pub(crate) fn set_env(&mut self, name: &str, value: &str) {
        match self.env.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.env.push((name.to_owned(), value.to_owned())),
        }
    }

    /// The folder that relative paths start from.
    pub(crate) fn workdir(&self) -> &str {
        if self.working_dir.is_empty() {
            "/"
        } else {
            &self.working_dir
        }
    }

    /// As the image configuration holds it.
    pub(crate) fn to_oci(&self) -> Config {
        let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
        let mut config = Config::default();
        config.set_env(Some(
            self.env
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
        ));
        config.set_entrypoint(self.entrypoint.clone());
        config.set_cmd(self.cmd.clone());
        config.set_user(filled(&self.user));
        config.set_working_dir(filled(&self.working_dir));
        let labels = (!self.labels.is_empty()).then(|| self.labels.clone().into_iter().collect());
        config.set_labels(labels);
        let ports: Vec<String> = self.exposed_ports.iter().cloned().collect();
        config.set_exposed_ports((!ports.is_empty()).then_some(ports));
        config.set_volumes((!self.volumes.is_empty()).then(|| self.volumes.clone()));
        config.set_stop_signal(self.stop_signal.clone());
        config
    }
}
