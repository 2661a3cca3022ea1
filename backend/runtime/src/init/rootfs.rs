//! Mounts the container's root file system, in the container's own mount namespace.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags, mount, move_mount, open_tree};

use super::InitError;
use crate::spec::{OverlayRootfs, Rootfs};
use crate::sys;

/// How long the options of a mount may be, in bytes: a page with its terminating zero.
const OPTIONS_BYTES_MAX: usize = 4096;

/// Mounts it, and gives its root. The mount is `nodev`: a device node that an image brings or a container makes opens
/// nothing, with or without a device controller.
pub(super) fn mount_root(rootfs: &Rootfs) -> Result<OwnedFd, InitError> {
    match rootfs {
        Rootfs::Folder(folder) => mount_folder(folder),
        Rootfs::Overlay(overlay) => mount_overlay(overlay),
    }
}

fn mount_folder(folder: &Path) -> Result<OwnedFd, InitError> {
    let mounted = || -> io::Result<OwnedFd> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE;
        let tree = open_tree(CWD, folder, flags)?;
        sys::set_mount_attributes(tree.as_fd(), libc::MOUNT_ATTR_NODEV, true)?;
        // pivot_root wants a mount point for a root: the folder itself becomes one.
        move_mount(
            &tree,
            "",
            CWD,
            folder,
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
        )?;
        Ok(tree)
    };
    mounted().map_err(|source| InitError::MountRootfs {
        target: folder.to_owned(),
        source,
    })
}

fn mount_overlay(overlay: &OverlayRootfs) -> Result<OwnedFd, InitError> {
    let target = &overlay.mountpoint;
    let failed = |source: io::Error| InitError::MountRootfs {
        target: target.clone(),
        source,
    };
    let options = options(overlay)?;
    // The layers' names are relative to it, so that more than a hundred of them fit into the options.
    rustix::process::chdir(&overlay.base).map_err(|error| failed(error.into()))?;
    mount(
        "overlay",
        target,
        "overlay",
        MountFlags::NODEV,
        options.as_c_str(),
    )
    .map_err(|error| failed(error.into()))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(target, flags, Mode::empty()).map_err(|error| failed(error.into()))
}

fn options(overlay: &OverlayRootfs) -> Result<std::ffi::CString, InitError> {
    let layers: Vec<_> = overlay
        .lowers
        .iter()
        .map(|layer| escape(layer.as_bytes()))
        .collect();
    let mut options = b"lowerdir=".to_vec();
    options.extend(layers.join(&b':'));
    for (name, path) in [("upperdir", &overlay.upper), ("workdir", &overlay.work)] {
        options.extend(format!(",{name}=").into_bytes());
        options.extend(escape(path.as_os_str().as_encoded_bytes()));
    }
    // Off, whatever the host's default: with them, the upper folder would hold references that mean nothing in a layer.
    options.extend(b",redirect_dir=off,metacopy=off,index=off");
    if overlay.volatile {
        options.extend(b",volatile");
    }
    if options.len() >= OPTIONS_BYTES_MAX {
        return Err(InitError::OverlayOptions {
            max: OPTIONS_BYTES_MAX,
            found: options.len(),
        });
    }
    std::ffi::CString::new(options).map_err(|_| InitError::NulByte("the overlay's paths"))
}

/// Overlayfs separates layers by colons and options by commas, and takes a backslash for an escape.
fn escape(path: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(path.len());
    for byte in path {
        if matches!(byte, b':' | b',' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{InitError, options};
    use crate::spec::OverlayRootfs;

    fn overlay(lowers: usize) -> OverlayRootfs {
        OverlayRootfs {
            base: PathBuf::from("/store"),
            lowers: (0..lowers).map(|layer| format!("{layer}/fs")).collect(),
            upper: PathBuf::from("/store/a,b:c/fs"),
            work: PathBuf::from("/store/w\\/work"),
            mountpoint: PathBuf::from("/m"),
            volatile: true,
        }
    }

    #[test]
    fn escapes_what_overlayfs_would_take_for_separators() {
        let text = options(&overlay(2)).unwrap().into_string().unwrap();
        assert_eq!(
            text,
            "lowerdir=0/fs:1/fs,upperdir=/store/a\\,b\\:c/fs,workdir=/store/w\\\\/work,\
             redirect_dir=off,metacopy=off,index=off,volatile"
        );
    }

    #[test]
    fn takes_as_many_layers_as_images_have_and_says_so_when_there_are_too_many() {
        options(&overlay(127)).unwrap();
        assert!(matches!(
            options(&overlay(1000)),
            Err(InitError::OverlayOptions { .. })
        ));
    }
}
