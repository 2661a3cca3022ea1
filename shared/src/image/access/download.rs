//! All of a file, or a folder as a tar: what a person saves.
//!
//! A folder's files come in the order in which they lie, layer by layer, so that each layer is gone through once. Names lead
//! from the folder itself on; owners, modes, times, extended attributes and hard links within the folder stay as they are.
//! Names that are not UTF-8 come as they are shown. Format: POSIX.1-2017, "ustar Interchange Format", with GNU tar's records
//! for long names and PAX ones for extended attributes.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufReader, Read, Write};
use std::rc::Rc;

use ::tar::{Builder, EntryType, Header};

use super::super::path::parent;
use super::super::{
    Change, EntryKind, ImageAnalysis, LayerEntry, ReadAt, SparseMap, Subject, TarEntry, TarKind,
    TarReader, Window, normalise,
};
use super::entry::{Cursor, READ_BYTES};
use super::{AccessError, ContentIndex, hash_of, locate};

/// Bytes of a tar's blocks.
const BLOCK_BYTES: usize = 512;

/// Most bytes of a sparse file that is saved alone, with all its zeros.
const WRITTEN_OUT_BYTES_MAX: u64 = 4 << 30;

/// What is saved, and of which state of which image.
#[derive(Clone, Copy)]
pub struct Download<'a> {
    /// The image's number in the index.
    pub image: usize,
    /// Its analysis.
    pub analysis: &'a ImageAnalysis,
    /// The state after this layer; none for the finished image.
    pub layer: Option<usize>,
    /// The file or folder; empty for the root folder.
    pub path: &'a str,
}

impl Download<'_> {
    /// Whether a folder is meant, which is written as a tar.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.path.is_empty()
            || locate(self.analysis, self.layer, self.path)
                .is_ok_and(|(_, entry)| entry.kind == EntryKind::Directory)
    }
}

/// A path below the folder.
struct Item<'a> {
    layer: usize,
    /// Where the header of its content lies; none for what has no content.
    offset: Option<u64>,
    entry: &'a LayerEntry,
}

impl ContentIndex {
    /// Writes a file's bytes, or a folder as a tar, to `out`.
    ///
    /// # Errors
    /// An [`AccessError`]; what was written until then is incomplete. A failure of `out` is [`AccessError::Io`].
    pub fn download(
        &self,
        subject: Subject<'_>,
        what: Download<'_>,
        out: &mut dyn Write,
    ) -> Result<(), AccessError> {
        if what.is_folder() {
            return self.download_folder(subject, what, out);
        }
        let file = self.open(subject, (what.image, what.analysis), what.layer, what.path)?;
        let (size, most) = (file.size(), WRITTEN_OUT_BYTES_MAX);
        if file.entry.sparse.is_some() && size > most {
            let path = what.path.to_owned();
            return Err(AccessError::Sparse { path, size, most });
        }
        let mut content = Whole::new(Window::whole(&file), size);
        io::copy(&mut content, out).map_err(failed(file.layer))?;
        Ok(())
    }

    fn download_folder(
        &self,
        subject: Subject<'_>,
        what: Download<'_>,
        out: &mut dyn Write,
    ) -> Result<(), AccessError> {
        let mut items = self.items(what)?;
        // Folders first, by name; the rest as it lies.
        items.sort_by(|one, other| {
            let key = |item: &Item<'_>| {
                let is_folder = item.entry.kind == EntryKind::Directory;
                (
                    !is_folder,
                    (!is_folder).then_some((item.layer, item.offset)),
                )
            };
            key(one)
                .cmp(&key(other))
                .then_with(|| one.entry.path.cmp(&other.entry.path))
        });
        let above = parent(what.path).len();
        let name = |path: &str| path[above..].trim_start_matches('/').to_owned();
        let mut tar = Builder::new(out);
        let mut written = HashMap::new();
        let mut open: Option<(usize, Rc<dyn ReadAt + '_>)> = None;
        for item in &items {
            let (entry, layer) = (item.entry, item.layer);
            let fault = failed(layer);
            let path = name(&entry.path);
            let mut header = header_of(entry);
            let Some(offset) = item.offset else {
                match entry.link.as_deref() {
                    Some(link) => tar.append_link(&mut header, &path, link).map_err(&fault)?,
                    None => tar
                        .append_data(&mut header, &path, io::empty())
                        .map_err(&fault)?,
                }
                continue;
            };
            if let Some(first) = written.get(&(layer, offset)) {
                header.set_entry_type(EntryType::Link);
                tar.append_link(&mut header, &path, first).map_err(&fault)?;
                continue;
            }
            let layer_tar = match open.take() {
                Some((held, tar)) if held == layer => tar,
                _ => self.tar(subject, what.image, layer)?,
            };
            let copied = copy_file(&mut tar, (&mut header, &path), (&layer_tar, offset));
            let copied = copied.map_err(&fault)?;
            open = Some((layer, layer_tar));
            if !copied {
                // Two paths share a hash, or a name stands twice: the slow way knows which one it is.
                let place = (what.image, what.analysis);
                let file = self.open(subject, place, what.layer, &entry.path)?;
                let stored = Window::whole(&file.content);
                write_file(&mut tar, (&mut header, &path), &file.entry, stored).map_err(&fault)?;
            }
            written.insert((layer, offset), path);
        }
        tar.finish().map_err(failed(0))
    }

    /// What is below the folder, the folder itself included.
    fn items<'a>(&self, what: Download<'a>) -> Result<Vec<Item<'a>>, AccessError> {
        let layers = &what.analysis.image.layers;
        let upper = match what.layer {
            Some(layer) if layer >= layers.len() => {
                return Err(AccessError::NoSuch {
                    what: "layers",
                    count: layers.len(),
                    number: layer,
                });
            }
            Some(layer) => layer + 1,
            None => layers.len(),
        };
        let mut tree = BTreeMap::new();
        for (number, layer) in layers[..upper].iter().enumerate() {
            for entry in below(&layer.entries, what.path) {
                match entry.change {
                    Change::Removed => tree.remove(entry.path.as_str()),
                    _ => tree.insert(entry.path.as_str(), (number, entry)),
                };
            }
        }
        let items = tree.into_values().map(|(layer, entry)| {
            let (layer, offset) = self.content_of(what, layer, entry)?;
            Ok(Item {
                layer,
                offset,
                entry,
            })
        });
        items.collect()
    }

    /// The layer and the header's offset of an entry's content, by the index alone.
    fn content_of(
        &self,
        what: Download<'_>,
        layer: usize,
        entry: &LayerEntry,
    ) -> Result<(usize, Option<u64>), AccessError> {
        let (mut at, mut path, mut before) = (layer, entry.path.as_str(), u64::MAX);
        match entry.kind {
            EntryKind::File => {}
            EntryKind::Hardlink => {
                let target = entry.link.as_deref().unwrap_or_default();
                let own = self.offset_of(what.image, at, path, u64::MAX)?;
                (path, before) = (target, own.unwrap_or(u64::MAX));
                if self.offset_of(what.image, at, path, before)?.is_none() {
                    let dangling = || AccessError::Dangling {
                        path: entry.path.clone(),
                        target: target.to_owned(),
                    };
                    let below = at.checked_sub(1).ok_or_else(dangling)?;
                    (at, _) = locate(what.analysis, Some(below), target).map_err(|_| dangling())?;
                    before = u64::MAX;
                }
            }
            _ => return Ok((layer, None)),
        }
        let offset = self.offset_of(what.image, at, path, before)?;
        // Where the index does not know it, the slow way tells why.
        Ok((at, Some(offset.unwrap_or(u64::MAX))))
    }

    fn offset_of(
        &self,
        image: usize,
        layer: usize,
        path: &str,
        before: u64,
    ) -> Result<Option<u64>, AccessError> {
        let places = &self.blob(image, layer)?.noted.places;
        let hash = hash_of(path);
        let end = places.partition_point(|place| (place.hash, place.offset) < (hash, before));
        let last = places[..end].last().filter(|place| place.hash == hash);
        Ok(last.map(|place| place.offset))
    }
}

/// Entries of a layer, sorted by path, that are the folder or below it.
fn below<'a>(entries: &'a [LayerEntry], folder: &str) -> impl Iterator<Item = &'a LayerEntry> {
    let (itself, inside) = match folder {
        "" => (&entries[..0], entries),
        folder => {
            let start = format!("{folder}/");
            let from = entries.partition_point(|entry| entry.path < start);
            let rest = &entries[from..];
            let to = rest.partition_point(|entry| entry.path.starts_with(&start));
            let itself = entries.binary_search_by(|entry| entry.path.as_str().cmp(folder));
            let itself = itself.map_or(&entries[..0], |place| &entries[place..=place]);
            (itself, &rest[..to])
        }
    };
    itself.iter().chain(inside)
}

/// Copies the file whose header lies there into a tar; `false` where another one lies there.
fn copy_file<W: Write>(
    tar: &mut Builder<W>,
    (header, path): (&mut Header, &str),
    (layer, offset): (&Rc<dyn ReadAt + '_>, u64),
) -> io::Result<bool> {
    if offset == u64::MAX {
        return Ok(false);
    }
    let cursor = Cursor::new(Rc::clone(layer), offset);
    let mut reader = TarReader::new(BufReader::with_capacity(READ_BYTES, cursor));
    let entry = reader.next_entry().map_err(io::Error::other)?;
    let names_it = |entry: &TarEntry| {
        let found = normalise(&entry.path).path;
        // A hard link's content has another name.
        entry.kind == TarKind::File && (found.ends_with(path) || header.entry_type().is_hard_link())
    };
    let Some(entry) = entry.filter(names_it) else {
        return Ok(false);
    };
    write_file(tar, (header, path), &entry, reader)?;
    Ok(true)
}

/// Writes a file whose header is `entry`; of a sparse one what is stored, with its map (GNU tar's PAX format 1.0).
fn write_file<W: Write>(
    tar: &mut Builder<W>,
    (header, path): (&mut Header, &str),
    entry: &TarEntry,
    stored: impl Read,
) -> io::Result<()> {
    let mut records: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, value) in &entry.xattrs {
        records.push((format!("SCHILY.xattr.{name}"), value.clone()));
    }
    let mut map = Vec::new();
    let mut name = path.to_owned();
    if let Some(sparse) = &entry.sparse {
        for (key, value) in [
            ("major", "1"),
            ("minor", "0"),
            ("name", path),
            ("realsize", &sparse.size.to_string()),
        ] {
            records.push((format!("GNU.sparse.{key}"), value.into()));
        }
        map = map_of(sparse);
        // What a program that knows no sparse files calls it; the folder is the format's.
        let last = path.rsplit('/').next().unwrap_or_default();
        name = format!("GNUSparseFile.0/{last}");
        // GNU tar looks for these records beside POSIX's header alone.
        let mut posix = Header::new_ustar();
        posix.set_mode(header.mode()?);
        posix.set_uid(header.uid()?);
        posix.set_gid(header.gid()?);
        posix.set_mtime(header.mtime()?);
        *header = posix;
    }
    if !records.is_empty() {
        let records = records.iter();
        tar.append_pax_extensions(records.map(|(key, value)| (key.as_str(), value.as_slice())))?;
    }
    header.set_entry_type(EntryType::Regular);
    header.set_size(map.len() as u64 + entry.size);
    let stored = Whole::new(stored, entry.size);
    tar.append_data(header, name, map.as_slice().chain(stored))
}

/// The map of a sparse file as it stands before its content: how many ranges there are, then each offset and length.
fn map_of(sparse: &SparseMap) -> Vec<u8> {
    // The last, empty one says where the file ends, as GNU tar has it.
    let end = (sparse.size, 0);
    let ranges = sparse.ranges().iter();
    let ranges: Vec<_> = ranges
        .map(|stored| (stored.offset, stored.length))
        .chain([end])
        .collect();
    let mut text = format!("{}\n", ranges.len());
    for (offset, length) in ranges {
        text.push_str(&format!("{offset}\n{length}\n"));
    }
    let mut map = text.into_bytes();
    map.resize(map.len().next_multiple_of(BLOCK_BYTES), 0);
    map
}

fn header_of(entry: &LayerEntry) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(match entry.kind {
        EntryKind::File => EntryType::Regular,
        EntryKind::Directory => EntryType::Directory,
        EntryKind::Symlink => EntryType::Symlink,
        EntryKind::Hardlink => EntryType::Link,
        EntryKind::CharDevice => EntryType::Char,
        EntryKind::BlockDevice => EntryType::Block,
        EntryKind::Fifo => EntryType::Fifo,
    });
    header.set_mode(entry.mode);
    header.set_uid(entry.uid);
    header.set_gid(entry.gid);
    // The format knows no time before 1970.
    header.set_mtime(u64::try_from(entry.mtime).unwrap_or(0));
    header.set_size(0);
    header
}

/// A file's content to its last byte: one that ends early is an error, not a shorter file.
struct Whole<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Whole<R> {
    fn new(inner: R, size: u64) -> Self {
        Self { inner, left: size }
    }
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = out
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if count == 0 {
            return Ok(0);
        }
        let read = self.inner.read(&mut out[..count])?;
        if read == 0 {
            let message = format!(
                "expected {} more bytes of the file, but found the layer's end",
                self.left
            );
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

fn failed(layer: usize) -> impl Fn(io::Error) -> AccessError {
    move |source| AccessError::Io { layer, source }
}
