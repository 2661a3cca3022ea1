//! Removal of a folder with all that is in it, however deep that is.
//!
//! A program in a container or in a step can nest folders by the ten thousand: each `mkdir` names one level, so that no
//! path is ever too long. `std::fs::remove_dir_all` opens a descriptor and takes a piece of the stack for each level,
//! and would end for want of the one or the other. Here a few levels are walked; what lies below them is moved up, beside
//! the first, and walked then.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;

use crate::error::IoFault;

/// How many folders are open at once, at most: more than the levels of nearly every tree, so that next to nothing is
/// moved, and few beside the 1,024 descriptors that a process may count on.
const LEVELS_MAX: usize = 64;

/// How often a folder is read again because it was not empty after all, in a row and without anything removed
/// from it meanwhile by being moved: somebody writes into it still, and may be ending.
const READINGS_MAX: usize = 16;

/// Removes a file, or a folder with all that is in it, however deep. Links are not followed. What is gone is no fault.
///
/// # Errors
/// The first thing that can't be removed; what was removed until then is gone.
pub fn remove_all(path: &Path) -> Result<(), IoFault> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => {
            remove_folder(path).map_err(IoFault::at("remove what is in", path))
        }
        Ok(_) => gone_is_fine(fs::remove_file(path)).map_err(IoFault::at("remove", path)),
        Err(error) => gone_is_fine(Err(error)).map_err(IoFault::at("stat", path)),
    }
}

fn remove_folder(path: &Path) -> io::Result<()> {
    for _ in 0..READINGS_MAX {
        match open(CWD, path).and_then(empty) {
            Err(Errno::NOENT) => return Ok(()),
            result => result?,
        }
        match fs::remove_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            result => return gone_is_fine(result),
        }
    }
    Err(io::ErrorKind::DirectoryNotEmpty.into())
}

/// A folder that is being emptied.
struct Level {
    entries: Dir,
    /// Its name in the folder above.
    name: CString,
    /// How often it may be read again.
    readings_left: usize,
}

impl Level {
    fn new(folder: OwnedFd, name: CString) -> Result<Self, Errno> {
        Ok(Self {
            entries: Dir::new(folder)?,
            name,
            readings_left: READINGS_MAX,
        })
    }

    /// The next name, but for those of the folder itself and the one above.
    fn next(&mut self) -> Result<Option<CString>, Errno> {
        loop {
            match self.entries.read() {
                Some(Ok(entry)) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
                Some(Ok(entry)) => return Ok(Some(entry.file_name().to_owned())),
                // Somebody else removed the folder.
                None | Some(Err(Errno::NOENT)) => return Ok(None),
                Some(Err(error)) => return Err(error),
            }
        }
    }
}

/// Removes all that is in a folder.
fn empty(top: OwnedFd) -> Result<(), Errno> {
    let mut levels = vec![Level::new(top, CString::default())?];
    let (mut moved, mut moved_before) = (0_u64, 0);
    loop {
        let at_top = levels.len() == 1;
        let Some(level) = levels.last_mut() else {
            return Ok(());
        };
        match level.next()? {
            Some(name) => {
                if let Some(below) = remove_entry(&levels, name, &mut moved)? {
                    levels.push(below);
                }
            }
            None if !at_top => leave(&mut levels)?,
            None if moved == moved_before => return Ok(()),
            None => {
                // What was moved here may have come behind the reader.
                moved_before = moved;
                level.entries.rewind();
            }
        }
    }
}

/// Removes one entry of the deepest level. A folder that isn't empty becomes the next level, or is moved up.
fn remove_entry(levels: &[Level], name: CString, moved: &mut u64) -> Result<Option<Level>, Errno> {
    let (Some(top), Some(level)) = (levels.first(), levels.last()) else {
        return Ok(None);
    };
    let folder = level.entries.fd()?;
    match unlinkat(folder, &name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(None),
        Err(Errno::ISDIR) => {}
        Err(error) => return Err(error),
    }
    match unlinkat(folder, &name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => return Ok(None),
        Err(Errno::NOTEMPTY | Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    if levels.len() >= LEVELS_MAX {
        return move_up(folder, &name, top.entries.fd()?, moved).map(|()| None);
    }
    match open(folder, &name) {
        Ok(opened) => Level::new(opened, name).map(Some),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes the deepest level, whose entries are gone, and goes on in the one above.
fn leave(levels: &mut Vec<Level>) -> Result<(), Errno> {
    let [.., above, level] = levels.as_mut_slice() else {
        return Ok(());
    };
    match unlinkat(above.entries.fd()?, &level.name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => {
            levels.pop();
            Ok(())
        }
        Err(Errno::NOTEMPTY | Errno::EXIST) if level.readings_left > 0 => {
            level.readings_left -= 1;
            level.entries.rewind();
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Moves a folder into the topmost one, under a name that nothing has there.
fn move_up(
    folder: BorrowedFd<'_>,
    name: &CString,
    top: BorrowedFd<'_>,
    moved: &mut u64,
) -> Result<(), Errno> {
    loop {
        *moved += 1;
        match renameat(folder, name, top, format!("moved-{moved}")) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            // rename(2) puts a folder in the place of an empty folder, which is no loss here, and of nothing else.
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
            Err(error) => return Err(error),
        }
    }
}

fn open(folder: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::empty())
}

fn gone_is_fine(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::mkdirat;
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    use super::*;

    /// Nests folders as a program does that goes into each one that it makes, with a file and a link in some.
    fn nest(folder: &Path, levels: usize) {
        let mut at = open(CWD, folder).unwrap();
        for level in 0..levels {
            mkdirat(&at, "d", Mode::RWXU).unwrap();
            if level % 100 == 0 {
                rustix::fs::symlinkat("/", &at, "to-root").unwrap();
                mkdirat(&at, "beside", Mode::RWXU).unwrap();
            }
            at = open(&at, "d").unwrap();
        }
    }

    #[test]
    fn twenty_thousand_levels_are_removed_with_few_descriptors_and_a_small_stack() {
        // In memory, where there is such a folder: so many levels are many writes for a disk that others use too.
        let temporary = tempfile::TempDir::new_in("/dev/shm")
            .or_else(|_| tempfile::TempDir::new())
            .unwrap();
        let folder = temporary.path().join("folder");
        fs::create_dir(&folder).unwrap();
        nest(&folder, 20_000);
        // Each test has a process of its own: the limit is nobody else's.
        let few = Rlimit {
            current: Some(LEVELS_MAX as u64 + 32),
            ..getrlimit(Resource::Nofile)
        };
        setrlimit(Resource::Nofile, few).unwrap();
        let removing = std::thread::Builder::new().stack_size(128 << 10);
        let removed = removing.spawn(move || remove_all(&folder)).unwrap().join();
        removed.unwrap().unwrap();
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_link_is_removed_and_what_it_leads_to_stays() {
        let temporary = tempfile::TempDir::new().unwrap();
        let kept = temporary.path().join("kept");
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "1").unwrap();
        let folder = temporary.path().join("folder");
        fs::create_dir(&folder).unwrap();
        symlink(&kept, folder.join("link")).unwrap();
        symlink(&kept, temporary.path().join("link")).unwrap();
        remove_all(&folder).unwrap();
        remove_all(&temporary.path().join("link")).unwrap();
        assert_eq!(fs::read(kept.join("file")).unwrap(), b"1");
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 1);
    }

    /// What is moved up must not meet what stands there under the same name.
    #[test]
    fn names_that_are_taken_at_the_top_are_in_nobodys_way() {
        let temporary = tempfile::TempDir::new().unwrap();
        let folder = temporary.path().join("folder");
        fs::create_dir_all(folder.join("a")).unwrap();
        nest(&folder.join("a"), 3 * LEVELS_MAX);
        fs::create_dir_all(folder.join("moved-1/full")).unwrap();
        fs::write(folder.join("moved-2"), "a file").unwrap();
        fs::create_dir(folder.join("moved-3")).unwrap();
        remove_all(&folder).unwrap();
        remove_all(&folder).unwrap();
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    }

    #[test]
    fn many_files_and_folders_side_by_side_are_all_removed() {
        let temporary = tempfile::TempDir::new().unwrap();
        let folder = temporary.path().join("folder");
        for index in 0..2_000 {
            fs::create_dir_all(folder.join(format!("{index}/below"))).unwrap();
            fs::write(folder.join(format!("file-{index}")), "1").unwrap();
        }
        remove_all(&folder).unwrap();
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    }
}
