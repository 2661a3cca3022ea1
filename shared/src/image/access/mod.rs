//! Random access: any file of an image is read where its layer lies, without the layer being unpacked again.
//!
//! The first pass over an archive leaves a [`ContentIndex`]: for each layer where it lies, places at which its compressed
//! stream can be entered, and the offset of each entry's header. A file is found by the analysis (which layer has it), its
//! header is read again and must name it, and its content follows. Memory has a bound whatever the images' size
//! ([`CHECKPOINTS_BYTES_MAX`], and 16 bytes an entry, of which there are a million at most).
//!
//! A stream of zstd in one frame has no place to enter but its start: what lies at its end takes as long as at first.

mod checkpoint;
mod download;
mod entry;
mod error;
mod kept;
mod plain;
#[cfg(test)]
mod tests;
mod version;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufReader};
use std::rc::Rc;
use std::sync::Arc;

pub use download::Download;
pub use error::AccessError;
pub use version::{FileVersion, versions};

pub(super) use checkpoint::{Checkpoints, Recorder};

use super::layer::kind_of;
use super::read_at::{Range, fill};
use super::{
    Change, Compression, EntryKind, Folder, FolderError, ImageAnalysis, LayerEntry, LayerIndex,
    ReadAt, Subject, TarEntry, TarError, TarReader, normalise,
};
use entry::{Cursor, READ_BYTES};
use plain::Plain;

/// Most bytes that the checkpoints of all layers take together: 1500 of them, every 4 MiB of 6 GiB; of more, farther apart.
pub const CHECKPOINTS_BYTES_MAX: usize = 48 << 20;

/// Bytes read at once of a header.
const HEADER_BYTES: usize = 4096;

/// Where an entry of a layer lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryPlace {
    /// Of the normalised path. Two paths may share one: the header tells them apart.
    hash: u64,
    /// Of its first header, in bytes of the tar.
    offset: u64,
}

impl EntryPlace {
    pub(super) fn new(path: &str, offset: u64) -> Self {
        let hash = hash_of(path);
        Self { hash, offset }
    }
}

fn hash_of(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

/// What the first pass over a layer noted.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    compression: Compression,
    uncompressed_bytes: u64,
    checkpoints: Checkpoints,
    /// Sorted.
    places: Box<[EntryPlace]>,
}

impl Noted {
    /// The last entry of a path before an offset of the layer's tar: its offset, and what its header says.
    fn header(
        &self,
        tar: &Rc<dyn ReadAt + '_>,
        path: &str,
        before: u64,
    ) -> Result<Option<(u64, TarEntry)>, TarError> {
        let hash = hash_of(path);
        let places = &self.places;
        let end = places.partition_point(|place| (place.hash, place.offset) < (hash, before));
        let candidates = places[..end].iter().rev();
        for place in candidates.take_while(|place| place.hash == hash) {
            let cursor = Cursor::new(Rc::clone(tar), place.offset);
            let mut reader = TarReader::new(BufReader::with_capacity(HEADER_BYTES, cursor));
            let entry = reader.next_entry()?;
            if let Some(mut entry) = entry.filter(|entry| normalise(&entry.path).path == path) {
                entry.offset = place.offset;
                entry.content_offset += place.offset;
                return Ok(Some((place.offset, entry)));
            }
        }
        Ok(None)
    }

    /// That of a plain tar. What follows a fault of the tar is not found.
    fn of_plain(tar: &Rc<dyn ReadAt + '_>) -> Self {
        let cursor = Cursor::new(Rc::clone(tar), 0);
        let mut reader = TarReader::new(BufReader::with_capacity(READ_BYTES, cursor));
        let mut places = Vec::new();
        while let Ok(Some(entry)) = reader.next_entry() {
            places.push(EntryPlace::new(&normalise(&entry.path).path, entry.offset));
        }
        places.sort_unstable();
        Self {
            compression: Compression::None,
            uncompressed_bytes: tar.size(),
            checkpoints: Checkpoints::default(),
            places: places.into_boxed_slice(),
        }
    }

    pub(super) fn new(
        index: &LayerIndex,
        recorder: Option<Recorder>,
        mut places: Vec<EntryPlace>,
    ) -> Self {
        places.sort_unstable();
        Self {
            compression: index.compression,
            uncompressed_bytes: index.uncompressed_bytes,
            checkpoints: recorder.map(Recorder::finish).unwrap_or_default(),
            places: places.into_boxed_slice(),
        }
    }
}

/// Where a blob lies.
#[derive(Debug)]
pub(super) enum Lying {
    /// In the archive.
    Plain {
        /// Its offset.
        offset: u64,
        /// Its bytes.
        size: u64,
    },
    /// In what the archive, which is compressed, inflates to.
    Packed {
        /// Its offset.
        offset: u64,
        /// Its bytes.
        size: u64,
    },
    /// In memory.
    Kept(Arc<[u8]>),
    /// In a folder.
    File(String),
}

#[derive(Debug)]
struct Blob {
    lying: Lying,
    noted: Arc<Noted>,
}

/// Where the files of an archive's images lie. It goes with the archive or folder that it was made from.
#[derive(Debug, Default)]
pub struct ContentIndex {
    /// For each image, its layers' blobs; none where a layer could not be read.
    images: Vec<Vec<Option<usize>>>,
    blobs: Vec<Blob>,
    /// How to enter the archive, where it is compressed itself.
    outer: Option<(Compression, Checkpoints)>,
}

impl ContentIndex {
    /// That of one image whose layers lie in a folder as plain tars, at these paths, lowest first. Each is gone through for its
    /// headers alone.
    ///
    /// # Errors
    /// A folder that lacks one of them, or can't be read.
    pub fn of_plain(folder: &dyn Folder, layers: &[String]) -> Result<Self, AccessError> {
        let mut index = Self::default();
        let mut blobs = Vec::with_capacity(layers.len());
        for (layer, path) in layers.iter().enumerate() {
            let fault = |error: FolderError| AccessError::Io {
                layer,
                source: io::Error::other(error.to_string()),
            };
            let tar = folder.open(path).map_err(fault)?;
            let tar: Rc<dyn ReadAt + '_> = Rc::from(tar.ok_or(AccessError::NotHere)?);
            let noted = Arc::new(Noted::of_plain(&tar));
            blobs.push(Some(index.add(Lying::File(path.clone()), noted)));
        }
        index.add_image(blobs);
        Ok(index)
    }

    /// Memory that its checkpoints take, in bytes; at most [`CHECKPOINTS_BYTES_MAX`].
    #[must_use]
    pub fn checkpoint_bytes(&self) -> usize {
        let outer = self.outer.iter().map(|(_, points)| points.bytes());
        let blobs = self.blobs.iter().map(|blob| blob.noted.checkpoints.bytes());
        outer.chain(blobs).sum()
    }

    /// A recorder for the next stream. Where those before it took most of the room, they are thinned.
    pub(super) fn recorder(&mut self) -> Recorder {
        while self.checkpoint_bytes() > CHECKPOINTS_BYTES_MAX / 2 {
            self.thin();
        }
        Recorder::new(CHECKPOINTS_BYTES_MAX / 2)
    }

    /// Thins what is there until it takes no more than all together may.
    pub(super) fn make_room(&mut self) {
        while self.checkpoint_bytes() > CHECKPOINTS_BYTES_MAX {
            self.thin();
        }
    }

    fn thin(&mut self) {
        for blob in &mut self.blobs {
            Arc::make_mut(&mut blob.noted).checkpoints.thin();
        }
    }

    /// Keeps what was noted of a blob, and answers its number.
    pub(super) fn add(&mut self, lying: Lying, noted: Arc<Noted>) -> usize {
        self.blobs.push(Blob { lying, noted });
        self.blobs.len() - 1
    }

    /// Keeps how to enter an archive that is compressed.
    pub(super) fn set_outer(&mut self, compression: Compression, recorder: Recorder) {
        self.outer = Some((compression, recorder.finish()));
    }

    /// Keeps an image's layers, by their blobs' numbers.
    pub(super) fn add_image(&mut self, blobs: Vec<Option<usize>>) {
        self.images.push(blobs);
    }

    /// Opens a file of an image, as it is after `layer` or in the finished image. Symbolic links are not followed.
    ///
    /// `subject` must be what the index was made from, and `analysis` that of its image number `image`.
    ///
    /// # Errors
    /// An [`AccessError`].
    pub fn open<'a>(
        &'a self,
        subject: Subject<'a>,
        (image, analysis): (usize, &ImageAnalysis),
        layer: Option<usize>,
        path: &str,
    ) -> Result<OpenFile<'a>, AccessError> {
        let (mut at, entry) = locate(analysis, layer, path)?;
        let mut sought = path.to_owned();
        let mut before = u64::MAX;
        let mut kind = entry.kind;
        let mut link = entry.link.clone();
        // Each turn goes to an earlier place of the layer, or to a layer below.
        loop {
            match (kind, link) {
                (EntryKind::File, _) => {
                    let file = self.file(subject, image, at, (&sought, before))?;
                    return file.ok_or_else(|| AccessError::Damaged {
                        path: sought,
                        layer: at,
                        reason: "its header is not where it was".to_owned(),
                    });
                }
                (EntryKind::Hardlink, Some(target)) => {
                    let own = self.header(subject, image, at, (&sought, before))?;
                    before = own.map_or(before, |found| found.0);
                    if let Some((_, entry)) = self.header(subject, image, at, (&target, before))? {
                        kind = kind_of(entry.kind).unwrap_or(EntryKind::File);
                        link = entry.link.map(|raw| normalise(&raw).path);
                        sought = target;
                        continue;
                    }
                    let dangling = || AccessError::Dangling {
                        path: path.to_owned(),
                        target: target.clone(),
                    };
                    let below = at.checked_sub(1).ok_or_else(dangling)?;
                    let (found_at, entry) =
                        locate(analysis, Some(below), &target).map_err(|_| dangling())?;
                    (at, kind, link) = (found_at, entry.kind, entry.link.clone());
                    (sought, before) = (target, u64::MAX);
                }
                (kind, link) => {
                    return Err(AccessError::NotAFile {
                        path: sought,
                        kind,
                        link,
                    });
                }
            }
        }
    }

    /// The last entry of a path before an offset of a layer's tar: its offset, and what its header says.
    fn header(
        &self,
        subject: Subject<'_>,
        image: usize,
        layer: usize,
        place: (&str, u64),
    ) -> Result<Option<(u64, TarEntry)>, AccessError> {
        let tar = self.tar(subject, image, layer)?;
        self.header_in(&tar, image, layer, place)
    }

    fn header_in<'a>(
        &self,
        tar: &Rc<dyn ReadAt + 'a>,
        image: usize,
        layer: usize,
        (path, before): (&str, u64),
    ) -> Result<Option<(u64, TarEntry)>, AccessError> {
        let found = self.blob(image, layer)?.noted.header(tar, path, before);
        found.map_err(|error| AccessError::Damaged {
            path: path.to_owned(),
            layer,
            reason: error.to_string(),
        })
    }

    fn file<'a>(
        &'a self,
        subject: Subject<'a>,
        image: usize,
        layer: usize,
        place: (&str, u64),
    ) -> Result<Option<OpenFile<'a>>, AccessError> {
        let tar = self.tar(subject, image, layer)?;
        let found = self.header_in(&tar, image, layer, place)?;
        Ok(found.map(|(_, entry)| OpenFile {
            layer,
            content: Range::new(tar, entry.content_offset, entry.size),
            entry,
        }))
    }

    fn blob(&self, image: usize, layer: usize) -> Result<&Blob, AccessError> {
        let layers = self.images.get(image).ok_or(AccessError::NotHere)?;
        let blob = layers.get(layer).copied().flatten();
        blob.map(|blob| &self.blobs[blob])
            .ok_or(AccessError::NotHere)
    }

    /// A layer's tar.
    fn tar<'a>(
        &'a self,
        subject: Subject<'a>,
        image: usize,
        layer: usize,
    ) -> Result<Rc<dyn ReadAt + 'a>, AccessError> {
        let Blob { lying, noted } = self.blob(image, layer)?;
        let blob: Rc<dyn ReadAt + 'a> = match (lying, subject) {
            (Lying::Plain { offset, size }, Subject::Archive(archive)) => {
                Rc::new(Range::new(archive, *offset, *size))
            }
            (Lying::Packed { offset, size }, Subject::Archive(archive)) => {
                let (compression, checkpoints) = self.outer.as_ref().ok_or(AccessError::NotHere)?;
                let length = offset.saturating_add(*size);
                let whole = Plain::new(Rc::new(archive), *compression, checkpoints, length);
                Rc::new(Range::new(whole, *offset, *size))
            }
            (Lying::Kept(bytes), _) => Rc::new(&**bytes),
            (Lying::File(path), Subject::Folder(folder)) => {
                let file = folder.open(path).map_err(|error| AccessError::Io {
                    layer,
                    source: io::Error::other(error.to_string()),
                })?;
                Rc::from(file.ok_or(AccessError::NotHere)?)
            }
            (Lying::Plain { .. } | Lying::Packed { .. }, Subject::Folder(_))
            | (Lying::File(_), Subject::Archive(_)) => return Err(AccessError::NotHere),
        };
        Ok(Rc::new(Plain::new(
            blob,
            noted.compression,
            &noted.checkpoints,
            noted.uncompressed_bytes,
        )))
    }
}

/// A file of an image, open for reading anywhere. What a layer leaves out of a sparse file reads as zeros.
pub struct OpenFile<'a> {
    /// The layer that holds its bytes.
    pub layer: usize,
    /// Its header.
    pub entry: TarEntry,
    content: Range<Rc<dyn ReadAt + 'a>>,
}

impl OpenFile<'_> {
    /// So many bytes from an offset on, or what there is of them.
    ///
    /// # Errors
    /// [`AccessError::Io`] where the source fails, or ends before the file does.
    pub fn part(&self, start: u64, length: u64) -> Result<Vec<u8>, AccessError> {
        let left = self.size().saturating_sub(start);
        let mut bytes = vec![0; usize::try_from(length.min(left)).unwrap_or_default()];
        fill(self, start, &mut bytes).map_err(|source| AccessError::Io {
            layer: self.layer,
            source,
        })?;
        Ok(bytes)
    }
}

impl ReadAt for OpenFile<'_> {
    /// What the header says, a sparse file's zeros included. Where the layer breaks off before, reading ends early.
    fn size(&self) -> u64 {
        self.entry.apparent_size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let Some(map) = &self.entry.sparse else {
            return self.content.read_at(offset, buf);
        };
        let most = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).min(buf.len());
        match map.find(offset) {
            Ok(stored) => {
                let inside = offset - stored.offset;
                let count = most(stored.length - inside);
                self.content.read_at(stored.at + inside, &mut buf[..count])
            }
            Err(zeros) => {
                let count = most(zeros);
                buf[..count].fill(0);
                Ok(count)
            }
        }
    }
}

/// The layer that a path comes from, as it is after a layer or in the finished image.
fn locate<'a>(
    analysis: &'a ImageAnalysis,
    layer: Option<usize>,
    path: &str,
) -> Result<(usize, &'a LayerEntry), AccessError> {
    let layers = &analysis.image.layers;
    let count = layers.len();
    if let Some(layer) = layer.filter(|layer| *layer >= count) {
        return Err(AccessError::NoSuch {
            what: "layers",
            count,
            number: layer,
        });
    }
    let upper = layer.map_or(count, |layer| layer + 1);
    for (number, view) in layers[..upper].iter().enumerate().rev() {
        let place = view
            .entries
            .binary_search_by(|entry| entry.path.as_str().cmp(path));
        let Ok(place) = place else {
            continue;
        };
        let entry = &view.entries[place];
        if entry.change == Change::Removed {
            return Err(AccessError::Removed {
                path: path.to_owned(),
                layer,
                by: number,
            });
        }
        return Ok((number, entry));
    }
    Err(AccessError::NoSuchPath {
        path: path.to_owned(),
        layer,
    })
}
