//! Overlay mounts that nobody else sees: made detached, used through their descriptor, gone when it closes.
//!
//! A build's COPY and WORKDIR, and the comparison of a snapshot with what lies below, go through one of these: the
//! kernel resolves whiteouts, opaque folders and copy-up, and no mount is ever attached to the host's tree.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, OpenTreeFlags,
    fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount, mount_change, open_tree,
};

use crate::error::{IoFault, StoreError};
use crate::layers::LowerDirs;
use crate::store::Store;

/// What turns off every feature that makes an upper folder more than a layer: redirects, metadata without content, the
/// inode index.
const PLAIN: [(&str, &str); 3] = [
    ("redirect_dir", "off"),
    ("metacopy", "off"),
    ("index", "off"),
];

/// What nobody needs who only looks at files or writes them: programs are never run from these mounts (a step and a
/// container have their own, made by the runtime), and no device in a layer is ever meant to be opened. Should a path be
/// opened that is a device all the same, the host's hardware is out of reach.
const UNTRUSTED: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NODEV
    .union(MountAttrFlags::MOUNT_ATTR_NOSUID)
    .union(MountAttrFlags::MOUNT_ATTR_NOEXEC);

/// The same, as mount(2) has it.
const UNTRUSTED_FLAGS: MountFlags = MountFlags::NODEV
    .union(MountFlags::NOSUID)
    .union(MountFlags::NOEXEC);

/// The longest option text that mount(2) takes: one page, with its final NUL.
const OPTIONS_BYTES_MAX: usize = 4095;

/// Why an overlay could not be mounted.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// Neither lower nor upper folders were given, or only one lower.
    #[error("expected an upper folder or two lower ones, but found {lowers} lower and no upper")]
    TooFew {
        /// How many lower folders there are.
        lowers: usize,
    },
    /// The kernel refused a step.
    #[error("{step} for an overlay of {lowers} layers: {source}")]
    Kernel {
        /// The call, with its option where it has one.
        step: String,
        /// How many lower folders there are.
        lowers: usize,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The kernel is older than 6.7, and the names of so many layers don't fit into one call.
    #[error(
        "expected option text of at most {OPTIONS_BYTES_MAX} bytes, but found {found}; Linux 6.7 and newer have no such limit"
    )]
    OptionsTooLong {
        /// How many bytes it has.
        found: usize,
    },
    /// A folder could not be opened.
    #[error(transparent)]
    Io(#[from] IoFault),
}

/// The writable part of an overlay.
#[derive(Clone, Copy, Debug)]
pub struct Upper<'a> {
    /// `upperdir`.
    pub upper: &'a Path,
    /// `workdir`, an empty folder of the same filesystem.
    pub work: &'a Path,
}

impl Store {
    /// Mounts an overlay that is attached nowhere, and answers its root. Use it with openat2 and `RESOLVE_IN_ROOT`; it
    /// goes when the last descriptor into it closes. Without `upper` it is read-only. It is for looking and writing: no
    /// program runs from it, and no device opens.
    ///
    /// No lower folders at all answer the upper folder itself.
    ///
    /// # Errors
    /// [`OverlayError`]: mostly for want of privilege.
    pub fn mount_detached(
        &self,
        lowers: &LowerDirs,
        upper: Option<Upper<'_>>,
    ) -> Result<OwnedFd, StoreError> {
        Ok(mount_detached(lowers, upper)?)
    }
}

/// See [`Store::mount_detached`].
pub(crate) fn mount_detached(
    lowers: &LowerDirs,
    upper: Option<Upper<'_>>,
) -> Result<OwnedFd, OverlayError> {
    match (lowers.names.as_slice(), upper) {
        ([], Some(upper)) => Ok(open_folder(upper.upper)?),
        ([], None) | ([_], None) => Err(OverlayError::TooFew {
            lowers: lowers.names.len(),
        }),
        _ => match mount_by_descriptors(lowers, upper) {
            // The kernel doesn't know `lowerdir+` (older than 6.7).
            Err(OverlayError::Kernel { source, .. })
                if source.raw_os_error() == Some(Errno::INVAL.raw_os_error()) =>
            {
                mount_by_names(lowers, upper)
            }
            result => result,
        },
    }
}

/// One `lowerdir+` a layer. Folders are named by descriptor: an option's value may have 255 bytes, a root's path more.
fn mount_by_descriptors(
    lowers: &LowerDirs,
    upper: Option<Upper<'_>>,
) -> Result<OwnedFd, OverlayError> {
    let count = lowers.names.len();
    let fault = |step: &str| {
        let step = step.to_owned();
        move |source: Errno| OverlayError::Kernel {
            step,
            lowers: count,
            source: source.into(),
        }
    };
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).map_err(fault("fsopen"))?;
    let set_folder = |key: &str, path: &Path| -> Result<(), OverlayError> {
        let folder = open_folder(path)?;
        let by_descriptor = format!("/proc/self/fd/{}", folder.as_raw_fd());
        fsconfig_set_string(&context, key, by_descriptor).map_err(fault(key))
    };
    for name in &lowers.names {
        set_folder("lowerdir+", &lowers.base.join(name))?;
    }
    if let Some(upper) = upper {
        set_folder("upperdir", upper.upper)?;
        set_folder("workdir", upper.work)?;
    }
    for (key, value) in PLAIN {
        fsconfig_set_string(&context, key, value).map_err(fault(key))?;
    }
    fsconfig_create(&context).map_err(fault("fsconfig"))?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, UNTRUSTED).map_err(fault("fsmount"))
}

/// mount(2) in a thread of its own with a mount namespace of its own, whose copy of the mount outlives both.
fn mount_by_names(lowers: &LowerDirs, upper: Option<Upper<'_>>) -> Result<OwnedFd, OverlayError> {
    let options = options_text(lowers, upper);
    if options.len() > OPTIONS_BYTES_MAX {
        return Err(OverlayError::OptionsTooLong {
            found: options.len(),
        });
    }
    let (base, count) = (lowers.base.clone(), lowers.names.len());
    let mounting = std::thread::Builder::new()
        .name("overlay".to_owned())
        .spawn(move || mount_apart(&base, &options, count))
        .map_err(IoFault::at("start a thread in", &lowers.base))?;
    mounting.join().unwrap_or_else(|_| {
        Err(OverlayError::Kernel {
            step: "mount thread".to_owned(),
            lowers: count,
            source: std::io::Error::other("it panicked"),
        })
    })
}

fn mount_apart(base: &PathBuf, options: &str, lowers: usize) -> Result<OwnedFd, OverlayError> {
    let fault = |step: &'static str| {
        move |source: Errno| OverlayError::Kernel {
            step: step.to_owned(),
            lowers,
            source: source.into(),
        }
    };
    // Unsharing the mount namespace also gives this thread, and it alone, a current folder of its own.
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS)
        .map_err(|errno| fault("unshare")(Errno::from_raw_os_error(errno as i32)))?;
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(fault("make / private"))?;
    rustix::process::chdir(base).map_err(fault("chdir"))?;
    let options = std::ffi::CString::new(options).map_err(|_| fault("options")(Errno::INVAL))?;
    mount(
        "overlay",
        base,
        "overlay",
        UNTRUSTED_FLAGS,
        Some(options.as_c_str()),
    )
    .map_err(fault("mount"))?;
    open_tree(
        CWD,
        base,
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC,
    )
    .map_err(fault("open_tree"))
}

fn options_text(lowers: &LowerDirs, upper: Option<Upper<'_>>) -> String {
    let mut options = format!("lowerdir={}", lowers.names.join(":"));
    if let Some(upper) = upper {
        let name = |path: &Path| escape(path.strip_prefix(&lowers.base).unwrap_or(path));
        let (upper, work) = (name(upper.upper), name(upper.work));
        options.push_str(&format!(",upperdir={upper},workdir={work}"));
    }
    for (key, value) in PLAIN {
        options.push_str(&format!(",{key}={value}"));
    }
    options
}

/// overlayfs ends an option at a comma and a lower folder at a colon, unless a backslash goes before.
fn escape(path: &Path) -> String {
    let mut text = String::new();
    for letter in path.to_string_lossy().chars() {
        if matches!(letter, ',' | ':' | '\\') {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

fn open_folder(path: &Path) -> Result<OwnedFd, IoFault> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let file: File = rustix::fs::open(path, flags, Mode::empty())
        .map_err(IoFault::at("open", path))?
        .into();
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsRawFd;

    use super::*;

    /// A base with a comma, which mount options end at, and folders for two layers and an upper one.
    fn folders(base: &Path) -> LowerDirs {
        let base = base.join("a,b");
        for folder in ["1/fs", "2/fs", "3/fs", "3/work"] {
            fs::create_dir_all(base.join(folder)).unwrap();
        }
        fs::write(base.join("1/fs/file"), b"lower").unwrap();
        fs::write(base.join("2/fs/file"), b"upper").unwrap();
        LowerDirs {
            base,
            names: vec!["2/fs".to_owned(), "1/fs".to_owned()],
            root: Default::default(),
        }
    }

    #[test]
    fn both_ways_of_mounting_give_the_same_and_attach_nothing() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIP both_ways_of_mounting_give_the_same_and_attach_nothing: needs root");
            return;
        }
        type Way = fn(&LowerDirs, Option<Upper<'_>>) -> Result<OwnedFd, OverlayError>;
        for way in [mount_by_descriptors as Way, mount_by_names as Way] {
            let temporary = tempfile::TempDir::new().unwrap();
            let lowers = folders(temporary.path());
            let (upper, work) = (lowers.base.join("3/fs"), lowers.base.join("3/work"));
            let before = fs::read("/proc/self/mountinfo").unwrap();
            let mounted = way(
                &lowers,
                Some(Upper {
                    upper: &upper,
                    work: &work,
                }),
            )
            .unwrap();
            let root = PathBuf::from(format!("/proc/self/fd/{}", mounted.as_raw_fd()));
            assert_eq!(fs::read(root.join("file")).unwrap(), b"upper");
            fs::write(root.join("new"), b"1").unwrap();
            assert_nothing_runs_or_opens(&mounted);
            assert_eq!(fs::read(upper.join("new")).unwrap(), b"1");
            assert_eq!(fs::read("/proc/self/mountinfo").unwrap(), before);
            drop(mounted);
            assert_eq!(
                fs::read(way(&lowers, None).map(|_| upper.join("new")).unwrap()).unwrap(),
                b"1"
            );
        }
    }

    /// A device can be made, as a layer may have it, and does not open; a program does not start.
    fn assert_nothing_runs_or_opens(mounted: &OwnedFd) {
        let mode = rustix::fs::Mode::RWXU;
        let null = rustix::fs::makedev(1, 3);
        rustix::fs::mknodat(
            mounted,
            "null",
            rustix::fs::FileType::CharacterDevice,
            mode,
            null,
        )
        .unwrap();
        let opened = rustix::fs::openat(mounted, "null", OFlags::RDONLY, Mode::empty());
        assert_eq!(opened.unwrap_err(), Errno::ACCESS);
        let program = PathBuf::from(format!("/proc/self/fd/{}/program", mounted.as_raw_fd()));
        fs::copy("/bin/true", &program).unwrap();
        let started = std::process::Command::new(&program).status();
        assert_eq!(
            started.unwrap_err().kind(),
            std::io::ErrorKind::PermissionDenied
        );
        let flags = rustix::fs::fstatvfs(mounted).unwrap().f_flag;
        assert!(flags.contains(rustix::fs::StatVfsMountFlags::NOSUID));
    }

    #[test]
    fn too_few_folders_are_refused() {
        let lowers = LowerDirs {
            base: PathBuf::from("/"),
            names: vec!["1/fs".to_owned()],
            root: Default::default(),
        };
        let error = mount_detached(&lowers, None).unwrap_err();
        assert!(
            matches!(error, OverlayError::TooFew { lowers: 1 }),
            "{error}"
        );
    }
}
