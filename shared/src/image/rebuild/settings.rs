//! What the configuration has and no line of the history sets: images of `commit`, squashed ones, and those whose tool
//! writes no history have their settings there alone.

use std::collections::{BTreeMap, BTreeSet};

use super::line::{Piece, Scope};
use super::{Confidence, Reason, write};
use crate::dockerfile::{Command, InstructionKind, Word, expand};
use crate::image::ConfigView;

/// The PATH that builders give to an image without one.
const DEFAULT_PATHS: [&str; 2] = [
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "/usr/local/bin:/usr/bin:/bin",
];

/// The label that buildah gives to each image by itself.
const BUILDAH_LABEL: &str = "io.buildah.version";

/// What the instructions so far set.
#[derive(Default)]
pub(super) struct Replay {
    env: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    /// Ports and volumes.
    listed: BTreeSet<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    user: Option<String>,
    working_dir: Option<String>,
    stop_signal: Option<String>,
}

impl Replay {
    /// Runs an instruction.
    pub(super) fn take(&mut self, piece: &Piece, scope: &Scope<'_>) {
        let name = piece.text.split(' ').next().unwrap_or_default();
        if piece.is_note || matches!(name, "RUN" | "COPY" | "ADD") {
            return;
        }
        let Some(read) = write::instruction(&piece.text, name) else {
            return;
        };
        match &read.kind {
            InstructionKind::Env(pairs) => {
                let values: Vec<_> = pairs.iter().map(|pair| self.pair(pair)).collect();
                self.env.extend(values);
            }
            InstructionKind::Label(pairs) => {
                let values: Vec<_> = pairs.iter().map(|pair| self.pair(pair)).collect();
                self.labels.extend(values);
            }
            InstructionKind::Expose(words) => {
                let ports = words.iter().map(|word| port(&self.value(word)));
                let ports: Vec<_> = ports.collect();
                self.listed.extend(ports);
            }
            InstructionKind::Cmd(command) => self.cmd = Some(words(command, scope)),
            InstructionKind::Entrypoint(command) => self.entrypoint = Some(words(command, scope)),
            InstructionKind::User(word) => self.user = Some(self.value(word)),
            InstructionKind::Workdir(word) => {
                let value = self.value(word);
                self.working_dir = Some(resolved(self.working_dir.as_deref(), &value));
            }
            _ if name == "STOPSIGNAL" => self.stop_signal = Some(read.text.trim().to_owned()),
            _ if name == "VOLUME" => {
                let list = super::printed::quoted_list(&read.text);
                let words = list
                    .unwrap_or_else(|| read.text.split_whitespace().map(str::to_owned).collect());
                self.listed.extend(words);
            }
            _ => {}
        }
    }

    fn value(&self, word: &Word) -> String {
        let lookup = |name: &str| self.env.get(name).cloned();
        expand(&word.text, '\\', &lookup).unwrap_or_else(|_| word.text.clone())
    }

    fn pair(&self, (name, value): &(Word, Word)) -> (String, String) {
        (self.value(name), self.value(value))
    }

    /// Instructions for what is missing.
    pub(super) fn missing(&self, config: &ConfigView) -> Vec<Piece> {
        let mut texts = Vec::new();
        let differs = |known: &BTreeMap<String, String>, name: &str, value: &str| {
            known.get(name).is_none_or(|set| set != value)
        };
        let pair = |name: &str, value: &str| [(name.to_owned(), value.to_owned())];
        let labels = config
            .labels
            .iter()
            .filter(|(name, _)| name != BUILDAH_LABEL);
        for (name, value) in labels {
            if differs(&self.labels, name, value) {
                texts.push(write::pairs("LABEL", &pair(name, value)));
            }
        }
        for line in &config.env {
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            let is_default = name == "PATH" && DEFAULT_PATHS.contains(&value);
            if differs(&self.env, name, value) && !is_default {
                texts.push(write::pairs("ENV", &pair(name, value)));
            }
        }
        let one = |name: &str, value: &str| {
            let text = format!("{name} {}", write::literal(value));
            write::is_instruction(&text, name).then_some(text)
        };
        let ports = config.exposed_ports.iter().map(|name| port(name));
        let ports = ports.filter(|port| !self.listed.contains(port));
        texts.extend(ports.map(|port| one("EXPOSE", &port)));
        let volumes = config
            .volumes
            .iter()
            .filter(|path| !self.listed.contains(*path));
        texts.extend(volumes.map(|path| write::exec("VOLUME", &[path])));
        let is_new = |set: &Option<String>, given: &Option<String>, default: &str| {
            given
                .clone()
                .filter(|given| set.as_deref().unwrap_or(default) != given)
        };
        let workdir = is_new(&self.working_dir, &config.working_dir, "/");
        texts.extend(workdir.map(|path| one("WORKDIR", &path)));
        let user = is_new(&self.user, &config.user, "");
        texts.extend(user.map(|user| one("USER", &user)));
        let signal = is_new(&self.stop_signal, &config.stop_signal, "");
        texts.extend(signal.map(|signal| one("STOPSIGNAL", &signal)));
        for (name, set, given) in [
            ("ENTRYPOINT", &self.entrypoint, &config.entrypoint),
            ("CMD", &self.cmd, &config.cmd),
        ] {
            if !given.is_empty() && set.as_ref() != Some(given) {
                let words: Vec<&str> = given.iter().map(String::as_str).collect();
                texts.push(write::exec(name, &words));
            }
        }
        let piece = |text| Piece::new(text, Confidence::Likely, Reason::FromConfig);
        texts.into_iter().flatten().map(piece).collect()
    }
}

/// The words that a container starts with.
fn words(command: &Command, scope: &Scope<'_>) -> Vec<String> {
    match command {
        Command::Exec(words) => words.clone(),
        Command::Shell(line) => scope.shell.iter().cloned().chain([line.clone()]).collect(),
    }
}

/// A port with its protocol.
pub(super) fn port(text: &str) -> String {
    match text.contains('/') {
        true => text.to_owned(),
        false => format!("{text}/tcp"),
    }
}

/// A path of WORKDIR, which may be relative to the one before.
pub(super) fn resolved(before: Option<&str>, path: &str) -> String {
    let whole = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("{}/{path}", before.unwrap_or("/")),
    };
    format!("/{}", crate::image::normalise(whole.as_bytes()).path)
}
