//! Decides, entry by entry as a layer streams by, which contents are looked at, and turns them into facts at the entry's end.
//!
//! **Invariant:** of one entry at most [`DATABASE_BYTES_MAX`] are kept at a time, of a layer at most the sums below are looked
//! at, and a content is forgotten once its facts are made.

use super::capability;
use super::facts::{Fact, LayerFacts, UserFact, field};
use super::packages::{self, Found, Program};
use super::secrets;
use super::{Distribution, UnreadReason};
use crate::image::path::parent;
use crate::image::{TarEntry, TarKind};

/// Longest database of packages that is read: dpkg's of 3,000 packages has 4 MB, apk's of 500 has 3 MB.
const DATABASE_BYTES_MAX: u64 = 16 << 20;

/// Longest list of one package's files: those of the largest Debian and Python packages have 2 MB.
const LIST_BYTES_MAX: u64 = 8 << 20;

/// Longest `package.json`, `etc/passwd` or other small document.
const DOCUMENT_BYTES_MAX: u64 = 1 << 20;

/// What is read of a Python distribution's metadata: its fields stand before its text.
const METADATA_BYTES: usize = 64 << 10;

/// What is searched of a file that may hold a secret.
const SECRET_BYTES: usize = 64 << 10;

/// Bytes of documents that are read of one layer: 50,000 of `package.json`.
const READ_BYTES_MAX: u64 = 256 << 20;

/// Bytes that are searched for secrets in one layer.
const SEARCHED_BYTES_MAX: u64 = 256 << 20;

/// How often something in the programs of one layer is inflated to see what it is, some microseconds each.
const PROBES_MAX: u32 = 50_000;

/// Bytes that decide whether a file is an ELF program.
const MAGIC_BYTES: usize = 4;

/// Most characters of a name in `etc/passwd` (useradd(8) allows 256), and most users that are kept.
const USERS_MAX: usize = 10_000;

/// Zeros of a sparse file that are always gone through.
const SPARSE_BYTES: u64 = 64 << 10;

/// Where rpm keeps its database, by its three forms.
const RPM_DATABASES: [&str; 3] = ["Packages", "Packages.db", "rpmdb.sqlite"];

/// Gathers the facts of one layer.
pub(in crate::image) struct Gatherer {
    facts: LayerFacts,
    read_left: u64,
    search_left: u64,
    probes: u32,
}

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Document {
    DpkgStatus,
    DpkgList,
    DpkgSums,
    Apk,
    Npm,
    PypiMetadata,
    PypiRecord,
    Passwd,
    Release,
}

impl Document {
    /// Most bytes of it; whether more are passed over, or make it one that is not read.
    fn limit(self) -> (u64, bool) {
        match self {
            Self::DpkgStatus | Self::Apk => (DATABASE_BYTES_MAX, false),
            Self::DpkgList | Self::DpkgSums | Self::PypiRecord => (LIST_BYTES_MAX, false),
            Self::Npm | Self::Passwd | Self::Release => (DOCUMENT_BYTES_MAX, false),
            Self::PypiMetadata => (METADATA_BYTES as u64, true),
        }
    }
}

/// An entry's content on its way.
pub(in crate::image) struct Reading {
    task: Task,
    kept: Vec<u8>,
}

enum Task {
    Document(Document),
    /// Its first bytes decide what it is.
    Begin {
        is_program: bool,
        is_searched: bool,
    },
    Program(Box<Program>),
    Search,
    /// Nothing more is wanted.
    Done,
}

impl Gatherer {
    pub(in crate::image) fn new() -> Self {
        Self {
            facts: LayerFacts::default(),
            read_left: READ_BYTES_MAX,
            search_left: SEARCHED_BYTES_MAX,
            probes: PROBES_MAX,
        }
    }

    /// What the facts take so far, in bytes.
    pub(in crate::image) fn bytes(&self) -> usize {
        self.facts.bytes()
    }

    /// The facts.
    pub(in crate::image) fn into_facts(self) -> LayerFacts {
        self.facts
    }

    /// Looks at an entry before its content comes; none where the content is not wanted. Facts may take `room` more bytes.
    pub(in crate::image) fn begin(
        &mut self,
        path: &str,
        entry: &TarEntry,
        room: usize,
    ) -> Option<Reading> {
        if entry.kind != TarKind::File {
            return None;
        }
        let attribute = entry
            .xattrs
            .iter()
            .find(|(name, _)| name == capability::ATTRIBUTE);
        if let Some(text) = attribute.and_then(|(_, value)| capability::decode(value)) {
            self.facts.add(path, Fact::Capabilities(text.into()), room);
        }
        // What is left out of a sparse file is gone through, too, where it is not much more than what is there.
        if entry.apparent_size() > entry.size.saturating_mul(2).saturating_add(SPARSE_BYTES) {
            return None;
        }
        if let Some(document) = document(path) {
            return self.begin_document(document, path, entry, room);
        }
        if is_rpm_database(path) {
            self.facts
                .add(path, Fact::Unread(UnreadReason::RpmDatabase), room);
            return None;
        }
        let is_program = entry.mode & 0o111 != 0;
        let is_searched = entry.size > 0 && (secrets::is_searched(path) || secrets::is_named(path));
        let task = match (is_program, is_searched) {
            (false, false) => return None,
            (false, true) => self.search(entry.apparent_size())?,
            (true, _) => Task::Begin {
                is_program,
                is_searched,
            },
        };
        Some(Reading {
            task,
            kept: Vec::new(),
        })
    }

    fn begin_document(
        &mut self,
        document: Document,
        path: &str,
        entry: &TarEntry,
        room: usize,
    ) -> Option<Reading> {
        let (limit, may_be_longer) = document.limit();
        if entry.apparent_size() > limit && !may_be_longer {
            self.facts
                .add(path, Fact::Unread(UnreadReason::TooLong), room);
            return None;
        }
        let Some(left) = self.read_left.checked_sub(entry.apparent_size().min(limit)) else {
            self.facts.left_out += 1;
            return None;
        };
        self.read_left = left;
        let task = Task::Document(document);
        Some(Reading {
            task,
            kept: Vec::new(),
        })
    }

    /// Begins a search, where the layer may have one more.
    fn search(&mut self, size: u64) -> Option<Task> {
        let bytes = size.min(SECRET_BYTES as u64);
        match self.search_left.checked_sub(bytes) {
            Some(left) => {
                self.search_left = left;
                Some(Task::Search)
            }
            None => {
                self.facts.left_out += 1;
                None
            }
        }
    }

    /// Takes a piece of the content.
    pub(in crate::image) fn feed(&mut self, reading: &mut Reading, piece: &[u8]) {
        match &mut reading.task {
            Task::Done => {}
            Task::Program(program) => program.feed(piece, &mut self.probes),
            Task::Document(document) => keep(&mut reading.kept, piece, document.limit().0 as usize),
            Task::Search => keep(&mut reading.kept, piece, SECRET_BYTES),
            Task::Begin { is_searched, .. } => {
                // A piece is cut at the source's buffer, so the beginning may come in several.
                let kept = &mut reading.kept;
                let most = if *is_searched {
                    SECRET_BYTES
                } else {
                    packages::HEAD_BYTES
                };
                let before = kept.len();
                keep(kept, piece, most);
                if kept.len() < MAGIC_BYTES {
                    return;
                }
                if !kept.starts_with(b"\x7fELF") {
                    if !*is_searched {
                        reading.task = Task::Done;
                        reading.kept = Vec::new();
                    }
                } else if kept.len() >= packages::HEAD_BYTES {
                    let taken = kept.len() - before;
                    let head = std::mem::take(kept);
                    reading.task = self.program(&head);
                    if let Task::Program(program) = &mut reading.task {
                        program.feed(&piece[taken..], &mut self.probes);
                    }
                }
            }
        }
    }

    /// A program whose beginning is fed.
    fn program(&mut self, head: &[u8]) -> Task {
        match Program::begin(&head[..head.len().min(packages::HEAD_BYTES)]) {
            Some(mut program) => {
                program.feed(head, &mut self.probes);
                Task::Program(Box::new(program))
            }
            None => Task::Done,
        }
    }

    /// Makes an entry's facts of its content, which came to its end.
    pub(in crate::image) fn finish(&mut self, reading: Reading, path: &str, room: usize) {
        let Reading { task, kept } = reading;
        match task {
            Task::Done => {}
            Task::Document(document) => self.document(document, path, &kept, room),
            Task::Search => self.look_for_secrets(path, &kept, room),
            Task::Program(program) => self.end_program(*program, path, room),
            Task::Begin {
                is_program,
                is_searched,
            } => {
                if kept.starts_with(b"\x7fELF") {
                    if let (true, Task::Program(program)) = (is_program, self.program(&kept)) {
                        self.end_program(*program, path, room);
                    }
                } else if is_searched && self.search(kept.len() as u64).is_some() {
                    self.look_for_secrets(path, &kept, room);
                }
            }
        }
    }

    fn end_program(&mut self, program: Program, path: &str, room: usize) {
        match program.finish(&mut self.probes) {
            Some(Found::Packages(packages)) => self.facts.add(path, Fact::Packages(packages), room),
            Some(Found::Unread(reason)) => self.facts.add(path, Fact::Unread(reason), room),
            None => {}
        }
    }

    fn document(&mut self, document: Document, path: &str, bytes: &[u8], room: usize) {
        let fact = match document {
            Document::DpkgStatus => Some(Fact::Packages(packages::status(bytes))),
            Document::Apk => Some(Fact::Packages(packages::installed(bytes))),
            Document::DpkgList => Some(Fact::Owns(packages::dpkg_files(bytes))),
            Document::DpkgSums => Some(Fact::Owns(packages::md5sums(bytes))),
            Document::PypiRecord => Some(Fact::Owns(packages::record(bytes, parent(parent(path))))),
            Document::PypiMetadata => Some(match packages::metadata(bytes) {
                Some(package) => Fact::Packages(vec![package]),
                None => Fact::Unread(UnreadReason::Malformed),
            }),
            Document::Npm => match packages::package_json(bytes) {
                Ok(package) => package.map(|package| Fact::Packages(vec![package])),
                Err(_) => Some(Fact::Unread(UnreadReason::Malformed)),
            },
            Document::Passwd => Some(Fact::Users(users(bytes))),
            Document::Release => release(bytes).map(Fact::Release),
        };
        if let Some(fact) = fact {
            self.facts.add(path, fact, room);
        }
    }

    fn look_for_secrets(&mut self, path: &str, content: &[u8], room: usize) {
        let found = secrets::look_named(path, content).or_else(|| {
            let is_searched = secrets::is_searched(path);
            is_searched.then(|| secrets::find_token(content)).flatten()
        });
        if let Some((kind, excerpt)) = found {
            let excerpt = excerpt.into();
            self.facts.add(path, Fact::Secret { kind, excerpt }, room);
        }
    }
}

/// Adds to what is kept, up to so many bytes.
fn keep(kept: &mut Vec<u8>, piece: &[u8], most: usize) {
    let room = most.saturating_sub(kept.len());
    kept.extend_from_slice(&piece[..piece.len().min(room)]);
}

/// What a path's file is, where it is one that is read.
fn document(path: &str) -> Option<Document> {
    let (folder, name) = path.rsplit_once('/')?;
    match name {
        "status" if folder == "var/lib/dpkg" => Some(Document::DpkgStatus),
        "installed" if matches!(folder, "lib/apk/db" | "usr/lib/apk/db") => Some(Document::Apk),
        "passwd" if folder == "etc" => Some(Document::Passwd),
        "os-release" if matches!(folder, "etc" | "usr/lib") => Some(Document::Release),
        "package.json" if packages::is_installed_npm(path) != Some(false) => Some(Document::Npm),
        "METADATA" if folder.ends_with(".dist-info") => Some(Document::PypiMetadata),
        "PKG-INFO" if folder.ends_with(".egg-info") => Some(Document::PypiMetadata),
        "RECORD" if folder.ends_with(".dist-info") => Some(Document::PypiRecord),
        _ if folder == "var/lib/dpkg/info" && name.ends_with(".list") => Some(Document::DpkgList),
        _ if folder == "var/lib/dpkg/status.d" && name.ends_with(".md5sums") => {
            Some(Document::DpkgSums)
        }
        _ if folder == "var/lib/dpkg/status.d" => Some(Document::DpkgStatus),
        // The old form: one file in place of the folder.
        _ if name.ends_with(".egg-info") && folder.ends_with("-packages") => {
            Some(Document::PypiMetadata)
        }
        _ => None,
    }
}

fn is_rpm_database(path: &str) -> bool {
    let Some((folder, name)) = path.rsplit_once('/') else {
        return false;
    };
    matches!(
        folder,
        "var/lib/rpm" | "usr/lib/sysimage/rpm" | "usr/share/rpm"
    ) && RPM_DATABASES.contains(&name)
}

/// The users of `etc/passwd` (passwd(5)).
fn users(bytes: &[u8]) -> Vec<UserFact> {
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = field(fields.next()?)?;
        let uid = field(fields.nth(1)?)?.parse().ok()?;
        Some(UserFact {
            name: name.into(),
            uid,
        })
    });
    lines.take(USERS_MAX).collect()
}

/// The distribution of an `os-release` (os-release(5)).
fn release(bytes: &[u8]) -> Option<Distribution> {
    let value = |key: &[u8]| {
        let lines = bytes.split(|byte| *byte == b'\n');
        let mut values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(b"="));
        let value = field(values.next_back()?)?;
        let bare = value.trim_matches(['"', '\'']);
        (!bare.is_empty()).then(|| bare.to_owned())
    };
    let id = value(b"ID")?;
    let is_id = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    is_id.then(|| Distribution {
        version: value(b"VERSION_ID").unwrap_or_default(),
        name: value(b"PRETTY_NAME").unwrap_or_else(|| id.clone()),
        id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_package_managers_are_known_by_their_place() {
        for (path, expected) in [
            ("var/lib/dpkg/status", Some(Document::DpkgStatus)),
            ("var/lib/dpkg/status.d/base", Some(Document::DpkgStatus)),
            (
                "var/lib/dpkg/status.d/base.md5sums",
                Some(Document::DpkgSums),
            ),
            (
                "var/lib/dpkg/info/libc6:amd64.list",
                Some(Document::DpkgList),
            ),
            ("opt/var/lib/dpkg/status", None),
            ("usr/lib/apk/db/installed", Some(Document::Apk)),
            ("app/package.json", Some(Document::Npm)),
            ("app/node_modules/a/lib/package.json", None),
            ("x/a-1.dist-info/METADATA", Some(Document::PypiMetadata)),
            ("x/dist-packages/a-1.egg-info", Some(Document::PypiMetadata)),
            ("x/METADATA", None),
        ] {
            assert_eq!(document(path), expected, "{path}");
        }
    }

    #[test]
    fn users_and_distribution_are_read() {
        let found = users(b"root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/bash\nbroken\n\xff:x:1:\nbad:x:y:\n");
        let found: Vec<_> = found.iter().map(|user| (&*user.name, user.uid)).collect();
        assert_eq!(found, [("root", 0), ("node", 1000)]);
        let found = release(
            b"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n",
        )
        .unwrap();
        assert_eq!(
            (found.id.as_str(), found.version.as_str()),
            ("debian", "12")
        );
        assert_eq!(release(b"ID=\"a b\"\n"), None);
        assert_eq!(release(b"NAME=x\n"), None);
    }
}
