//! Files of the engine's own, written so that a reader finds the old one or the new one, never a part.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
};

use crate::EngineError;

/// Writes beside, syncs, renames, and syncs the folder: after it returns, the file survives a loss of power.
///
/// # Errors
/// [`EngineError::File`], naming the step.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), EngineError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    // One writer a container (its gate), so that one fixed name does for the half-written file.
    let beside = path.with_extension("json.new");
    let mut file = File::create(&beside).map_err(EngineError::file("create", &beside))?;
    file.write_all(bytes)
        .map_err(EngineError::file("write", &beside))?;
    file.sync_all()
        .map_err(EngineError::file("sync", &beside))?;
    fs::rename(&beside, path).map_err(EngineError::file("rename", &beside))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(EngineError::file("sync", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("container.json");
        write_durably(&path, b"one").unwrap();
        write_durably(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_the_file_it_could_not_write() {
        let error = write_durably(Path::new("/proc/nowhere/container.json"), b"").unwrap_err();
        assert!(
            error.to_string().starts_with("can't create /proc/nowhere"),
            "{error}"
        );
    }
}
