//! The cache's key: one digest that says all that a step's result depends on.
//!
//! Pure. A step whose key was seen before is not done again: its layer is taken. The inputs of a key are, in this
//! order, each with its length so that no two inputs read alike:
//!
//! - [`KEY_VERSION`];
//! - the parent: the chain ID of the layers below, which says every byte, mode, owner and time in them. What made
//!   them doesn't count: a step that is done again with the same result leaves the steps after it in the cache;
//! - the kind of the instruction, and for
//!   - **RUN**: the program's words; its environment (ENV, and ARG where declared), sorted; user, folder; the network by
//!     its kind (an option that is left out is the bridge), not by its addresses. Not the proxy settings;
//!   - **COPY**: the destination, whether it was written as a folder, `--chown` and `--chmod` as expanded; and of each
//!     source its name and every entry in it: path, kind, mode, the digest of its content, where a link leads, which
//!     entry it is another name of (a hard link), and (from a stage) owner and extended attributes. Not the times, so that a fresh clone of the same files hits;
//!   - **WORKDIR**: the path and the user that would own it;
//!   - **FROM**, and what changes the configuration only: its expanded words.
//!
//! `docs/build.md` says the same for users.

use std::collections::HashMap;

use estiva_shared::image::{ChainId, DiffId, Digest};
use estiva_shared::protocol::NetworkMode;
use sha2::{Digest as _, Sha256};

use crate::plan::{Action, CopyFrom, CopyStep, RunStep};
use crate::tree::{Content, Entry, Source};

/// Counts up when the same inputs come to mean another result, so that older entries are not found any more.
const KEY_VERSION: u64 = 2;

/// The key of a step on top of `parents`. `sources` are those that a COPY takes, and empty for any other step.
pub(crate) fn key(parents: &[DiffId], action: &Action, sources: &[Source]) -> Digest {
    let mut key = Key(Sha256::new());
    key.number(KEY_VERSION);
    key.text(
        &ChainId::of(parents)
            .map(|chain| chain.to_string())
            .unwrap_or_default(),
    );
    match action {
        Action::From(words) => key.list("from", words),
        Action::Configure(words) => key.list("configure", words),
        Action::Workdir(step) => key.list("workdir", [&step.path, &step.user]),
        Action::Run(step) => run(&mut key, step),
        Action::Copy(step) => copy(&mut key, step, sources),
    }
    key.finish()
}

fn run(key: &mut Key, step: &RunStep) {
    key.list("run", &step.args);
    let mut env: Vec<String> = step
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    env.sort();
    key.list("env", &env);
    let network = match step.network {
        NetworkMode::None => "none",
        NetworkMode::Bridge => "bridge",
        NetworkMode::Host => "host",
    };
    key.list("as", [step.user.as_str(), step.workdir.as_str(), network]);
}

fn copy(key: &mut Key, step: &CopyStep, sources: &[Source]) {
    let stage = step.from != CopyFrom::Context;
    let folder = if step.into_folder { "folder" } else { "" };
    let chmod = step
        .chmod
        .map(|mode| format!("{mode:o}"))
        .unwrap_or_default();
    let chown = step.chown.clone().unwrap_or_default();
    key.list("copy", [step.destination.as_str(), folder, &chown, &chmod]);
    key.number(sources.len() as u64);
    for source in sources {
        // A folder's own name and mode don't arrive anywhere.
        let name = if source.is_folder() {
            b""
        } else {
            source.name.as_encoded_bytes()
        };
        key.bytes(name);
        key.number(source.entries.len() as u64);
        // The first name of each file that has several: the later ones become hard links to it.
        let mut first_names: HashMap<(u64, u64), usize> = HashMap::new();
        for (index, entry) in source.entries.iter().enumerate() {
            let is_folder_itself = source.is_folder() && entry.path.as_os_str().is_empty();
            if !is_folder_itself {
                add_entry(key, entry, stage);
            }
            // Its own place, where it is no further name: a number, so that nothing else reads like it.
            let first = entry
                .shared_with
                .map_or(index, |file| *first_names.entry(file).or_insert(index));
            key.number(first as u64);
        }
    }
}

fn add_entry(key: &mut Key, entry: &Entry, stage: bool) {
    key.bytes(entry.path.as_os_str().as_encoded_bytes());
    match &entry.content {
        Content::File { digest, .. } => key.list("file", [digest.hex()]),
        Content::Folder => key.text("folder"),
        Content::Link(target) => {
            key.text("link");
            key.bytes(target.as_encoded_bytes());
        }
        Content::Fifo => key.text("fifo"),
        Content::Device(kind, number) => {
            key.text(&format!("{kind:?}"));
            key.number(*number);
        }
    }
    // The bits of a link mean nothing.
    key.number(if matches!(entry.content, Content::Link(_)) {
        0
    } else {
        entry.mode.into()
    });
    if stage {
        key.number(entry.owner.0.into());
        key.number(entry.owner.1.into());
        key.number(entry.xattrs.len() as u64);
        for (name, value) in &entry.xattrs {
            key.bytes(name.as_encoded_bytes());
            key.bytes(value);
        }
    }
}

/// A digest over fields, each with its length.
struct Key(Sha256);

impl Key {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn list<T: AsRef<str>>(&mut self, name: &str, words: impl IntoIterator<Item = T>) {
        self.text(name);
        let words: Vec<T> = words.into_iter().collect();
        self.number(words.len() as u64);
        for word in words {
            self.text(word.as_ref());
        }
    }

    fn finish(self) -> Digest {
        let bytes: [u8; 32] = self.0.finalize().into();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Digest::from_hex(&hex).expect("32 bytes make 64 digits")
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn run_step(change: impl FnOnce(&mut RunStep)) -> Digest {
        let mut step = RunStep {
            args: vec!["/bin/sh".into(), "-c".into(), "echo hi".into()],
            env: vec![("A".into(), "1".into()), ("B".into(), "2".into())],
            proxy_env: Vec::new(),
            user: String::new(),
            workdir: "/".into(),
            network: NetworkMode::None,
        };
        change(&mut step);
        key(&[], &Action::Run(step), &[])
    }

    #[test]
    fn a_run_depends_on_words_environment_user_folder_and_network() {
        let plain = run_step(|_| {});
        assert_eq!(plain, run_step(|_| {}));
        let changes: [fn(&mut RunStep); 6] = [
            |step| step.args[2].push('!'),
            |step| step.args = vec!["/bin/sh".into(), "-cecho hi".into()],
            |step| step.env[1].1 = "3".into(),
            |step| step.user = "1000".into(),
            |step| step.workdir = "/app".into(),
            |step| step.network = NetworkMode::Host,
        ];
        for (index, change) in changes.into_iter().enumerate() {
            assert_ne!(plain, run_step(change), "change {index}");
        }
    }

    #[test]
    fn a_run_does_not_depend_on_the_order_of_variables_nor_on_proxies() {
        let plain = run_step(|_| {});
        assert_eq!(plain, run_step(|step| step.env.reverse()));
        assert_eq!(
            plain,
            run_step(|step| step.proxy_env = vec![("HTTP_PROXY".into(), "x".into())])
        );
    }

    #[test]
    fn the_layers_below_count() {
        let action = Action::Configure(vec!["ENV".into()]);
        let layer = |text: &[u8]| DiffId::new(Digest::of(text));
        let keys = [
            key(&[], &action, &[]),
            key(&[layer(b"a")], &action, &[]),
            key(&[layer(b"a"), layer(b"b")], &action, &[]),
            key(&[layer(b"b"), layer(b"a")], &action, &[]),
        ];
        for (index, one) in keys.iter().enumerate() {
            assert!(keys[..index].iter().all(|other| other != one), "{index}");
        }
    }

    fn copy_step(from: CopyFrom, change: impl FnOnce(&mut Source)) -> Digest {
        let file = Content::File {
            size: 1,
            digest: Digest::of(b"x"),
        };
        let mut source = Source {
            name: "f".into(),
            entries: vec![Entry {
                path: PathBuf::new(),
                at: PathBuf::from("dir/f"),
                content: file,
                mode: 0o644,
                owner: (0, 0),
                mtime: (1, 2),
                shared_with: None,
                xattrs: Vec::new(),
            }],
        };
        change(&mut source);
        let step = CopyStep {
            from,
            sources: vec!["dir/f".into()],
            destination: "/app".into(),
            into_folder: true,
            chown: None,
            chmod: None,
        };
        key(&[], &Action::Copy(step), &[source])
    }

    #[test]
    fn a_copy_depends_on_names_content_and_modes_but_not_on_times_nor_on_where_the_file_lay() {
        let plain = copy_step(CopyFrom::Context, |_| {});
        let same = copy_step(CopyFrom::Context, |source| {
            source.entries[0].mtime = (9, 9);
            source.entries[0].at = "elsewhere/f".into();
            source.entries[0].owner = (1000, 1000);
        });
        assert_eq!(plain, same);
        let changes: [fn(&mut Source); 4] = [
            |source| source.name = "g".into(),
            |source| source.entries[0].mode = 0o755,
            |source| source.entries[0].content = Content::Link("x".into()),
            |source| {
                source.entries[0].content = Content::File {
                    size: 1,
                    digest: Digest::of(b"y"),
                };
            },
        ];
        for (index, change) in changes.into_iter().enumerate() {
            assert_ne!(
                plain,
                copy_step(CopyFrom::Context, change),
                "change {index}"
            );
        }
    }

    /// Two equal files and two names of one file had the same key, so that the second build got the first one's layer.
    #[test]
    fn a_copy_depends_on_which_names_are_of_one_file() {
        let with_names = |shared: [Option<(u64, u64)>; 3]| {
            copy_step(CopyFrom::Context, |source| {
                let file = source.entries[0].clone();
                source.entries[0].content = Content::Folder;
                for (name, shared_with) in ["a", "b", "c"].into_iter().zip(shared) {
                    source.entries.push(Entry {
                        path: name.into(),
                        shared_with,
                        ..file.clone()
                    });
                }
            })
        };
        let (one, other) = (Some((1, 7)), Some((1, 8)));
        let keys = [
            with_names([None, None, None]),
            with_names([one, one, None]),
            with_names([None, one, one]),
            with_names([one, one, one]),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(keys[..index].iter().all(|known| known != key), "{index}");
        }
        // The number of a file is its file system's matter, and its further names may lie elsewhere.
        assert_eq!(with_names([other, other, one]), keys[1]);
    }

    #[test]
    fn a_copy_from_a_stage_depends_on_owners_too() {
        let plain = copy_step(CopyFrom::Stage(0), |_| {});
        let owned = copy_step(CopyFrom::Stage(0), |source| {
            source.entries[0].owner = (1, 1)
        });
        assert_ne!(plain, owned);
    }
}
