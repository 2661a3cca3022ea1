//! What of the configuration the history's own text tells: the ports, the user and the folder that it starts with.
//!
//! The configuration holds them expanded, and a variable in them may have been a build argument, whose value no history
//! records. So the configuration's value shows only where the history's text, its variables filled in from the
//! configuration's environment alone, comes to the same; else `…` stands in its place. The names of a folder that can't be
//! explained like this are masked in the report's paths too.

use std::collections::{BTreeMap, BTreeSet};

use super::redact::{GONE, is_name, is_port, port_words, split};
use crate::dockerfile::expand;
use crate::image::ImageView;

/// Longest text and longest value that are looked at, in bytes: names of users and folders are shorter, and a hostile
/// history of a thousand lines stays cheap.
const SETTING_BYTES_MAX: usize = 1024;

/// Most different ports and ranges of ports that are remembered; what is beyond them is not shown.
const PORT_RANGES_MAX: usize = 1000;

/// The configuration's texts as they may be looked at further.
pub(super) struct Settings {
    user: Option<String>,
    working_dir: Option<String>,
    exposed_ports: Vec<String>,
    /// Names of folders, and the user, that come of a variable whose value is not known.
    secrets: BTreeSet<String>,
}

impl Settings {
    /// Compares the configuration with the history.
    pub(super) fn new(image: &ImageView) -> Self {
        let config = &image.config;
        let mut told = Told {
            env: config
                .env
                .iter()
                .filter_map(|line| line.split_once('='))
                .collect(),
            ..Told::default()
        };
        for line in &image.history {
            let line = split(&line.created_by);
            match line.name.as_str() {
                "USER" => told.user = told.expanded(line.rest),
                "WORKDIR" => told.add_folder(line.rest),
                "EXPOSE" => told.add_ports(line.rest),
                _ => {}
            }
        }
        let mut secrets = BTreeSet::new();
        let user = config.user.as_deref();
        let user_is_told = told.user.as_deref() == user;
        let working_dir = config.working_dir.as_deref();
        let folder_is_told = told.folder.as_deref().map(clean) == working_dir.map(clean);
        if !folder_is_told && told.has_unknown_folders {
            let names = names_of(working_dir.unwrap_or_default());
            secrets.extend(
                names
                    .filter(|name| !told.folder_names.contains(*name))
                    .map(str::to_owned),
            );
        }
        let shown = |value: Option<&str>, is_told: bool| {
            value.map(|value| if is_told { value } else { GONE }.to_owned())
        };
        Self {
            user: shown(user, user_is_told),
            working_dir: shown(working_dir, folder_is_told),
            exposed_ports: told.shown_ports(&config.exposed_ports),
            secrets,
        }
    }

    /// The user, or `…`; known values are not yet taken out.
    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The folder, or `…`; known values are not yet taken out.
    pub(super) fn working_dir(&self) -> Option<&str> {
        self.working_dir.as_deref()
    }

    /// The ports that an EXPOSE names, and one `…` for all others.
    pub(super) fn exposed_ports(&self) -> Vec<String> {
        self.exposed_ports.clone()
    }

    /// What must be taken out of other texts.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }

    /// A path with every name masked that is such a secret.
    pub(super) fn path(&self, path: &str) -> String {
        if self.secrets.is_empty() {
            return path.to_owned();
        }
        let names = path.split('/').map(|name| {
            if self.secrets.contains(name) {
                GONE
            } else {
                name
            }
        });
        names.collect::<Vec<_>>().join("/")
    }
}

/// What the history tells, line by line.
#[derive(Default)]
struct Told<'a> {
    /// The configuration's environment.
    env: BTreeMap<&'a str, &'a str>,
    user: Option<String>,
    /// The folder so far; none before the first WORKDIR, and after one with a variable that is not known.
    folder: Option<String>,
    /// Some WORKDIR had a variable that is not known.
    has_unknown_folders: bool,
    /// All names of folders whose text is known.
    folder_names: BTreeSet<String>,
    /// First and last port, and the protocol.
    ports: BTreeSet<(u16, u16, &'a str)>,
}

impl<'a> Told<'a> {
    /// A text with quotes removed and variables filled in; none where one of them is not of the environment, or more is
    /// asked than a value.
    fn expanded(&self, text: &str) -> Option<String> {
        let asks_more = text
            .split("${")
            .skip(1)
            .any(|after| after.split_once('}').is_none_or(|(name, _)| !is_name(name)));
        if asks_more || text.len() > SETTING_BYTES_MAX {
            return None;
        }
        let is_unknown = std::cell::Cell::new(false);
        let value_of = |name: &str| {
            let value = self
                .env
                .get(name)
                .filter(|value| value.len() <= SETTING_BYTES_MAX);
            is_unknown.set(is_unknown.get() || value.is_none());
            value.map(|value| (*value).to_owned())
        };
        let expanded = expand(text.trim(), '\\', &value_of).ok()?;
        (!is_unknown.get()).then_some(expanded)
    }

    /// A WORKDIR: a relative one goes on from the folder before it, from the root where there is none.
    fn add_folder(&mut self, text: &str) {
        let names: Vec<_> = text
            .split('/')
            .filter_map(|name| self.expanded(name))
            .collect();
        for name in &names {
            self.folder_names.extend(names_of(name).map(str::to_owned));
        }
        let is_first = self.folder.is_none() && !self.has_unknown_folders;
        match self.expanded(text) {
            Some(folder) if folder.starts_with('/') || is_first => self.folder = Some(folder),
            Some(folder) => {
                self.folder = self
                    .folder
                    .as_ref()
                    .map(|before| format!("{before}/{folder}"));
            }
            None => {
                self.folder = None;
                self.has_unknown_folders = true;
            }
        }
    }

    /// An EXPOSE; what is no port, or a port through a variable, is left out.
    fn add_ports(&mut self, text: &'a str) {
        let ranges = port_words(text).filter(|word| is_port(word));
        for range in ranges.filter_map(port_range) {
            if self.ports.len() < PORT_RANGES_MAX {
                self.ports.insert(range);
            }
        }
    }

    fn shown_ports(&self, ports: &[String]) -> Vec<String> {
        let is_told = |port: &&String| {
            port_range(port).is_some_and(|(port, last, protocol)| {
                self.ports.iter().any(|(low, high, told)| {
                    (*low..=*high).contains(&port) && last <= *high && *told == protocol
                })
            })
        };
        let mut shown: Vec<_> = ports.iter().filter(is_told).cloned().collect();
        if shown.len() < ports.len() {
            shown.push(GONE.to_owned());
        }
        shown
    }
}

/// `PORT[-PORT][/PROTOCOL]`, TCP where nothing else is said.
fn port_range(word: &str) -> Option<(u16, u16, &str)> {
    let (range, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    Some((first.parse().ok()?, last.parse().ok()?, protocol))
}

/// A folder in one spelling.
fn clean(folder: &str) -> Vec<&str> {
    names_of(folder).collect()
}

/// The names that a path is made of.
fn names_of(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter(|name| !name.is_empty() && *name != ".")
}
