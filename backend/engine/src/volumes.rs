//! Volumes: folders of the store's world that outlive the containers they are mounted into.
//!
//! | Path below `ROOT/volumes` | What |
//! |---|---|
//! | `NAME/volume.json` | what is known of it, written once |
//! | `NAME/_data` | what containers see |
//! | `NAME/filling` | a copy of the image's files that is being made; renamed to `_data` when it is whole |
//! | `.new-…`, `.removing-…` | a volume that is being made or removed; swept when an engine opens |
//!
//! A volume comes and goes by one rename, and so does its first content: what a kill interrupts is never taken for done.
//!
//! **Invariant:** who uses a volume stands in the containers' records and nowhere else.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use estiva_shared::image::DiffId;
use estiva_store::Store;
use serde::{Deserialize, Serialize};

use crate::{
    ContainerId, EngineError,
    files::write_durably,
    folder::{exactly, remove_folder},
    id::random_hex,
    run::now_ms,
};

/// The longest name, in bytes: with a prefix of ours it must stay a file's name, and 128 is more than anyone types.
const NAME_BYTES_MAX: usize = 128;

/// Random bytes in the name of a volume that nobody named: Docker's number.
const RANDOM_BYTES: usize = 32;

/// How the name of a folder begins that is no volume yet, or no more.
const NEW_PREFIX: &str = ".new-";
const REMOVING_PREFIX: &str = ".removing-";

/// The largest `volume.json` read, in bytes: it has three short fields.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// A volume's name: 2 to 128 letters, digits, `_`, `.` and `-`, beginning with a letter or digit, as Docker has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct VolumeName(String);

impl VolumeName {
    /// One that nothing else has.
    ///
    /// # Errors
    /// Where the kernel has no random bytes.
    pub(crate) fn random() -> Result<Self, EngineError> {
        random_hex::<RANDOM_BYTES>()
            .map(Self)
            .map_err(|source| EngineError::Internal {
                reason: format!("no random bytes for a name: {source}"),
            })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VolumeName {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric();
        let is_good = (2..=NAME_BYTES_MAX).contains(&text.len())
            && text.bytes().next().is_some_and(is_letter)
            && text
                .bytes()
                .all(|byte| is_letter(byte) || matches!(byte, b'_' | b'.' | b'-'));
        if is_good {
            return Ok(Self(text.to_owned()));
        }
        Err(EngineError::BadVolumeName {
            name: text.to_owned(),
        })
    }
}

impl fmt::Display for VolumeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A volume of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) name: VolumeName,
    pub(crate) created_ms: u64,
    /// It was made up for a container that named none.
    pub(crate) anonymous: bool,
}

/// `volume.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    version: u32,
    created_ms: u64,
    #[serde(default)]
    anonymous: bool,
}

/// The containers whose volumes are ready, and that may have them mounted from now on.
pub(crate) type Prepared = HashSet<ContainerId>;

/// Held while something is done to one volume.
pub(crate) type VolumeLock = Arc<Mutex<()>>;

/// Takes a lock. Each deed under one is a rename, or a change of a map: a panic leaves nothing half done that counts.
pub(crate) fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All volumes of a world.
#[derive(Debug)]
pub(crate) struct Volumes {
    folder: PathBuf,
    /// One for each volume that somebody works on.
    locks: Mutex<HashMap<VolumeName, VolumeLock>>,
    prepared: Mutex<Prepared>,
}

impl Volumes {
    /// Those below this folder, which need not exist yet.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            locks: Mutex::default(),
            prepared: Mutex::default(),
        }
    }

    /// Makes the folder, and removes what a killed engine left half made or half removed.
    ///
    /// # Errors
    /// [`EngineError::File`].
    pub(crate) fn open(&self) -> Result<(), EngineError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(EngineError::file("create", &self.folder))?;
        for path in self.entries()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(NEW_PREFIX) || name.starts_with(REMOVING_PREFIX) {
                // What can't be removed now is no volume, and is tried again at the next opening.
                let _ = remove_folder(&path);
            }
        }
        Ok(())
    }

    /// What is held by whoever makes, fills or removes the volume: between the look at who uses it and the deed, nobody may
    /// begin to. Of several, they are taken in the order of their names.
    pub(crate) fn lock_of(&self, name: &VolumeName) -> VolumeLock {
        let mut locks = held(&self.locks);
        // Nobody else can get at one that is only in here.
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(name.clone()).or_default())
    }

    /// The containers whose volumes are ready.
    pub(crate) fn prepared(&self) -> MutexGuard<'_, Prepared> {
        held(&self.prepared)
    }

    /// All, by name.
    ///
    /// # Errors
    /// [`EngineError::File`] where the folder can't be read; a volume of which nothing can be read is in the list.
    pub(crate) fn list(&self) -> Result<Vec<Volume>, EngineError> {
        let mut volumes: Vec<Volume> = self
            .entries()?
            .iter()
            .filter_map(|path| path.file_name()?.to_str()?.parse().ok())
            .filter_map(|name: VolumeName| self.find(&name))
            .collect();
        volumes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(volumes)
    }

    /// The volume of this name, where there is one.
    pub(crate) fn find(&self, name: &VolumeName) -> Option<Volume> {
        let folder = self.of(name);
        if !folder.is_dir() {
            return None;
        }
        // One whose file is damaged is kept as if somebody had named it: it is removed by nobody but on purpose.
        let file = read(&folder.join("volume.json")).unwrap_or_default();
        Some(Volume {
            name: name.clone(),
            created_ms: file.created_ms,
            anonymous: file.anonymous,
        })
    }

    /// Where its content is.
    pub(crate) fn data(&self, name: &VolumeName) -> PathBuf {
        self.of(name).join("_data")
    }

    /// Makes it, where there is none of the name. Its lock is held.
    ///
    /// # Errors
    /// [`EngineError::File`].
    pub(crate) fn make(&self, name: &VolumeName, anonymous: bool) -> Result<(), EngineError> {
        let folder = self.of(name);
        if folder.is_dir() {
            return Ok(());
        }
        let new = self.folder.join(format!("{NEW_PREFIX}{name}"));
        remove_folder(&new)?;
        let create = |path: &Path, mode: u32| {
            DirBuilder::new()
                .mode(mode)
                .create(path)
                .and_then(|()| exactly(path, mode))
                .map_err(EngineError::file("create", path))
        };
        create(&new, 0o700)?;
        create(&new.join("_data"), 0o755)?;
        let file = File {
            version: 1,
            created_ms: now_ms(),
            anonymous,
        };
        let json = serde_json::to_vec(&file).map_err(|error| EngineError::Internal {
            reason: format!("volume.json can't be made: {error}"),
        })?;
        write_durably(&new.join("volume.json"), &json)?;
        fs::rename(&new, &folder).map_err(EngineError::file("rename", &new))?;
        fs::File::open(&self.folder)
            .and_then(|parent| parent.sync_all())
            .map_err(EngineError::file("sync", &self.folder))
    }

    /// Copies what the image has at `target` into an empty volume. One that holds something stays as it is. Its lock is
    /// held, and no container that runs uses it: the folder that they would have mounted becomes another.
    ///
    /// # Errors
    /// What of the image could not be copied; the volume is then as it was.
    pub(crate) fn fill(
        &self,
        name: &VolumeName,
        store: &Store,
        layers: &[DiffId],
        target: &Path,
    ) -> Result<(), EngineError> {
        let data = self.data(name);
        let mut entries = fs::read_dir(&data).map_err(EngineError::file("read", &data))?;
        if entries.next().is_some() {
            return Ok(());
        }
        let filling = self.of(name).join("filling");
        remove_folder(&filling)?;
        DirBuilder::new()
            .mode(0o755)
            .create(&filling)
            .map_err(EngineError::file("create", &filling))?;
        let copied = store
            .copy_folder_of(layers, target, &filling)
            .map_err(|error| EngineError::VolumeFill {
                volume: name.to_string(),
                target: target.display().to_string(),
                source: Box::new(error),
            });
        match copied {
            // Takes the place of the empty folder at once, and of no other (rename(2)).
            Ok(true) => fs::rename(&filling, &data).map_err(EngineError::file("rename", &filling)),
            Ok(false) => remove_folder(&filling),
            Err(error) => {
                // The first fault is the one to tell.
                let _ = remove_folder(&filling);
                Err(error)
            }
        }
    }

    /// Makes it no volume any more; answers what is left to be removed, without the lock, which takes its time. One that
    /// is gone is none. Its lock is held, and no container uses it.
    ///
    /// # Errors
    /// [`EngineError::File`].
    pub(crate) fn retire(&self, name: &VolumeName) -> Result<Option<PathBuf>, EngineError> {
        let folder = self.of(name);
        // A name of its own: another volume of this name may be made and removed before this one's files are gone.
        let random = random_hex::<8>().map_err(EngineError::file("remove", &folder))?;
        let retired = self
            .folder
            .join(format!("{REMOVING_PREFIX}{name}-{random}"));
        match fs::rename(&folder, &retired) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(EngineError::file("remove", &folder)(error)),
            Ok(()) => Ok(Some(retired)),
        }
    }

    fn of(&self, name: &VolumeName) -> PathBuf {
        self.folder.join(name.as_str())
    }

    fn entries(&self) -> Result<Vec<PathBuf>, EngineError> {
        let read = |error| EngineError::file("read", &self.folder)(error);
        fs::read_dir(&self.folder)
            .map_err(read)?
            .map(|entry| entry.map(|entry| entry.path()).map_err(read))
            .collect()
    }
}

fn read(path: &Path) -> Option<File> {
    use io::Read as _;
    let mut json = Vec::new();
    fs::File::open(path)
        .ok()?
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut json)
        .ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> VolumeName {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_dockers() {
        for good in ["db", "0a", "my_data.2-x", &"a".repeat(NAME_BYTES_MAX)] {
            assert_eq!(name(good).to_string(), good);
        }
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        for bad in ["", "a", ".new-x", "-v", "a/b", "..", "a b", "é1", &long] {
            let error = bad.parse::<VolumeName>().unwrap_err();
            assert_eq!(error.code(), "bad-volume-name", "{bad}");
        }
        assert_eq!(VolumeName::random().unwrap().as_str().len(), 64);
    }

    #[test]
    fn what_a_kill_left_half_made_is_no_volume_and_goes() {
        let root = tempfile::tempdir().unwrap();
        let volumes = Volumes::new(root.path().join("volumes"));
        volumes.open().unwrap();
        volumes.make(&name("db"), false).unwrap();
        for left in [".new-other/_data", ".removing-old/_data"] {
            fs::create_dir_all(root.path().join("volumes").join(left)).unwrap();
        }
        assert_eq!(volumes.list().unwrap().len(), 1);
        volumes.open().unwrap();
        assert_eq!(
            fs::read_dir(root.path().join("volumes")).unwrap().count(),
            1
        );
        // A name whose making was interrupted can be made.
        volumes.make(&name("other"), true).unwrap();
        assert!(volumes.find(&name("other")).unwrap().anonymous);
    }

    #[test]
    fn a_volume_whose_file_is_damaged_is_listed_and_can_be_removed() {
        let root = tempfile::tempdir().unwrap();
        let volumes = Volumes::new(root.path().join("volumes"));
        volumes.open().unwrap();
        volumes.make(&name("db"), true).unwrap();
        fs::write(root.path().join("volumes/db/volume.json"), "{").unwrap();
        let listed = volumes.list().unwrap();
        assert_eq!((listed.len(), listed[0].anonymous), (1, false));
        let retired = volumes.retire(&name("db")).unwrap().unwrap();
        assert_eq!(volumes.retire(&name("db")).unwrap(), None);
        volumes.make(&name("db"), false).unwrap();
        assert_ne!(volumes.retire(&name("db")).unwrap().unwrap(), retired);
        volumes.open().unwrap();
        assert!(!retired.exists());
        assert_eq!(volumes.list().unwrap(), []);
    }
}
