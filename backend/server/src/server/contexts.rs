//! Build contexts that the page uploaded: a tar each, unpacked below `ROOT/contexts`, removed an hour later.
//!
//! What a tar holds is not trusted: every path is walked with `openat2` that leaves the folder by no link and no `..`,
//! links are made and never followed, devices are refused, sizes are counted while they are read, never believed.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use estiva_shared::protocol::ContextResponse;
use estiva_store::remove_all;
use rustix::fs::{Mode, OFlags, open};

use super::error::ApiError;
use super::session::random_hex;
use super::unpack::{self, UnpackError};

/// How long an uploaded context is kept: a build can be pressed again after its Dockerfile was corrected.
const LIFE: Duration = Duration::from_secs(60 * 60);

/// Contexts kept at once; the oldest that no build uses goes. Four pages open, or four tries.
const KEPT_MAX: usize = 4;

/// The uploaded contexts of one server.
#[derive(Debug)]
pub(crate) struct Contexts {
    folder: PathBuf,
    kept: Mutex<HashMap<String, Kept>>,
}

#[derive(Debug)]
struct Kept {
    since: Instant,
    /// One for the table and one for each build that reads it.
    users: Arc<()>,
}

/// Why a context was not taken, or is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextError {
    /// The tar.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// No context has this id.
    #[error("no uploaded context has this id, or it is older than an hour")]
    Unknown,
    /// All are being built.
    #[error(
        "expected at most {KEPT_MAX} uploaded contexts in use at once, but found as many already"
    )]
    TooMany,
    /// A folder of the server's own.
    #[error("can't {verb} a folder for the context: {source}")]
    Folder {
        /// What was being done.
        verb: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

/// A context that a build reads; it stays while this lives.
#[derive(Debug)]
pub(crate) struct OpenContext {
    /// The folder.
    pub(crate) folder: OwnedFd,
    /// Keeps it.
    pub(crate) in_use: Arc<()>,
}

impl Contexts {
    /// Begins with none: what an earlier server left is removed.
    ///
    /// # Errors
    /// If the folder can't be made.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        remove_all(&folder).map_err(|fault| fault.source)?;
        // What others sent is for the server alone.
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self {
            folder,
            kept: Mutex::default(),
        })
    }

    /// Unpacks a tar. Blocks.
    ///
    /// # Errors
    /// If it is not one, holds what a context can't, or is too large; nothing is left of it then.
    pub(crate) fn receive(&self, tar: &mut dyn Read) -> Result<ContextResponse, ContextError> {
        let id =
            random_hex::<16>().ok_or_else(|| folder_fault("name")(io::ErrorKind::Other.into()))?;
        // Held while it comes: it is in use, and nobody knows its id.
        let _in_use = self.reserve(&id)?;
        let path = self.folder.join(&id);
        let unpacked = fs::create_dir(&path)
            .map_err(folder_fault("make"))
            .and_then(|()| open_folder(&path).map_err(folder_fault("open")))
            .and_then(|folder| Ok(unpack::unpack(tar, &folder)?));
        match unpacked {
            Ok(unpacked) => {
                if let Some(kept) = self.kept().get_mut(&id) {
                    kept.since = Instant::now();
                }
                Ok(ContextResponse {
                    id,
                    entries: unpacked.entries,
                    bytes: unpacked.bytes,
                })
            }
            Err(error) => {
                // What stays is removed by the next server.
                let _ = remove_all(&path);
                self.kept().remove(&id);
                Err(error)
            }
        }
    }

    /// A context for a build.
    ///
    /// # Errors
    /// If there is none of this id.
    pub(crate) fn get(&self, id: &str) -> Result<OpenContext, ContextError> {
        let kept = self.kept();
        let found = kept.get(id).ok_or(ContextError::Unknown)?;
        let folder = open_folder(&self.folder.join(id)).map_err(folder_fault("open"))?;
        Ok(OpenContext {
            folder,
            in_use: Arc::clone(&found.users),
        })
    }

    /// Removes those that are too old and not being built. Blocks.
    pub(crate) fn sweep(&self, now: Instant) {
        let old: Vec<String> = {
            let mut kept = self.kept();
            let old: Vec<String> = kept
                .iter()
                .filter(|(_, kept)| is_free(kept) && now.duration_since(kept.since) >= LIFE)
                .map(|(id, _)| id.clone())
                .collect();
            old.iter().for_each(|id| drop(kept.remove(id)));
            old
        };
        for id in old {
            let _ = remove_all(&self.folder.join(id));
        }
    }

    /// A place for one more, before any of it is received: several that come at once are counted, too. The oldest that
    /// no build uses goes for it.
    fn reserve(&self, id: &str) -> Result<Arc<()>, ContextError> {
        let in_use = Arc::new(());
        let oldest = {
            let mut kept = self.kept();
            let oldest = if kept.len() < KEPT_MAX {
                None
            } else {
                let free = kept.iter().filter(|(_, kept)| is_free(kept));
                let oldest = free
                    .min_by_key(|(_, kept)| kept.since)
                    .map(|(id, _)| id.clone());
                Some(oldest.ok_or(ContextError::TooMany)?)
            };
            oldest.iter().for_each(|id| drop(kept.remove(id)));
            let reserved = Kept {
                since: Instant::now(),
                users: Arc::clone(&in_use),
            };
            kept.insert(id.to_owned(), reserved);
            oldest
        };
        match oldest.map(|oldest| remove_all(&self.folder.join(oldest))) {
            Some(Err(fault)) => {
                self.kept().remove(id);
                Err(folder_fault("remove")(fault.source))
            }
            _ => Ok(in_use),
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_free(kept: &Kept) -> bool {
    Arc::strong_count(&kept.users) == 1
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(open(path, flags, Mode::empty())?)
}

fn folder_fault(verb: &'static str) -> impl Fn(io::Error) -> ContextError {
    move |source| ContextError::Folder { verb, source }
}

impl From<ContextError> for ApiError {
    fn from(error: ContextError) -> Self {
        use axum::http::StatusCode as S;
        match &error {
            ContextError::Unpack(fault) if fault.is_full() => {
                Self::new(S::INSUFFICIENT_STORAGE, "disk-full", &error)
            }
            ContextError::Unpack(UnpackError::TooLarge { .. }) => {
                Self::new(S::PAYLOAD_TOO_LARGE, "too-large", &error)
            }
            ContextError::Unpack(_) => Self::new(S::UNPROCESSABLE_ENTITY, "bad-context", &error),
            ContextError::Unknown => Self::not_found("unknown-context", &error)
                .hint(Some("send the folder again".to_owned())),
            ContextError::TooMany => Self::new(S::CONFLICT, "too-many-contexts", &error),
            ContextError::Folder { .. } => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A tar that does not go on until the sender is gone, and is empty then.
    struct Slow(mpsc::Receiver<()>);

    impl Read for Slow {
        fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(0)
        }
    }

    /// The limit was looked at before a context was received and counted after it, so that any number that came at
    /// once found room.
    #[test]
    fn contexts_that_are_still_received_count() {
        let folder = tempfile::tempdir().unwrap();
        let contexts = Contexts::open(folder.path().join("contexts")).unwrap();
        std::thread::scope(|scope| {
            let mut senders = Vec::new();
            for _ in 0..KEPT_MAX {
                let (sender, receiver) = mpsc::channel();
                senders.push(sender);
                scope.spawn(|| contexts.receive(&mut Slow(receiver)).unwrap());
            }
            while contexts.kept().len() < KEPT_MAX {
                std::thread::yield_now();
            }
            let refused = contexts.receive(&mut io::empty()).unwrap_err();
            assert!(matches!(refused, ContextError::TooMany), "{refused}");
            drop(senders);
        });
        // They are over, and the oldest makes room.
        contexts.receive(&mut io::empty()).unwrap();
        assert_eq!(contexts.kept().len(), KEPT_MAX);
        assert_eq!(fs::read_dir(&contexts.folder).unwrap().count(), KEPT_MAX);
        assert!(contexts.receive(&mut &[7_u8; 2000][..]).is_err());
        assert!(contexts.kept().len() < KEPT_MAX, "its place is free again");
    }
}
