//! Unpacking a layer's tar into the form that overlayfs stacks: whiteouts become character devices 0:0, opaque marks
//! become an attribute.
//!
//! The tar is not trusted. Every path is resolved in the target as in a root ([`Root`]), so that a link in the layer
//! leads where it would lead in a container, and never out. The rules for entries that meet are Docker's: a later entry
//! replaces an earlier one, but a folder stays when a folder of its name comes again.

mod error;
mod name;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use estiva_shared::image::{TarEntry, TarError, TarKind, TarReader};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Uid, chmodat, chownat, fchmod, fchown, linkat, makedev,
    mkdirat, mknodat, openat, symlinkat, unlinkat,
};
use rustix::io::Errno;

pub use error::ExtractError;
pub(crate) use name::shown;
use name::{Mark, Name};

use crate::error::IoFault;
use crate::limits::{FOLDER_NAME_BYTES_MAX, LAYER_ENTRIES_MAX};
use crate::tree::node::{set_folder_mtime, set_mtime};
use crate::tree::root::{Root, Standing, standing};
use crate::tree::{remove_all, xattr};

/// What is read of the tar at once.
const READ_BUFFER_BYTES: usize = 256 << 10;

/// The mode of a folder that the layer doesn't mention, but puts something into.
const IMPLIED_FOLDER_MODE: u32 = 0o755;

/// When such a folder was changed, as far as anybody knows: the same each time a layer is unpacked.
const IMPLIED_FOLDER_MTIME: i64 = 0;

/// What unpacking found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extracted {
    /// The tar has an entry for the root folder itself.
    pub(crate) has_root: bool,
    /// The root folder is opaque: nothing of lower layers is left.
    pub(crate) opaque_root: bool,
}

/// Unpacks a plain tar into an empty folder.
pub(crate) fn extract(tar: File, target: &Path) -> Result<Extracted, ExtractError> {
    let root = Root::open(target).map_err(IoFault::at("open", target))?;
    let mut extractor = Extractor {
        root,
        parent: None,
        folders: BTreeMap::from([(Vec::new(), IMPLIED_FOLDER_MTIME)]),
        folder_name_bytes: 0,
        entries: 0,
        found: Extracted::default(),
    };
    let mut reader = TarReader::new(BufReader::with_capacity(READ_BUFFER_BYTES, tar));
    while let Some(entry) = reader.next_entry()? {
        extractor.entry(&entry, &mut reader)?;
    }
    extractor.set_folder_times()?;
    Ok(extractor.found)
}

struct Extractor {
    root: Root,
    /// The folder that the last entry lies in: the next one often lies there too.
    parent: Option<(Vec<u8>, OwnedFd)>,
    /// When each folder was changed, to be set at the end: every entry in it changes it again.
    folders: BTreeMap<Vec<u8>, i64>,
    /// The bytes of those paths: a deep folder is cheap in a tar, and holds the paths of all that are above it here.
    folder_name_bytes: usize,
    entries: u64,
    found: Extracted,
}

impl Extractor {
    fn entry(&mut self, entry: &TarEntry, content: &mut impl BufRead) -> Result<(), ExtractError> {
        self.count()?;
        let name = Name::check(&entry.path)?;
        let owner = owner(entry, &name)?;
        if name.is_root() {
            return self.root_entry(entry, owner);
        }
        match name.mark() {
            Mark::Ignored => return Ok(()),
            Mark::Opaque => return self.opaque(&name),
            Mark::Whiteout(gone) => return self.whiteout(&name, gone),
            Mark::Entry => {}
        }
        let parent = self.take_parent(&name)?;
        let place = Place {
            parent: &parent,
            name: &name,
        };
        match entry.kind {
            TarKind::Directory => self.folder(&place, entry, owner)?,
            TarKind::File => place.file(entry, owner, content)?,
            TarKind::Symlink => place.symlink(entry, owner)?,
            TarKind::Hardlink => self.hard_link(&place, entry)?,
            TarKind::CharDevice if entry.device == (0, 0) => {
                return Err(ExtractError::WhiteoutDevice { path: name.shown() });
            }
            TarKind::CharDevice => place.device(FileType::CharacterDevice, entry, owner)?,
            TarKind::BlockDevice => place.device(FileType::BlockDevice, entry, owner)?,
            TarKind::Fifo => place.device(FileType::Fifo, entry, owner)?,
            TarKind::Other(flag) => {
                return Err(ExtractError::UnknownType {
                    path: name.shown(),
                    flag: flag.into(),
                });
            }
        }
        self.parent = Some((name.parent().to_owned(), parent));
        Ok(())
    }

    fn count(&mut self) -> Result<(), ExtractError> {
        self.entries += 1;
        if self.entries > LAYER_ENTRIES_MAX {
            return Err(ExtractError::TooManyEntries);
        }
        Ok(())
    }

    fn root_entry(&mut self, entry: &TarEntry, owner: Owner) -> Result<(), ExtractError> {
        if entry.kind != TarKind::Directory {
            return Err(ExtractError::NotAFolder {
                path: shown(&entry.path),
            });
        }
        self.found.has_root = true;
        self.folders.insert(Vec::new(), entry.mtime);
        dress(self.root.folder(), entry, owner).map_err(fault("unpack", b"."))?;
        Ok(())
    }

    fn folder(
        &mut self,
        place: &Place<'_>,
        entry: &TarEntry,
        owner: Owner,
    ) -> Result<(), ExtractError> {
        let folder = place.make_folder()?;
        dress(&folder, entry, owner).map_err(place.fault("unpack"))?;
        self.note_folder(place.name.path())?;
        self.folders
            .insert(place.name.path().to_owned(), entry.mtime);
        Ok(())
    }

    /// Counts a folder's path against what may be held of them.
    fn note_folder(&mut self, path: &[u8]) -> Result<(), ExtractError> {
        if !self.folders.contains_key(path) {
            self.folder_name_bytes += path.len();
        }
        if self.folder_name_bytes > FOLDER_NAME_BYTES_MAX {
            return Err(ExtractError::TooManyNames);
        }
        Ok(())
    }

    fn hard_link(&mut self, place: &Place<'_>, entry: &TarEntry) -> Result<(), ExtractError> {
        let target = Name::check(entry.link.as_deref().unwrap_or_default())?;
        let missing = || ExtractError::MissingTarget {
            path: place.name.shown(),
            target: target.shown(),
        };
        if target.is_root() {
            return Err(missing());
        }
        let folder = self
            .root
            .open_parent(target.parent())
            .map_err(|_| missing())?;
        if standing(&folder, target.last()) != Ok(Standing::Other) {
            return Err(missing());
        }
        if target == *place.name {
            return Ok(());
        }
        place.clear()?;
        // Without AT_SYMLINK_FOLLOW, a symbolic link is linked itself.
        linkat(
            folder,
            target.last(),
            place.parent,
            place.name.last(),
            AtFlags::empty(),
        )
        .map_err(place.fault("link"))?;
        Ok(())
    }

    /// All of the lower layers' entries in the folder are gone.
    fn opaque(&mut self, name: &Name) -> Result<(), ExtractError> {
        if name.parent().is_empty() {
            // overlayfs doesn't look at a root's mark: who stacks the layers does.
            self.found.opaque_root = true;
            return Ok(());
        }
        let parent = self.take_parent(name)?;
        drop(parent);
        let folder = self
            .root
            .open_folder(name.parent())
            .map_err(fault("open", name.parent()))?;
        xattr::set_opaque(folder).map_err(fault("mark as opaque", name.parent()))?;
        Ok(())
    }

    /// The lower layers' entry is gone. An entry of this layer itself stays (OCI image specification, "Whiteouts": they
    /// "MUST only apply to resources in lower/parent layers").
    fn whiteout(&mut self, name: &Name, gone: &[u8]) -> Result<(), ExtractError> {
        let parent = self.take_parent(name)?;
        match standing(&parent, gone).map_err(fault("look up", name.path()))? {
            Standing::Nothing => {
                mknodat(
                    &parent,
                    gone,
                    FileType::CharacterDevice,
                    Mode::empty(),
                    makedev(0, 0),
                )
                .map_err(fault("make the whiteout", name.path()))?;
            }
            Standing::Folder => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                openat(&parent, gone, flags, Mode::empty())
                    .and_then(xattr::set_opaque)
                    .map_err(fault("mark as opaque", name.path()))?;
            }
            Standing::Whiteout | Standing::Other => {}
        }
        self.parent = Some((name.parent().to_owned(), parent));
        Ok(())
    }

    /// Opens the folder that an entry lies in, and makes what is missing of it.
    fn take_parent(&mut self, name: &Name) -> Result<OwnedFd, ExtractError> {
        if let Some((path, folder)) = self.parent.take()
            && path == name.parent()
        {
            return Ok(folder);
        }
        match self.root.open_parent(name.parent()) {
            Ok(folder) => Ok(folder),
            Err(Errno::NOENT | Errno::NOTDIR) => self.make_parents(name),
            Err(error) => Err(fault("open", name.parent())(error).into()),
        }
    }

    fn make_parents(&mut self, name: &Name) -> Result<OwnedFd, ExtractError> {
        let mut folder = self.root.open_parent(b"").map_err(fault("open", b"."))?;
        let parent = name.parent();
        let ends = (0..parent.len())
            .filter(|&at| parent[at] == b'/')
            .chain([parent.len()]);
        for end in ends {
            let path = &parent[..end];
            folder = match self.root.open_parent(path) {
                Ok(folder) => folder,
                Err(Errno::NOENT | Errno::NOTDIR) => self.make_parent(&folder, path, name)?,
                Err(error) => return Err(fault("open", path)(error).into()),
            };
        }
        Ok(folder)
    }

    fn make_parent(
        &mut self,
        above: &OwnedFd,
        path: &[u8],
        name: &Name,
    ) -> Result<OwnedFd, ExtractError> {
        self.count()?;
        let implied = Name::check(path)?;
        let place = Place {
            parent: above,
            name: &implied,
        };
        match standing(above, implied.last()).map_err(place.fault("look up"))? {
            Standing::Nothing | Standing::Whiteout => {}
            // A file, or a link to what isn't there.
            Standing::Folder | Standing::Other => {
                return Err(ExtractError::NotAFolder { path: name.shown() });
            }
        }
        let folder = place.make_folder()?;
        fchmod(&folder, Mode::from_raw_mode(IMPLIED_FOLDER_MODE)).map_err(place.fault("unpack"))?;
        self.note_folder(path)?;
        self.folders
            .entry(path.to_owned())
            .or_insert(IMPLIED_FOLDER_MTIME);
        Ok(folder)
    }

    fn set_folder_times(&self) -> Result<(), ExtractError> {
        for (path, mtime) in &self.folders {
            match self.root.open_folder(path) {
                Ok(folder) => {
                    set_folder_mtime(folder, *mtime).map_err(fault("set the time of", path))?
                }
                // Something else took its place since.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(error) => return Err(fault("open", path)(error).into()),
            }
        }
        Ok(())
    }
}

/// Owner and group, as Linux has them.
type Owner = (Uid, Gid);

fn owner(entry: &TarEntry, name: &Name) -> Result<Owner, ExtractError> {
    // The highest number means "unchanged" to chown(2).
    let id = |number: u64| u32::try_from(number).ok().filter(|&id| id != u32::MAX);
    match (id(entry.uid), id(entry.gid)) {
        (Some(uid), Some(gid)) => Ok((Uid::from_raw(uid), Gid::from_raw(gid))),
        _ => Err(ExtractError::Owner {
            path: name.shown(),
            uid: entry.uid,
            gid: entry.gid,
        }),
    }
}

/// Gives an opened file or folder what its entry says. The owner first: a change of owner takes set-id bits and
/// capabilities away (chown(2)).
fn dress(opened: &OwnedFd, entry: &TarEntry, (uid, gid): Owner) -> Result<(), Errno> {
    fchown(opened, Some(uid), Some(gid))?;
    fchmod(opened, Mode::from_raw_mode(entry.mode & 0o7777))?;
    for (name, value) in &entry.xattrs {
        if xattr::is_kept(name) {
            xattr::set(opened, name, value)?;
        }
    }
    Ok(())
}

/// Where an entry goes: an opened folder and a name in it.
struct Place<'a> {
    parent: &'a OwnedFd,
    name: &'a Name,
}

impl Place<'_> {
    fn fault(&self, action: &'static str) -> impl FnOnce(Errno) -> IoFault {
        fault(action, self.name.path())
    }

    /// Takes away what stands there.
    fn clear(&self) -> Result<(), ExtractError> {
        let name = self.name.last();
        match standing(self.parent, name).map_err(self.fault("look up"))? {
            Standing::Nothing => Ok(()),
            Standing::Folder => {
                // By way of the descriptor, whose folder was resolved in the root.
                let parent = PathBuf::from(format!("/proc/self/fd/{}", self.parent.as_raw_fd()));
                Ok(remove_all(&parent.join(OsStr::from_bytes(name)))?)
            }
            Standing::Whiteout | Standing::Other => {
                unlinkat(self.parent, name, AtFlags::empty()).map_err(self.fault("replace"))?;
                Ok(())
            }
        }
    }

    /// A folder, the one that stands there already or a new one. Where a whiteout stood, it hides what lies below.
    fn make_folder(&self) -> Result<OwnedFd, ExtractError> {
        let name = self.name.last();
        let stood = standing(self.parent, name).map_err(self.fault("look up"))?;
        if stood != Standing::Folder {
            self.clear()?;
            mkdirat(self.parent, name, Mode::RWXU).map_err(self.fault("create"))?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = openat(self.parent, name, flags, Mode::empty()).map_err(self.fault("open"))?;
        if stood == Standing::Whiteout {
            xattr::set_opaque(&folder).map_err(self.fault("mark as opaque"))?;
        }
        Ok(folder)
    }

    fn file(
        &self,
        entry: &TarEntry,
        owner: Owner,
        content: &mut impl BufRead,
    ) -> Result<(), ExtractError> {
        self.clear()?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(
            self.parent,
            self.name.last(),
            flags,
            Mode::RUSR | Mode::WUSR,
        )
        .map_err(self.fault("create"))?;
        let mut file = File::from(opened);
        let at = || IoFault::at("write", path_of(self.name.path()));
        for stored in entry.stored() {
            if entry.sparse.is_some() {
                file.seek(SeekFrom::Start(stored.offset)).map_err(at())?;
            }
            let mut left = stored.length;
            while left > 0 {
                let piece = content.fill_buf().map_err(|source| TarError::Io {
                    offset: entry.content_offset,
                    source,
                })?;
                if piece.is_empty() {
                    break;
                }
                let count = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                file.write_all(&piece[..count]).map_err(at())?;
                content.consume(count);
                left -= count as u64;
            }
        }
        if entry.sparse.is_some() {
            file.set_len(entry.apparent_size()).map_err(at())?;
        }
        let opened = OwnedFd::from(file);
        dress(&opened, entry, owner).map_err(self.fault("unpack"))?;
        self.set_time(entry)
    }

    fn symlink(&self, entry: &TarEntry, (uid, gid): Owner) -> Result<(), ExtractError> {
        self.clear()?;
        let target = entry.link.as_deref().unwrap_or_default();
        let name = self.name.last();
        symlinkat(target, self.parent, name).map_err(self.fault("create"))?;
        chownat(
            self.parent,
            name,
            Some(uid),
            Some(gid),
            AtFlags::SYMLINK_NOFOLLOW,
        )
        .map_err(self.fault("unpack"))?;
        self.set_time(entry)
    }

    fn device(
        &self,
        kind: FileType,
        entry: &TarEntry,
        (uid, gid): Owner,
    ) -> Result<(), ExtractError> {
        self.clear()?;
        let name = self.name.last();
        let (major, minor) = entry.device;
        let mode = Mode::from_raw_mode(entry.mode & 0o7777);
        mknodat(self.parent, name, kind, mode, makedev(major, minor))
            .map_err(self.fault("create"))?;
        let nofollow = AtFlags::SYMLINK_NOFOLLOW;
        chownat(self.parent, name, Some(uid), Some(gid), nofollow).map_err(self.fault("unpack"))?;
        // mknod(2) leaves out what the umask says. The name is no link: it was made above, in a folder of nobody else.
        chmodat(self.parent, name, mode, AtFlags::empty()).map_err(self.fault("unpack"))?;
        self.set_time(entry)
    }

    fn set_time(&self, entry: &TarEntry) -> Result<(), ExtractError> {
        set_mtime(self.parent, self.name.last(), entry.mtime)
            .map_err(self.fault("set the time of"))?;
        Ok(())
    }
}

fn fault(action: &'static str, path: &[u8]) -> impl FnOnce(Errno) -> IoFault {
    IoFault::at(action, path_of(path))
}

fn path_of(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}
