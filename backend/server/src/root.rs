//! One root: the folder that holds a world of its own, and where the server's own files lie in it.
//!
//! The store, the builder and the engine have folders below it too; they know those, and only `reset` names them here.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use estiva_shared::image::Digest;
use estiva_store::Store;

/// Who else may do something with a folder, in its mode: its group and all others.
const OTHERS: u32 = 0o077;

/// The store's files, which its database makes with the mode that the server's starter happens to have.
const STORE_FILES: [&str; 3] = ["store.db", "store.db-wal", "store.db-shm"];

/// The type that overlayfs has for statfs(2): OVERLAYFS_SUPER_MAGIC of linux/magic.h.
const OVERLAYFS_MAGIC: rustix::fs::FsWord = 0x794c_7630;

/// The name of the server's socket in the root.
const SOCKET: &str = "estiva.sock";

/// Hexadecimal digits of a world's id: 32 bits tell the roots of one host apart.
const WORLD_DIGITS: usize = 8;

/// Everything that a world can hold, by name. `reset` removes these and nothing else, and only where
/// [`Root::stranger`] finds none: a root that was given by mistake (`.`, `/home/me`) loses nothing. The store's database
/// goes nearly last, because it is what tells a world that is half removed from another's folder.
const CONTENT: [&str; 17] = [
    "blobs",
    "builds",
    "containers",
    "contexts",
    "estiva.sock",
    "index",
    "ingest",
    "reports",
    "reserve",
    "server.log",
    "server.log.1",
    "snapshots",
    "volumes",
    "store.db-shm",
    "store.db-wal",
    "store.db",
    "lock",
];

/// What a server makes before it opens the store, so that it says nothing about whose folder it is.
const BEFORE_THE_STORE: [&str; 4] = ["estiva.sock", "lock", "server.log", "server.log.1"];

/// How deep an empty folder of a world is: `blobs/sha256`.
const EMPTY_DEPTH: usize = 2;

/// Why a folder can't be a root.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootError {
    /// It can't be made, looked at, or closed to others.
    #[error("can't use {} as a root: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It is no folder.
    #[error("expected a folder as root, but found another thing: {}", .path.display())]
    NotAFolder {
        /// Which.
        path: PathBuf,
    },
    /// Its owner could change what a server of this user trusts.
    #[error("expected a root of user {wanted}, but found a folder of user {found}: {}", .path.display())]
    Anothers {
        /// Which.
        path: PathBuf,
        /// The user who asks.
        wanted: u32,
        /// The folder's owner.
        found: u32,
    },
    /// Others may enter it, and it holds things that are not Estiva's, for which they may have to.
    #[error("expected a root that only its owner may enter, but found mode {mode:o}: {}", .path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl RootError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { .. } => None,
            Self::NotAFolder { .. } | Self::Anothers { .. } => {
                Some("name another folder with --root; it is made where there is none")
            }
            Self::Open { .. } => Some(
                "name another folder with --root, or close this one with chmod 700: images and secrets of builds lie in it",
            ),
        }
    }
}

/// A root folder, canonical. It exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Root {
    path: PathBuf,
}

impl Root {
    /// The root at `path`, made where there is none: for its owner alone. One that is there is closed to others where it
    /// is empty or a world of Estiva's.
    ///
    /// # Errors
    /// If it can't be made or closed, is another user's, or holds what is not Estiva's and is open to others.
    pub(crate) fn create(path: &Path) -> Result<Self, RootError> {
        let fault = |source| RootError::Io {
            path: path.to_owned(),
            source,
        };
        if path.exists() && !path.is_dir() {
            return Err(RootError::NotAFolder {
                path: path.to_owned(),
            });
        }
        if !path.exists() {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(fault)?;
            }
            match fs::DirBuilder::new().mode(0o700).create(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(fault(error));
                }
                _ => {}
            }
        }
        let root = Self::existing(path).map_err(fault)?;
        root.close_to_others()?;
        Ok(root)
    }

    fn close_to_others(&self) -> Result<(), RootError> {
        let path = self.path.clone();
        let fault = |source| RootError::Io {
            path: self.path.clone(),
            source,
        };
        let found = fs::metadata(&path).map_err(fault)?;
        let (wanted, owner) = (rustix::process::geteuid().as_raw(), found.uid());
        if owner != wanted {
            return Err(RootError::Anothers {
                path,
                wanted,
                found: owner,
            });
        }
        let mode = found.mode() & 0o7777;
        if mode & OTHERS == 0 {
            return Ok(());
        }
        // `--root /tmp` must not shut everybody out of /tmp.
        if !Store::is_at(&path) && fs::read_dir(&path).map_err(fault)?.next().is_some() {
            return Err(RootError::Open { path, mode });
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(mode & !OTHERS)).map_err(fault)
    }

    /// Makes the store's files their owner's alone, should the folder ever be opened to others. Those that the database
    /// makes later take their mode from these.
    ///
    /// # Errors
    /// If one can't be changed.
    pub(crate) fn close_store(&self) -> io::Result<()> {
        for name in STORE_FILES {
            match fs::set_permissions(self.path.join(name), fs::Permissions::from_mode(0o600)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The root at `path`.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn existing(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        if !path.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { path })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path.join(SOCKET)
    }

    /// A path to the socket that fits into a socket address (107 bytes) however long the root's is: through the
    /// descriptor of the folder, which must stay open while the path is used.
    ///
    /// # Errors
    /// If the folder can't be opened.
    pub(crate) fn short_socket(&self) -> io::Result<(File, PathBuf)> {
        let folder = File::open(&self.path)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()));
        Ok((folder, path))
    }

    /// The file whose lock says that a server owns the root.
    pub(crate) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The server's log.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("server.log")
    }

    /// Uploaded build contexts.
    pub(crate) fn contexts(&self) -> PathBuf {
        self.path.join("contexts")
    }

    /// The containers' folders.
    pub(crate) fn containers(&self) -> PathBuf {
        self.path.join("containers")
    }

    /// Names the root's cgroups: a digest of its path, so that two roots can't meet.
    pub(crate) fn world(&self) -> String {
        use std::os::unix::ffi::OsStrExt as _;
        let digest = Digest::of(self.path.as_os_str().as_bytes());
        digest.hex().chars().take(WORLD_DIGITS).collect()
    }

    /// Whether the folder belongs to the user that asks.
    ///
    /// # Errors
    /// If it can't be looked at.
    pub(crate) fn owner(&self) -> io::Result<u32> {
        Ok(fs::metadata(&self.path)?.uid())
    }

    /// What is in the way of a world here: a thing of a name that a world uses, in a folder that holds no store. It is
    /// another's, and would be taken for the world's own. Empty folders are in nobody's way: a server that was killed
    /// in its first moment leaves such.
    pub(crate) fn stranger(&self) -> Option<PathBuf> {
        if Store::is_at(&self.path) {
            return None;
        }
        CONTENT
            .iter()
            .filter(|name| !BEFORE_THE_STORE.contains(name))
            .map(|name| self.path.join(name))
            .find(|path| path.symlink_metadata().is_ok() && !is_empty(path, EMPTY_DEPTH))
    }

    /// Whether nothing here says that a world was ever here: neither a store nor a folder or file of a world's names.
    pub(crate) fn is_nobodys(&self) -> bool {
        !Store::is_at(&self.path)
            && !CONTENT
                .iter()
                .any(|name| self.path.join(name).symlink_metadata().is_ok())
    }

    /// Removes what a world holds, and the folder itself where nothing else is in it. No server may run.
    ///
    /// # Errors
    /// The first thing that could not be removed.
    pub(crate) fn remove_content(&self) -> io::Result<()> {
        for name in CONTENT {
            let path = self.path.join(name);
            estiva_store::remove_all(&path)
                .map_err(|fault| io::Error::new(fault.source.kind(), fault.to_string()))?;
        }
        // Refused where another's files are in it, and for a mount point or the working directory of the root's parent.
        let _ = fs::remove_dir(&self.path);
        Ok(())
    }
}

/// Whether a folder lies on overlayfs, as most do inside of a container. The kernel takes no overlayfs for the writable
/// side of another, and each container and build step has one below its root.
///
/// # Errors
/// If it can't be looked at.
pub(crate) fn is_on_overlay(folder: &Path) -> io::Result<bool> {
    Ok(rustix::fs::statfs(folder)?.f_type == OVERLAYFS_MAGIC)
}

/// Whether it is a folder that holds nothing but, so many levels deep, empty folders.
fn is_empty(path: &Path, depth: usize) -> bool {
    depth > 0
        && path.symlink_metadata().is_ok_and(|found| found.is_dir())
        && fs::read_dir(path).is_ok_and(|mut entries| {
            entries.all(|entry| entry.is_ok_and(|entry| is_empty(&entry.path(), depth - 1)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_roots_have_two_worlds_and_one_root_has_one() {
        let folder = tempfile::tempdir().unwrap();
        let first = Root::create(&folder.path().join("a")).unwrap();
        let second = Root::create(&folder.path().join("b")).unwrap();
        assert_ne!(first.world(), second.world());
        assert_eq!(
            first.world(),
            Root::existing(
                &folder
                    .path()
                    .join("../")
                    .join(folder.path().file_name().unwrap())
                    .join("a")
            )
            .unwrap()
            .world()
        );
        assert_eq!(first.world().len(), WORLD_DIGITS);
    }

    /// A root that was made by `mkdir` had mode 0755, and its store and contexts could be read by everybody.
    #[test]
    fn a_root_is_its_owners_alone_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        let open = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path
        };
        let empty = open("empty");
        Root::create(&empty).unwrap();
        assert_eq!(mode(&empty), 0o700);

        let world = open("world");
        drop(Store::open(&world).unwrap());
        Root::create(&world).unwrap().close_store().unwrap();
        assert_eq!(mode(&world), 0o700);
        assert_eq!(mode(&world.join("store.db")), 0o600);

        let home = open("home");
        fs::write(home.join("letter.txt"), "dear").unwrap();
        let refused = Root::create(&home).unwrap_err();
        assert!(
            matches!(refused, RootError::Open { mode: 0o755, .. }),
            "{refused}"
        );
        assert_eq!(mode(&home), 0o755);
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        Root::create(&home).unwrap();

        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let refused = Root::create(&file).unwrap_err();
        assert!(matches!(refused, RootError::NotAFolder { .. }), "{refused}");
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&empty, Some(12345), None).unwrap();
            let refused = Root::create(&empty).unwrap_err();
            assert!(
                matches!(refused, RootError::Anothers { found: 12345, .. }),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_reset_leaves_what_is_not_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::create(&folder.path().join("root")).unwrap();
        fs::create_dir(root.path().join("blobs")).unwrap();
        fs::write(root.path().join("letter.txt"), "dear").unwrap();
        root.remove_content().unwrap();
        assert!(!root.path().join("blobs").exists());
        assert_eq!(fs::read(root.path().join("letter.txt")).unwrap(), b"dear");
    }

    #[test]
    fn a_folder_of_anothers_is_told_from_a_world_and_from_one_that_was_just_begun() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::create(folder.path()).unwrap();
        fs::write(root.path().join("lock"), "12\n").unwrap();
        fs::create_dir_all(root.path().join("blobs/sha256")).unwrap();
        assert_eq!(
            root.stranger(),
            None,
            "a server was killed in its first moment"
        );

        let data = root.path().join("containers/mine");
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join("data"), "precious").unwrap();
        assert_eq!(root.stranger(), Some(root.path().join("containers")));

        fs::write(root.path().join("store.db"), [7; 9000]).unwrap();
        assert!(root.stranger().is_some(), "a database of another program's");

        fs::remove_file(root.path().join("store.db")).unwrap();
        drop(Store::open(root.path()).unwrap());
        assert_eq!(root.stranger(), None);
    }
}
