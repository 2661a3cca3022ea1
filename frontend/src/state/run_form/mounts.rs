//! The mounts that are asked for: rows of what is mounted, and where.

use estiva_shared::protocol::Mount;

use super::Problem;
use crate::state::forms::parse_memory;
use crate::state::rows::{Row, Rows};

/// What is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MountKind {
    /// A volume of the store.
    #[default]
    Volume,
    /// A file or folder of the host.
    Bind,
    /// A folder in memory.
    Tmpfs,
}

impl MountKind {
    /// All of them, in the order in which they are offered.
    pub const ALL: [MountKind; 3] = [MountKind::Volume, MountKind::Bind, MountKind::Tmpfs];

    /// The word for `--mount type=…`.
    pub fn word(self) -> &'static str {
        match self {
            MountKind::Volume => "volume",
            MountKind::Bind => "bind",
            MountKind::Tmpfs => "tmpfs",
        }
    }

    /// The kind of a word; the first where it is none.
    pub fn of_word(word: &str) -> MountKind {
        let found = MountKind::ALL.into_iter().find(|kind| kind.word() == word);
        found.unwrap_or_default()
    }
}

/// One mount, as typed. What was typed for another kind is kept, in case one comes back to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountRow {
    /// What is mounted.
    pub kind: MountKind,
    /// The path on the host of a bind mount.
    pub source: String,
    /// The name of a volume; one is made up where empty.
    pub volume: String,
    /// The most that a folder in memory may hold; half of the host's memory where empty.
    pub size: String,
    /// The path in the container.
    pub target: String,
    /// The container may only read it.
    pub read_only: bool,
}

/// What is wrong with a row, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountProblems {
    /// With the source: the host's path, the volume's name, or the size, whichever the kind has.
    pub source: Option<Problem>,
    /// With the path in the container.
    pub target: Option<Problem>,
}

impl MountProblems {
    /// The first one.
    pub fn first(self) -> Option<Problem> {
        self.source.or(self.target)
    }
}

impl MountRow {
    /// The text of the field that the kind has beside the target.
    pub fn source_text(&self) -> &str {
        match self.kind {
            MountKind::Bind => &self.source,
            MountKind::Volume => &self.volume,
            MountKind::Tmpfs => &self.size,
        }
    }

    /// Writes into that field.
    pub fn set_source(&mut self, text: String) {
        match self.kind {
            MountKind::Bind => self.source = text,
            MountKind::Volume => self.volume = text,
            MountKind::Tmpfs => self.size = text,
        }
    }

    /// Nothing was typed in it.
    pub fn is_empty(&self) -> bool {
        self.source_text().trim().is_empty() && self.target.trim().is_empty()
    }

    fn source_problem(&self) -> Option<Problem> {
        let text = self.source_text().trim();
        match self.kind {
            MountKind::Bind if text.is_empty() => Some(Problem::SourceMissing),
            MountKind::Bind => (!is_absolute(text)).then(|| Problem::Path(text.to_owned())),
            MountKind::Volume => (!text.is_empty() && !is_volume_name(text))
                .then(|| Problem::Volume(text.to_owned())),
            MountKind::Tmpfs => parse_memory(text).err(),
        }
    }

    fn target_problem(&self) -> Option<Problem> {
        let text = self.target.trim();
        if text.is_empty() {
            return Some(Problem::TargetMissing);
        }
        let is_root = text.bytes().all(|byte| byte == b'/');
        (!is_absolute(text) || is_root).then(|| Problem::Target(text.to_owned()))
    }

    fn request(&self) -> Result<Mount, Problem> {
        let text = self.source_text().trim().to_owned();
        let (target, read_only) = (self.target.trim().to_owned(), self.read_only);
        Ok(match self.kind {
            MountKind::Bind => Mount::Bind {
                source: text,
                target,
                read_only,
                // A mistyped path is told rather than made.
                create_source: false,
            },
            MountKind::Volume => Mount::Volume {
                name: (!text.is_empty()).then_some(text),
                target,
                read_only,
            },
            MountKind::Tmpfs => Mount::Tmpfs {
                target,
                size_bytes: parse_memory(&text)?,
                mode: None,
                uid: None,
                gid: None,
                read_only,
                exec: false,
            },
        })
    }
}

/// What is wrong with a row beside the others.
pub fn problems(rows: &Rows<MountRow>, row: &Row<MountRow>) -> MountProblems {
    if row.value.is_empty() {
        return MountProblems::default();
    }
    let place = |row: &MountRow| row.target.trim().trim_end_matches('/').to_owned();
    let is_twice = rows
        .iter()
        .take_while(|other| other.id != row.id)
        .any(|other| place(&other.value) == place(&row.value));
    MountProblems {
        source: row.value.source_problem(),
        target: row
            .value
            .target_problem()
            .or_else(|| is_twice.then(|| Problem::TargetTwice(row.value.target.trim().to_owned()))),
    }
}

/// The mounts to ask for; rows in which nothing was typed are passed over.
///
/// # Errors
/// The first that can't be read.
pub(super) fn requests(rows: &Rows<MountRow>) -> Result<Vec<Mount>, Problem> {
    rows.iter()
        .filter(|row| !row.value.is_empty())
        .map(|row| match problems(rows, row).first() {
            Some(problem) => Err(problem),
            None => row.value.request(),
        })
        .collect()
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/') && !path.contains('\0') && !path.split('/').any(|part| part == "..")
}

/// Docker's rule: a letter or digit, then letters, digits, `_`, `.` and `-`.
fn is_volume_name(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    name.bytes().all(is_word)
        && name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: MountKind, source: &str, target: &str) -> MountRow {
        let mut row = MountRow {
            kind,
            target: target.into(),
            ..MountRow::default()
        };
        row.set_source(source.into());
        row
    }

    fn one(row: MountRow) -> Result<Vec<Mount>, Problem> {
        let mut rows = Rows::default();
        rows.add(row);
        requests(&rows)
    }

    #[test]
    fn each_kind_asks_for_its_own_mount() {
        let bind = Mount::Bind {
            source: "/srv".into(),
            target: "/data".into(),
            read_only: false,
            create_source: false,
        };
        assert_eq!(one(row(MountKind::Bind, "/srv ", "/data")), Ok(vec![bind]));
        let volume = |name: Option<&str>| Mount::Volume {
            name: name.map(Into::into),
            target: "/data".into(),
            read_only: false,
        };
        let named = one(row(MountKind::Volume, "db", "/data"));
        assert_eq!(named, Ok(vec![volume(Some("db"))]));
        let nameless = one(row(MountKind::Volume, "", "/data"));
        assert_eq!(nameless, Ok(vec![volume(None)]));
        let memory = Mount::Tmpfs {
            target: "/tmp".into(),
            size_bytes: Some(64 << 20),
            mode: None,
            uid: None,
            gid: None,
            read_only: false,
            exec: false,
        };
        assert_eq!(one(row(MountKind::Tmpfs, "64m", "/tmp")), Ok(vec![memory]));
    }

    #[test]
    fn a_source_of_the_host_and_a_target_are_absolute_paths() {
        let refused = [
            (MountKind::Bind, "srv", "/data", Problem::Path("srv".into())),
            (
                MountKind::Bind,
                "/a/../b",
                "/data",
                Problem::Path("/a/../b".into()),
            ),
            (MountKind::Bind, "", "/data", Problem::SourceMissing),
            (MountKind::Bind, "/srv", "", Problem::TargetMissing),
            (
                MountKind::Bind,
                "/srv",
                "data",
                Problem::Target("data".into()),
            ),
            (MountKind::Volume, "db", "/", Problem::Target("/".into())),
            (
                MountKind::Volume,
                "/db",
                "/data",
                Problem::Volume("/db".into()),
            ),
            (
                MountKind::Volume,
                "-db",
                "/data",
                Problem::Volume("-db".into()),
            ),
            (
                MountKind::Tmpfs,
                "much",
                "/tmp",
                Problem::Memory("much".into()),
            ),
        ];
        for (kind, source, target, problem) in refused {
            assert_eq!(one(row(kind, source, target)), Err(problem));
        }
    }

    #[test]
    fn a_target_belongs_to_one_row() {
        let mut rows = Rows::default();
        rows.add(row(MountKind::Volume, "a", "/data"));
        rows.add(row(MountKind::Volume, "b", "/data/"));
        assert_eq!(requests(&rows), Err(Problem::TargetTwice("/data/".into())));
    }

    #[test]
    fn what_was_typed_for_another_kind_is_kept() {
        let mut typed = row(MountKind::Bind, "/srv", "/data");
        typed.kind = MountKind::Volume;
        assert_eq!(typed.source_text(), "");
        typed.kind = MountKind::Bind;
        assert_eq!(typed.source_text(), "/srv");
        for kind in MountKind::ALL {
            assert_eq!(MountKind::of_word(kind.word()), kind);
        }
    }
}
