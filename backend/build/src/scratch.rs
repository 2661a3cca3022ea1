//! Where a build keeps what isn't content: the folders and small files that a RUN step's container is started with.
//!
//! All under `ROOT/builds/ID`; removed when the build ends, and by the next builder where a build was killed.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The folder of all builds, under the store's root.
const BUILDS: &str = "builds";

/// One build's folder; removed with this.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    id: String,
}

impl Scratch {
    /// Makes the folder of a new build.
    pub(crate) fn new(root: &Path) -> io::Result<Self> {
        let mut random = [0_u8; 8];
        rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
        let id = format!("build-{:016x}", u64::from_ne_bytes(random));
        let folder = root.join(BUILDS).join(&id);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        Ok(Self { folder, id })
    }

    /// Removes what killed builds left. No build may be running in `root`.
    pub(crate) fn clean(root: &Path) {
        // What can't be removed now is in nobody's way, and is tried again the next time.
        let _ = estiva_store::remove_all(&root.join(BUILDS));
    }

    /// The build's id: letters, digits and `-`.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// An empty folder in it.
    pub(crate) fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.path(name);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(&folder)?;
        Ok(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // As for `clean`.
        let _ = estiva_store::remove_all(&self.folder);
    }
}
