//! A file that a command writes: it gets its name only when it is complete.
//!
//! What is no regular file (a device, a pipe, `/dev/stdout`) is written into as it stands, and never replaced. A link is
//! followed to what it leads to. Beside the target lies, until the end, a file of a random name that is made new and through
//! no link, so that nothing that another user put there in advance is written to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use estiva_shared::text::escape_name;
use rustix::fs::OFlags;

use crate::failure::{Failure, at};
use crate::server::random_hex;

/// A file on its way. Dropped before [`Self::keep`], it leaves nothing.
#[derive(Debug)]
pub(crate) struct Written {
    file: File,
    /// The file of a random name, and the one whose name it gets; `None` where the target is written into.
    rename: Option<(PathBuf, PathBuf)>,
}

impl Written {
    /// Opens what is to be written under this name.
    ///
    /// # Errors
    /// If it is a folder or a link that leads nowhere, or can't be written.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let found = match fs::metadata(path) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(at("write", path)(error)),
        };
        let target = match &found {
            Some(found) if found.is_dir() => return Err(unexpected(path, "a folder")),
            // Without O_CREAT: where it went meanwhile, that is an error, and no file in its place.
            Some(found) if !found.is_file() => {
                let file = OpenOptions::new().write(true).open(path);
                return Ok(Self {
                    file: file.map_err(at("write", path))?,
                    rename: None,
                });
            }
            Some(_) => fs::canonicalize(path).map_err(at("write", path))?,
            None if path.symlink_metadata().is_ok() => {
                return Err(unexpected(path, "a link that leads nowhere"));
            }
            None => path.to_owned(),
        };
        let partial = beside(&target)?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&partial)
            .map_err(at("write", &partial))?;
        let written = Self {
            file,
            rename: Some((partial.clone(), target)),
        };
        if let Some(found) = found {
            // Who kept others from reading it before, keeps them from the next one too.
            let same = written.file.set_permissions(found.permissions());
            same.map_err(at("write", &partial))?;
        }
        Ok(written)
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// If it can't have it; what was there stays then.
    pub(crate) fn keep(mut self) -> Result<(), Failure> {
        match self.rename.take() {
            None => Ok(()),
            Some((partial, target)) => {
                let renamed = fs::rename(&partial, &target).map_err(at("write", &target));
                if renamed.is_err() {
                    self.rename = Some((partial, target));
                }
                renamed
            }
        }
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Some((partial, _)) = &self.rename {
            // What stays of it is told apart by its name.
            let _ = fs::remove_file(partial);
        }
    }
}

/// `FOLDER/.NAME.RANDOM.partial`. The name is cut where all would be longer than a file system takes.
fn beside(target: &Path) -> Result<PathBuf, Failure> {
    let name = target
        .file_name()
        .ok_or_else(|| unexpected(target, "a folder"))?
        .to_string_lossy();
    let random = random_hex::<8>()
        .ok_or_else(|| Failure::new("the kernel gave no random bytes for a file's name"))?;
    let start: String = name.chars().take(50).collect();
    Ok(target.with_file_name(format!(".{start}.{random}.partial")))
}

fn unexpected(path: &Path, found: &str) -> Failure {
    Failure::new(format_args!(
        "expected a file's name, but found {found}: {}",
        escape_name(&path.to_string_lossy())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};

    fn write(path: &Path) -> Result<(), Failure> {
        let mut written = Written::open(path)?;
        written.write_all(b"new").unwrap();
        written.keep()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// `save -o /dev/null` as root once replaced the host's device by a file, and a pipe likewise.
    #[test]
    fn devices_and_pipes_are_written_into_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        write(&pipe).unwrap();
        assert_eq!(reader.join().unwrap(), b"new");
        assert!(pipe.symlink_metadata().unwrap().file_type().is_fifo());

        let device = folder.path().join("null");
        symlink("/dev/null", &device).unwrap();
        write(&device).unwrap();
        assert!(device.symlink_metadata().unwrap().is_symlink());
        assert!(
            fs::metadata("/dev/null")
                .unwrap()
                .file_type()
                .is_char_device()
        );
        assert_eq!(names(folder.path()), ["null", "pipe"]);
    }

    /// A link of the name that the file had on its way (`o.tar.partial`) once led the archive over another's file.
    #[test]
    fn a_link_that_was_put_there_in_advance_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let (victim, target) = (folder.path().join("victim"), folder.path().join("o.tar"));
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, folder.path().join("o.tar.partial")).unwrap();
        write(&target).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert_eq!(fs::read(&target).unwrap(), b"new");
        let nowhere = folder.path().join("nowhere");
        symlink(folder.path().join("gone"), &nowhere).unwrap();
        assert!(write(&nowhere).unwrap_err().message.contains("nowhere"));
        assert!(write(folder.path()).unwrap_err().message.contains("folder"));
    }

    #[test]
    fn a_link_to_a_file_stays_a_link_and_the_file_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        symlink("file", &link).unwrap();
        write(&link).unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn what_is_not_finished_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("n".repeat(255));
        fs::write(&file, "old").unwrap();
        let mut written = Written::open(&file).unwrap();
        written.write_all(b"half").unwrap();
        drop(written);
        assert_eq!(fs::read(&file).unwrap(), b"old");
        assert_eq!(names(folder.path()).len(), 1);
    }
}
