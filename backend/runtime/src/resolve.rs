//! Opens and makes paths of a container from outside it.
//!
//! Everything in a container's root is its own to arrange: `/etc` may be a link to `/host/etc`. Every path below a
//! root is therefore looked up by the kernel with `openat2` and RESOLVE_IN_ROOT, for which an absolute link and `..`
//! stay inside, and which follows no magic link of `/proc`. Strings are never joined and trusted.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, mkdirat, openat, openat2, readlinkat};
use rustix::io::Errno;

/// How many dangling links are followed to make what they point to: the kernel's own bound for links that lead on.
const LINKS_MAX: u32 = 40;

/// The mode of folders and files that are made because something must be mounted on them.
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o755);
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);

/// What is looked for, and made if it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    File,
}

/// Opens what lies at `path` under `root`, with every link read as the container would.
pub(crate) fn open(root: impl AsFd, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(openat2(
        root,
        inner(path),
        flags | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::IN_ROOT,
    )?)
}

/// Opens a folder under `root` without following any link; makes it if it is missing. For the kernel's file systems:
/// with `/proc` mounted where a link of the image leads, what is masked and what is believed to be procfs would be
/// the image's choice (CVE-2019-16884, CVE-2019-19921).
pub(crate) fn plain_folder(root: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
    let opened = || openat2(root.as_fd(), inner(path), flags, Mode::empty(), resolve);
    match opened() {
        Err(Errno::NOENT) => {
            make(root.as_fd(), path, Kind::Folder)?;
            Ok(opened()?)
        }
        other => Ok(other?),
    }
}

/// Opens (as a location, O_PATH) what lies at `path` under `root`; makes it, and the folders on the way, if missing.
pub(crate) fn make(root: impl AsFd, path: &Path, kind: Kind) -> io::Result<OwnedFd> {
    make_following(root.as_fd(), path, kind, LINKS_MAX)
}

fn make_following(
    root: rustix::fd::BorrowedFd<'_>,
    path: &Path,
    kind: Kind,
    links_left: u32,
) -> io::Result<OwnedFd> {
    let directory = if kind == Kind::Folder {
        OFlags::DIRECTORY
    } else {
        OFlags::empty()
    };
    match open(root, path, OFlags::PATH | directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    let (Some(parent), Some(Component::Normal(name))) =
        (path.parent(), path.components().next_back())
    else {
        return Err(Errno::NOENT.into());
    };
    let parent_folder = make_following(root, parent, Kind::Folder, links_left)?;
    let made = match kind {
        Kind::Folder => mkdirat(&parent_folder, name, FOLDER_MODE),
        Kind::File => {
            let flags =
                OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
            openat(&parent_folder, name, flags, FILE_MODE).map(drop)
        }
    };
    match made {
        Ok(()) => {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC | directory;
            Ok(openat(&parent_folder, name, flags, Mode::empty())?)
        }
        Err(Errno::EXIST) if links_left > 0 => {
            let path = match readlinkat(&parent_folder, name, Vec::new()) {
                // A link to what doesn't exist, as /etc/resolv.conf is in many images: make that. An absolute one
                // replaces the parent, and the lookup takes it from the root.
                Ok(link) => parent.join(PathBuf::from(OsString::from_vec(link.into_bytes()))),
                // Somebody else made it meanwhile: another container that begins with the same volume. Look again.
                Err(Errno::INVAL | Errno::NOENT) => path.to_owned(),
                Err(error) => return Err(error.into()),
            };
            make_following(root, &path, kind, links_left - 1)
        }
        Err(error) => Err(error.into()),
    }
}

/// RESOLVE_IN_ROOT takes an absolute path from the root; an empty one means nothing, so the root is named.
fn inner(path: &Path) -> &Path {
    if path.as_os_str().is_empty() {
        Path::new("/")
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use rustix::fs::OFlags;

    use super::{Kind, make, open, plain_folder};

    #[test]
    fn keeps_absolute_links_and_dots_inside() {
        let root = tempfile::TempDir::new().unwrap();
        let folder = File::open(root.path()).unwrap();
        symlink("/etc", root.path().join("out")).unwrap();
        symlink("../../../..", root.path().join("up")).unwrap();
        assert!(open(&folder, Path::new("/out/passwd"), OFlags::RDONLY).is_err());
        make(&folder, Path::new("/up/here"), Kind::Folder).unwrap();
        assert!(root.path().join("here").is_dir());
    }

    #[test]
    fn two_that_make_the_same_place_at_once_both_have_it() {
        let root = tempfile::TempDir::new().unwrap();
        let folder = File::open(root.path()).unwrap();
        for round in 0..2000 {
            let (kind, path) = match round % 2 {
                0 => (Kind::File, format!("/{round}/hosts")),
                _ => (Kind::Folder, format!("/{round}/deep/in")),
            };
            let begin = std::sync::Barrier::new(2);
            let make = || {
                begin.wait();
                make(&folder, Path::new(&path), kind).map(drop)
            };
            std::thread::scope(|scope| {
                let other = scope.spawn(make);
                make().unwrap();
                other.join().unwrap().unwrap();
            });
        }
    }

    #[test]
    fn makes_what_a_dangling_link_points_to_inside() {
        let root = tempfile::TempDir::new().unwrap();
        let folder = File::open(root.path()).unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        symlink(
            "../run/resolve/stub.conf",
            root.path().join("etc/resolv.conf"),
        )
        .unwrap();
        make(&folder, Path::new("/etc/resolv.conf"), Kind::File).unwrap();
        assert!(root.path().join("run/resolve/stub.conf").is_file());

        symlink("/data/a/b", root.path().join("etc/abs")).unwrap();
        make(&folder, Path::new("/etc/abs/c"), Kind::Folder).unwrap();
        assert!(root.path().join("data/a/b/c").is_dir());
    }

    #[test]
    fn gives_up_on_links_that_lead_in_a_circle() {
        let root = tempfile::TempDir::new().unwrap();
        let folder = File::open(root.path()).unwrap();
        symlink("b", root.path().join("a")).unwrap();
        symlink("a", root.path().join("b")).unwrap();
        assert!(make(&folder, Path::new("/a"), Kind::File).is_err());
        assert!(make(&folder, Path::new("/a/x"), Kind::Folder).is_err());
    }

    #[test]
    fn refuses_a_link_where_the_kernel_mounts_its_own() {
        let root = tempfile::TempDir::new().unwrap();
        let folder = File::open(root.path()).unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        symlink("etc", root.path().join("proc")).unwrap();
        assert!(plain_folder(&folder, Path::new("/proc")).is_err());
        plain_folder(&folder, Path::new("/sys")).unwrap();
        assert!(root.path().join("sys").is_dir());
    }
}
