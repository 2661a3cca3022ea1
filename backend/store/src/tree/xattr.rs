//! Extended attributes: which are part of a layer, which are overlayfs's own.

use std::os::fd::AsFd;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, flistxattr_query, fremovexattr, fsetxattr};
use rustix::io::Errno;

use crate::limits::XATTR_BYTES_MAX;

/// Marks a folder that hides what lower layers have in it (kernel documentation, filesystems/overlayfs, "whiteouts and
/// opaque directories").
pub(crate) const OPAQUE: &str = "trusted.overlay.opaque";

/// Leads from an entry that was copied up to the lower one (kernel source, `fs/overlayfs/copy_up.c`).
pub(crate) const ORIGIN: &str = "trusted.overlay.origin";

/// What overlayfs keeps for itself. Never taken from an archive: `trusted.overlay.redirect` would let a layer name any
/// folder of the stack. Never written to one either: it means nothing elsewhere.
const OVERLAY_PREFIX: &str = "trusted.overlay.";

/// An attribute's name and value.
pub(crate) type Xattr = (String, Vec<u8>);

/// Whether an attribute is a layer's: a program's capabilities, and what users set. Labels of the host's security
/// module, access lists and `trusted.` ones are the host's.
pub(crate) fn is_kept(name: &str) -> bool {
    name == "security.capability"
        || (name.starts_with("user.") && !name.starts_with("user.overlay."))
}

/// A file's or folder's attributes as far as a layer keeps them, sorted, and overlayfs's own by name.
pub(crate) fn read(file: impl AsFd) -> Result<(Vec<Xattr>, Vec<String>), Errno> {
    let file = file.as_fd();
    match flistxattr_query(file) {
        // Most entries have none, and need no buffer; some filesystems have none at all.
        Ok(0) | Err(Errno::NOTSUP) => return Ok(Default::default()),
        Ok(_) => {}
        Err(error) => return Err(error),
    }
    let mut names = vec![0_u8; XATTR_BYTES_MAX];
    let count = flistxattr(file, &mut names[..])?;
    let (mut kept, mut own) = (Vec::new(), Vec::new());
    for name in names[..count].split(|&byte| byte == 0) {
        // Names that aren't UTF-8 are nobody's that is kept.
        let Ok(name) = str::from_utf8(name) else {
            continue;
        };
        if name.starts_with(OVERLAY_PREFIX) {
            own.push(name.to_owned());
        } else if is_kept(name) {
            let mut value = vec![0; XATTR_BYTES_MAX];
            let length = fgetxattr(file, name, &mut value[..])?;
            value.truncate(length);
            kept.push((name.to_owned(), value));
        }
    }
    kept.sort_unstable();
    Ok((kept, own))
}

/// Whether overlayfs marked the folder as opaque.
pub(crate) fn is_opaque(folder: impl AsFd) -> Result<bool, Errno> {
    let mut value = [0_u8; 2];
    match fgetxattr(folder, OPAQUE, &mut value[..]) {
        Ok(length) => Ok(value[..length] == *b"y"),
        // NODATA: not marked; RANGE: another mark, longer than those of one letter.
        Err(Errno::NODATA | Errno::NOTSUP | Errno::RANGE) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Marks a folder as opaque.
pub(crate) fn set_opaque(folder: impl AsFd) -> Result<(), Errno> {
    fsetxattr(folder, OPAQUE, b"y", XattrFlags::empty())
}

/// Sets a kept attribute; a filesystem without any loses it.
pub(crate) fn set(file: impl AsFd, name: &str, value: &[u8]) -> Result<(), Errno> {
    match fsetxattr(file, name, value, XattrFlags::empty()) {
        Err(Errno::NOTSUP) => Ok(()),
        result => result,
    }
}

/// Takes an attribute away, where it is there.
pub(crate) fn remove(file: impl AsFd, name: &str) -> Result<(), Errno> {
    match fremovexattr(file, name) {
        Err(Errno::NODATA) => Ok(()),
        result => result,
    }
}
