//! The difference between an overlay's upper folder and what lies below it, written as a layer's tar in one walk.
//!
//! The upper folder is made equal to the tar on the way, so that unpacking the tar anywhere gives the same folder: what
//! overlayfs only copied up goes, its own attributes go, times are cut to whole seconds.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use crate::commit::CommitError;
use crate::error::IoFault;
use crate::limits::{DEPTH_MAX, PATH_BYTES_MAX};
use crate::tar_writer::{Header, TarWriter, Type};
use crate::tree::node::{self, Kind, Node};
use crate::tree::{OPAQUE_NAME, WHITEOUT_PREFIX, xattr};

/// Is told the bytes of each piece that is written, and 0 at each entry; says whether to go on.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// What of two files is compared at once.
const COMPARE_BYTES: usize = 128 << 10;

/// What the walk found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Entries written.
    pub(crate) entries: u64,
    /// The root folder's own mode or owner changed, and is among them.
    pub(crate) has_root: bool,
}

/// What is compared.
pub(crate) struct Sides<'a> {
    /// The upper folder.
    pub(crate) upper: OwnedFd,
    /// What lies below it, merged; none where nothing does.
    pub(crate) lower: Option<OwnedFd>,
    /// Mode and owner of the root folder before.
    pub(crate) root: crate::layers::RootAttributes,
    /// Paths that the caller's mounts left.
    pub(crate) hide: &'a HashSet<Vec<u8>>,
}

/// Walks, writes, and gives the tar's writer back with its end written.
pub(crate) fn write<W: Write>(
    sides: Sides<'_>,
    out: W,
    progress: Progress<'_>,
) -> Result<(W, Found), CommitError> {
    let mut walk = Walk {
        tar: TarWriter::new(out),
        hide: sides.hide,
        path: Vec::new(),
        pending: Vec::new(),
        linked: HashMap::new(),
        found: Found::default(),
        progress,
    };
    let root = Node::of_folder(&sides.upper).map_err(walk.fault("stat"))?;
    let before = sides.root;
    if (root.mode, root.uid, root.gid) != (before.mode, before.uid, before.gid) {
        walk.found.has_root = true;
        walk.path = b".".to_vec();
        walk.write_entry(&root, None)?;
        walk.path.clear();
    }
    walk.strip(&sides.upper, &root, false)?;
    let top = Level::new(sides.upper, sides.lower).map_err(walk.fault("read"))?;
    let upper = walk.walk(top)?;
    node::set_folder_mtime(&upper, root.mtime).map_err(walk.fault("set the time of"))?;
    let Walk { tar, found, .. } = walk;
    let out = tar
        .finish()
        .map_err(IoFault::at("write", "the layer's tar"))?;
    Ok((out, found))
}

struct Walk<'a, W> {
    tar: TarWriter<W>,
    hide: &'a HashSet<Vec<u8>>,
    /// Where the walk is, relative.
    path: Vec<u8>,
    /// The folders above that are not written yet: they are when something in them is.
    pending: Vec<Pending>,
    /// The first path of each inode that has several.
    linked: HashMap<(u64, u64), Vec<u8>>,
    found: Found,
    progress: Progress<'a>,
}

/// A folder that is being walked, and its names that are still to come.
struct Level {
    upper: OwnedFd,
    lower: Option<OwnedFd>,
    names: std::vec::IntoIter<Vec<u8>>,
    /// Something that the caller's mounts left was taken away.
    hid: bool,
}

impl Level {
    fn new(upper: OwnedFd, lower: Option<OwnedFd>) -> Result<Self, Errno> {
        let names = node::names(&upper)?.into_iter();
        Ok(Self {
            upper,
            lower,
            names,
            hid: false,
        })
    }
}

/// The folder of a level, but for the topmost.
struct Pending {
    node: Node,
    /// Where its path ends, and where its name begins in that.
    path_length: usize,
    name_start: usize,
    /// What the lower folder is, where it isn't hidden.
    below: Option<Node>,
    /// It hides all that lies below, and something does.
    opaque: bool,
    written: bool,
}

/// An entry with what is open of it.
type Opened = (Node, Option<OwnedFd>);

/// What became of an entry.
enum Outcome {
    /// It was written, or left out as nothing new.
    Settled,
    /// It was taken away as something that the caller's mounts left.
    Hid,
    /// It is a folder, whose entries come first.
    Below(Level),
}

impl<W: Write> Walk<'_, W> {
    /// Walks all levels, without a call in a call: a thread's stack is small, and a step may nest folders as it likes.
    /// Answers the topmost upper folder.
    fn walk(&mut self, mut level: Level) -> Result<OwnedFd, CommitError> {
        let mut above: Vec<Level> = Vec::new();
        loop {
            let Some(name) = level.names.next() else {
                let Some(mut parent) = above.pop() else {
                    return Ok(level.upper);
                };
                parent.hid |= self.leave(&parent.upper, &level)?;
                level = parent;
                continue;
            };
            let length = self.path.len();
            if length > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(&name);
            match self.child(&level, &name)? {
                Outcome::Below(below) => above.push(std::mem::replace(&mut level, below)),
                Outcome::Settled => self.path.truncate(length),
                Outcome::Hid => {
                    level.hid = true;
                    self.path.truncate(length);
                }
            }
        }
    }

    fn child(&mut self, level: &Level, name: &[u8]) -> Result<Outcome, CommitError> {
        let upper = &level.upper;
        if self.path.len() > PATH_BYTES_MAX {
            return Err(CommitError::PathTooLong { path: self.shown() });
        }
        if (self.progress)(0).is_break() {
            return Err(CommitError::Cancelled);
        }
        let Some((entry, opened)) = Node::read(upper.as_fd(), name).map_err(self.fault("read"))?
        else {
            return Ok(Outcome::Settled);
        };
        let below = match &level.lower {
            Some(lower) => below(lower, name).map_err(self.fault("read what lies below"))?,
            None => None,
        };
        if entry.is_whiteout() {
            self.whiteout(upper, name, below.is_some())?;
            return Ok(Outcome::Settled);
        }
        if name.starts_with(WHITEOUT_PREFIX) {
            return Err(CommitError::ReservedName { path: self.shown() });
        }
        match (&entry.kind, opened) {
            (Kind::Folder, Some(folder)) => {
                self.enter(entry, folder, below, name).map(Outcome::Below)
            }
            (Kind::Socket, _) => self.drop_entry(upper, name).map(|()| Outcome::Settled),
            (_, opened) => self.leaf(upper, name, &entry, opened, below),
        }
    }

    fn whiteout(&mut self, upper: &OwnedFd, name: &[u8], below: bool) -> Result<(), CommitError> {
        if !below {
            return self.drop_entry(upper, name);
        }
        let folder = self.path.len() - name.len();
        let mut path = self.path[..folder].to_owned();
        path.extend_from_slice(WHITEOUT_PREFIX);
        path.extend_from_slice(name);
        self.write_pending()?;
        self.write_header(&Header::new(Type::File, &path))
    }

    /// Begins with a folder.
    fn enter(
        &mut self,
        mut entry: Node,
        folder: OwnedFd,
        below: Option<Opened>,
        name: &[u8],
    ) -> Result<Level, CommitError> {
        if self.pending.len() >= DEPTH_MAX {
            return Err(CommitError::TooDeep { path: self.shown() });
        }
        let below = below.filter(|(node, _)| node.kind == Kind::Folder);
        let is_opaque = xattr::is_opaque(&folder).map_err(self.fault("read"))? && below.is_some();
        self.strip(&folder, &entry, is_opaque)?;
        let (below, lower) = match below {
            Some((node, opened)) if !is_opaque => (Some(node), opened),
            _ => (None, None),
        };
        let level = Level::new(folder, lower).map_err(self.fault("read"))?;
        if let Some(below) = &below
            && self.only_mounts_changed(&level)?
        {
            entry.mtime = below.mtime;
        }
        self.pending.push(Pending {
            node: entry,
            path_length: self.path.len(),
            name_start: self.path.len() - name.len(),
            below,
            opaque: is_opaque,
            written: false,
        });
        Ok(level)
    }

    /// Whether the folder got a new time from nothing but the caller's mounts: some of its names are what they left, and all
    /// others were only copied up, which leaves a folder's time alone.
    fn only_mounts_changed(&self, level: &Level) -> Result<bool, CommitError> {
        let Some(lower) = &level.lower else {
            return Ok(false);
        };
        let names = level.names.as_slice();
        let is_hidden = |name: &[u8]| self.hide.contains(&[&self.path[..], b"/", name].concat());
        if !names.iter().any(|name| is_hidden(name)) {
            return Ok(false);
        }
        let mut left = false;
        for name in names {
            let entry = Node::read(level.upper.as_fd(), name).map_err(self.fault("read"))?;
            let Some((entry, opened)) = entry else {
                continue;
            };
            let below = below(lower, name).map_err(self.fault("read what lies below"))?;
            let is_left = below.is_none() && is_hidden(name) && is_empty(&entry, opened.as_ref())?;
            if !is_left && (below.is_none() || !entry.is_copied_up()) {
                return Ok(false);
            }
            left |= is_left;
        }
        Ok(left)
    }

    /// Ends with a folder whose entries are done, and goes back to the one above; whether it was taken away as
    /// something that the caller's mounts left.
    fn leave(&mut self, parent: &OwnedFd, level: &Level) -> Result<bool, CommitError> {
        let Some(pending) = self.pending.pop() else {
            return Ok(false);
        };
        let above = pending.name_start.saturating_sub(1);
        let is_hid = self.settle(parent, level, pending)?;
        self.path.truncate(above);
        Ok(is_hid)
    }

    fn settle(
        &mut self,
        parent: &OwnedFd,
        level: &Level,
        mut pending: Pending,
    ) -> Result<bool, CommitError> {
        let name = &self.path[pending.name_start..];
        let is_left = !pending.written && pending.below.is_none() && !pending.opaque;
        if is_left && self.hide.contains(&self.path) {
            return self.drop_folder(parent, name).map(|()| true);
        }
        if !pending.written
            && let Some(below) = &pending.below
        {
            if level.hid {
                // What was taken away is all that changed the folder's time.
                pending.node.mtime = below.mtime;
            }
            if pending.node.same_metadata(below) {
                return self.drop_folder(parent, name).map(|()| false);
            }
        }
        let mtime = pending.node.mtime;
        if !pending.written {
            self.pending.push(pending);
            self.write_pending()?;
            self.pending.pop();
        }
        node::set_folder_mtime(&level.upper, mtime).map_err(self.fault("set the time of"))?;
        Ok(false)
    }

    fn leaf(
        &mut self,
        upper: &OwnedFd,
        name: &[u8],
        entry: &Node,
        opened: Option<OwnedFd>,
        below: Option<Opened>,
    ) -> Result<Outcome, CommitError> {
        let is_hidden = self.hide.contains(&self.path);
        if is_hidden && below.is_none() && entry.kind == Kind::File && entry.size == 0 {
            return self.drop_entry(upper, name).map(|()| Outcome::Hid);
        }
        if let Some(file) = &opened {
            self.strip(file, entry, false)?;
        }
        let file = opened.map(node::file);
        if let Some((below, below_file)) = below
            // One of several names of a new inode is written with the others.
            && (entry.links == 1 || entry.kind != Kind::File)
            && entry.same_metadata(&below)
            && same_content(file.as_ref(), below_file.map(node::file).as_ref())
                .map_err(IoFault::at("compare", self.os_path()))?
        {
            return self.drop_entry(upper, name).map(|()| Outcome::Settled);
        }
        self.write_pending()?;
        self.write_entry(entry, file.as_ref())?;
        node::set_mtime(upper, name, entry.mtime).map_err(self.fault("set the time of"))?;
        Ok(Outcome::Settled)
    }

    /// Writes the folders above, which have something to show now.
    fn write_pending(&mut self) -> Result<(), CommitError> {
        let mut pending = std::mem::take(&mut self.pending);
        let path = self.path.clone();
        for folder in pending.iter_mut().filter(|folder| !folder.written) {
            self.path.truncate(folder.path_length);
            self.write_entry(&folder.node, None)?;
            if folder.opaque {
                let mark = [&self.path[..], b"/", OPAQUE_NAME].concat();
                self.write_header(&Header::new(Type::File, &mark))?;
            }
            folder.written = true;
            self.path.clone_from(&path);
        }
        self.pending = pending;
        Ok(())
    }

    fn write_header(&mut self, header: &Header<'_>) -> Result<(), CommitError> {
        self.found.entries += 1;
        self.tar
            .entry(header)
            .map_err(IoFault::at("write the layer's entry for", self.os_path()))?;
        Ok(())
    }

    fn write_entry(
        &mut self,
        entry: &Node,
        file: Option<&std::fs::File>,
    ) -> Result<(), CommitError> {
        let path = self.path.clone();
        let mut header = Header::new(Type::File, &path);
        header.mode = entry.mode;
        header.uid = entry.uid;
        header.gid = entry.gid;
        header.mtime = entry.mtime;
        header.xattrs = &entry.xattrs;
        let first = match entry.kind {
            Kind::File if entry.links > 1 => self.linked.get(&entry.inode).cloned(),
            _ => None,
        };
        if let Some(first) = &first {
            header.entry_type = Type::HardLink;
            header.link = first;
            header.xattrs = &[];
            return self.write_header(&header);
        }
        match &entry.kind {
            Kind::File => return self.write_file(&mut header, entry, file),
            Kind::Folder => header.entry_type = Type::Folder,
            Kind::Symlink { target } => {
                header.entry_type = Type::Symlink;
                header.link = target;
            }
            Kind::CharDevice { major, minor } => {
                header.entry_type = Type::CharDevice;
                header.device = (*major, *minor);
            }
            Kind::BlockDevice { major, minor } => {
                header.entry_type = Type::BlockDevice;
                header.device = (*major, *minor);
            }
            Kind::Fifo => header.entry_type = Type::Fifo,
            // Sockets are dropped before.
            Kind::Socket => return Ok(()),
        }
        self.write_header(&header)
    }

    fn write_file(
        &mut self,
        header: &mut Header<'_>,
        entry: &Node,
        file: Option<&std::fs::File>,
    ) -> Result<(), CommitError> {
        header.size = entry.size;
        self.found.entries += 1;
        if entry.links > 1 {
            self.linked.insert(entry.inode, self.path.clone());
        }
        let mut content: &mut dyn Read = &mut io::empty();
        let mut opened = file;
        if let Some(file) = &mut opened {
            content = file;
        }
        let mut go_on = true;
        let written = self.tar.file(header, content, &mut |bytes| {
            go_on = (self.progress)(bytes).is_continue();
            if go_on {
                Ok(())
            } else {
                Err(io::ErrorKind::Interrupted.into())
            }
        });
        if !go_on {
            return Err(CommitError::Cancelled);
        }
        let fault = IoFault::at("write the layer's entry for", os_path(&self.path));
        Ok(written.map_err(fault)?)
    }

    /// Takes overlayfs's own attributes away; an opaque mark stays where it hides something.
    fn strip(&self, opened: &OwnedFd, entry: &Node, keep_opaque: bool) -> Result<(), CommitError> {
        for name in &entry.overlay_xattrs {
            if !(keep_opaque && name == xattr::OPAQUE) {
                xattr::remove(opened, name).map_err(self.fault("change"))?;
            }
        }
        Ok(())
    }

    fn drop_entry(&self, upper: &OwnedFd, name: &[u8]) -> Result<(), CommitError> {
        unlinkat(upper, name, AtFlags::empty()).map_err(self.fault("remove"))?;
        Ok(())
    }

    fn drop_folder(&self, upper: &OwnedFd, name: &[u8]) -> Result<(), CommitError> {
        unlinkat(upper, name, AtFlags::REMOVEDIR).map_err(self.fault("remove"))?;
        Ok(())
    }

    fn fault(&self, action: &'static str) -> impl FnOnce(Errno) -> IoFault {
        IoFault::at(action, self.os_path())
    }

    fn os_path(&self) -> &Path {
        os_path(&self.path)
    }

    fn shown(&self) -> String {
        crate::extract::shown(&self.path)
    }
}

/// What lies below an entry, through whiteouts.
fn below(lower: &OwnedFd, name: &[u8]) -> Result<Option<Opened>, Errno> {
    Ok(Node::read(lower.as_fd(), name)?.filter(|(node, _)| !node.is_whiteout()))
}

/// Whether it is an empty file or folder, as mounts leave them.
fn is_empty(entry: &Node, opened: Option<&OwnedFd>) -> Result<bool, IoFault> {
    match (&entry.kind, opened) {
        (Kind::File, _) => Ok(entry.size == 0),
        (Kind::Folder, Some(folder)) => Ok(node::names(folder)
            .map_err(IoFault::at("read", "a folder of the layer"))?
            .is_empty()),
        _ => Ok(false),
    }
}

fn os_path(path: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(path))
}

/// Compares files of the same size from their starts; both are left at their starts.
fn same_content(
    left: Option<&std::fs::File>,
    right: Option<&std::fs::File>,
) -> Result<bool, io::Error> {
    use std::os::unix::fs::FileExt;
    let (Some(left), Some(right)) = (left, right) else {
        // Links, devices and fifos are all metadata.
        return Ok(true);
    };
    let (mut one, mut other) = (vec![0; COMPARE_BYTES], vec![0; COMPARE_BYTES]);
    let mut offset = 0;
    loop {
        let count = left.read_at(&mut one, offset)?;
        if count == 0 {
            return Ok(true);
        }
        match right.read_exact_at(&mut other[..count], offset) {
            Ok(()) if one[..count] == other[..count] => offset += count as u64,
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}
