//! What files an archive or a folder has and where they lie.
//!
//! A plain tar is listed by its headers alone, and its files are read where they lie when something asks for them. A compressed
//! one can't be entered in its middle, so it is read once from end to end: what looks like JSON is kept (with a limit), all
//! else is indexed as the layer that it most likely is, before the manifest that names it was seen (`docker save` writes
//! manifest.json last). Of a folder, only those files are opened that something asks for.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use super::super::access::{ContentIndex, Lying, Noted};
use super::super::path::parent;
use super::super::{
    Capped, Compression, Folder, HashersBeside, Inflating, LayerError, LayerIndex, LayerRead,
    LayerSpan, Limits, Problem, ReadAt, TarEntry, TarError, TarKind, TarReader, Window, normalise,
};
use super::budget::cost_of_layer;
use super::meter::{Meter, Metered};
use super::start::{describe_start, looks_like_tar, read_start};
use super::{InspectError, JSON_BYTES_MAX, MEMBER_NAME_BYTES_MAX, MEMBERS_MAX, Subject, note};

/// Bytes read at once from an archive whose content is wanted.
const READ_BYTES: usize = 256 * 1024;

/// Bytes read at once from an archive that is only listed: a header, and the start of what follows it.
const LIST_BYTES: usize = 4096;

/// Most bytes of JSON that are kept of a compressed archive.
const KEPT_BYTES_MAX: u64 = 64 << 20;

/// Most links that are followed from one name: old `docker save` makes one.
const LINKS_MAX: usize = 8;

/// A layer that was read.
#[derive(Clone)]
pub(super) struct Layer {
    pub(super) index: Arc<LayerIndex>,
    /// What showing it once takes, in bytes.
    pub(super) cost: usize,
    /// Its number in the index of contents, where one is made.
    pub(super) blob: Option<usize>,
}

/// One file of the archive.
enum Member {
    /// It lies plainly in the archive.
    Plain { offset: u64, size: u64 },
    /// Its content was kept.
    Kept(Arc<[u8]>),
    /// It was indexed as a layer.
    Layer(Layer),
    /// It is a link to another one.
    Link(String),
    /// It was not kept, and why.
    Dropped(Problem),
}

/// The files by normalised path.
pub(super) struct Catalogue<'a, 'p> {
    subject: Subject<'a>,
    meter: &'a Meter<'p>,
    members: BTreeMap<String, Member>,
    /// Files that were read as layers, where they lie plainly or in a folder.
    layers: BTreeMap<String, Layer>,
    /// What is left of the caller's limits.
    budget: Limits,
    /// Whether layers are read that nobody gave.
    pub(super) reads: bool,
    kept_bytes: u64,
    /// What is wrong with the archive itself.
    pub(super) problems: Vec<Problem>,
    /// Where contents lie, where that is noted.
    pub(super) contents: Option<ContentIndex>,
}

impl<'a, 'p> Catalogue<'a, 'p> {
    /// Lists an archive; takes a folder as it is.
    pub(super) fn read(
        subject: Subject<'a>,
        limits: &Limits,
        contents: Option<ContentIndex>,
        meter: &'a Meter<'p>,
    ) -> Result<Self, InspectError> {
        let mut catalogue = Self {
            subject,
            meter,
            members: BTreeMap::new(),
            layers: BTreeMap::new(),
            budget: *limits,
            reads: true,
            kept_bytes: 0,
            problems: Vec::new(),
            contents,
        };
        if let Subject::Archive(archive) = subject {
            catalogue.read_archive(archive)?;
        }
        Ok(catalogue)
    }

    fn read_archive(&mut self, archive: &'a dyn ReadAt) -> Result<(), InspectError> {
        let mut start = [0; 512];
        let length = read_start(archive, &mut start).map_err(InspectError::Io)?;
        let start = &start[..length];
        match Compression::sniff(start) {
            Compression::None if looks_like_tar(start) => self.list(archive),
            packed @ (Compression::Gzip | Compression::Zstd) => self.read_packed(archive, packed),
            _ => Err(InspectError::NotAnArchive {
                found: describe_start(start),
            }),
        }
    }

    /// Whether there is such a file, be it one that can't be read.
    pub(super) fn has(&self, path: &str) -> bool {
        match self.subject {
            Subject::Archive(_) => self.members.contains_key(path),
            Subject::Folder(folder) => !matches!(folder.open(path), Ok(None)),
        }
    }

    /// What there is, for a message that says that it holds no image.
    pub(super) fn describe(&self) -> String {
        let count = self.members.len();
        let is_root = ["etc", "bin", "usr"].iter().any(|folder| {
            self.members.keys().any(|path| {
                path.strip_prefix(folder)
                    .is_some_and(|rest| rest.starts_with('/'))
            })
        });
        let list = ["manifest.json", "index.json"]
            .into_iter()
            .find(|path| self.has(path));
        if let Some(list) = list {
            return format!("{list} that leads to no image");
        }
        if let Subject::Folder(folder) = self.subject {
            return folder.describe();
        }
        match (count, is_root) {
            (0, _) => "an archive that holds no file that can be read".to_owned(),
            (_, true) => {
                format!("{count} files that look like a root file system: one layer, not an image")
            }
            (_, false) => format!("{count} other files"),
        }
    }

    /// A small file's bytes.
    pub(super) fn json(&mut self, path: &str) -> Result<Arc<[u8]>, Problem> {
        let archive = match self.subject {
            Subject::Archive(archive) => archive,
            Subject::Folder(folder) => {
                let path = normalise(path.as_bytes()).path;
                let file = open(folder, &path)?;
                return self.read_json(&path, &*file, 0, file.size());
            }
        };
        let path = self.resolve(path)?;
        match &self.members[&path] {
            Member::Kept(bytes) => Ok(Arc::clone(bytes)),
            Member::Plain { offset, size } => self.read_json(&path, archive, *offset, *size),
            Member::Dropped(reason) => Err(reason.clone()),
            Member::Layer(_) | Member::Link(_) => Err(note(
                "bad-json",
                format!("expected JSON in {path:?} of the archive, but found other content"),
            )),
        }
    }

    fn read_json(
        &self,
        path: &str,
        source: &dyn ReadAt,
        offset: u64,
        size: u64,
    ) -> Result<Arc<[u8]>, Problem> {
        if size > JSON_BYTES_MAX {
            return Err(too_long(path, size));
        }
        let mut bytes = Vec::new();
        let mut reader = Metered::new(Window::new(source, offset, size), self.meter);
        match reader.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes.into()),
            Err(error) => Err(unreadable(path, &error)),
        }
    }

    /// How many bytes a file has as it lies, where there is one.
    pub(super) fn size_of(&self, path: &str) -> Option<u64> {
        if let Subject::Folder(folder) = self.subject {
            return Some(open(folder, path).ok()?.size());
        }
        match &self.members[&self.resolve(path).ok()?] {
            Member::Plain { size, .. } => Some(*size),
            Member::Kept(bytes) => Some(bytes.len() as u64),
            Member::Layer(layer) => Some(layer.index.size_bytes),
            Member::Link(_) | Member::Dropped(_) => None,
        }
    }

    /// A layer's index; why there is none is a problem of that layer.
    pub(super) fn layer(&mut self, path: &str) -> Result<Result<Layer, Problem>, InspectError> {
        let archive = match self.subject {
            Subject::Archive(archive) => archive,
            Subject::Folder(folder) => return self.layer_in(folder, path),
        };
        let path = match self.resolve(path) {
            Ok(path) => path,
            Err(reason) => return Ok(Err(reason)),
        };
        if let Some(layer) = self.layers.get(&path) {
            return Ok(Ok(layer.clone()));
        }
        if !self.reads && matches!(self.members[&path], Member::Plain { .. } | Member::Kept(_)) {
            return Ok(Err(not_read()));
        }
        let recorder = self.contents.as_mut().map(ContentIndex::recorder);
        let (read, lying) = match &self.members[&path] {
            Member::Layer(layer) => return Ok(Ok(layer.clone())),
            Member::Dropped(reason) => return Ok(Err(reason.clone())),
            Member::Plain { offset, size } => {
                let (offset, size) = (*offset, *size);
                let mut window = Metered::new(Window::new(archive, offset, size), self.meter);
                let read = LayerIndex::read_noting(
                    &mut window,
                    &self.budget,
                    recorder,
                    HashersBeside::default(),
                );
                (read, Lying::Plain { offset, size })
            }
            Member::Kept(bytes) => (
                LayerIndex::read_noting(
                    &mut &bytes[..],
                    &self.budget,
                    recorder,
                    HashersBeside::default(),
                ),
                Lying::Kept(Arc::clone(bytes)),
            ),
            Member::Link(_) => return Ok(Err(missing(&path))),
        };
        let layer = match read {
            Ok(read) => self.spend(shared(read), lying),
            Err(LayerError::Io { source, .. }) => return Err(InspectError::Io(source)),
        };
        self.layers.insert(path, layer.clone());
        Ok(Ok(layer))
    }

    /// Where a layer lies that is read for itself; none where it was read with the archive, or is not there.
    pub(super) fn layer_place(&self, path: &str) -> Option<(String, Option<u64>, u64)> {
        if let Subject::Folder(folder) = self.subject {
            let size = open(folder, path).ok()?.size();
            return Some((path.to_owned(), None, size));
        }
        let path = self.resolve(path).ok()?;
        match self.members.get(&path)? {
            Member::Plain { offset, size } => Some((path, Some(*offset), *size)),
            _ => None,
        }
    }

    /// Takes a layer that was read elsewhere, where what it needs is left of the limits; answers whether it did.
    pub(super) fn give(&mut self, place: &LayerSpan, read: LayerRead) -> bool {
        // One that met its own limits says so in their numbers, which are others here.
        let is_cut = read.is_cut();
        let (entries, name_bytes) = read.needs();
        let LayerRead { index, noted, .. } = read;
        let fits = !is_cut
            && entries <= self.budget.entries
            && name_bytes <= self.budget.name_bytes
            && index.uncompressed_bytes <= self.budget.uncompressed_bytes;
        if !fits {
            return false;
        }
        let lying = match place.offset {
            Some(offset) => Lying::Plain {
                offset,
                size: place.size_bytes,
            },
            None => Lying::File(place.member.clone()),
        };
        let layer = self.spend((index, noted), lying);
        if let Some(contents) = &mut self.contents {
            contents.make_room();
        }
        self.layers.insert(place.member.clone(), layer);
        true
    }

    /// A layer of a folder. That one file can't be read is no fault of the others.
    fn layer_in(
        &mut self,
        folder: &dyn Folder,
        path: &str,
    ) -> Result<Result<Layer, Problem>, InspectError> {
        if let Some(layer) = self.layers.get(path) {
            return Ok(Ok(layer.clone()));
        }
        if !self.reads {
            return Ok(Err(not_read()));
        }
        let file = match open(folder, path) {
            Ok(file) => file,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut reader = Metered::new(Window::whole(&*file), self.meter);
        let recorder = self.contents.as_mut().map(ContentIndex::recorder);
        let layer = match LayerIndex::read_noting(
            &mut reader,
            &self.budget,
            recorder,
            HashersBeside::default(),
        ) {
            Ok(read) => self.spend(shared(read), Lying::File(path.to_owned())),
            Err(_) if self.meter.is_cancelled() => return Err(InspectError::Cancelled),
            Err(LayerError::Io { source, .. }) => return Ok(Err(unreadable(path, &source))),
        };
        self.layers.insert(path.to_owned(), layer.clone());
        Ok(Ok(layer))
    }

    /// Follows links to a file that is there.
    fn resolve(&self, path: &str) -> Result<String, Problem> {
        let mut path = normalise(path.as_bytes()).path;
        for _ in 0..LINKS_MAX {
            match self.members.get(&path) {
                Some(Member::Link(target)) => path.clone_from(target),
                Some(_) => return Ok(path),
                None => return Err(missing(&path)),
            }
        }
        Err(note(
            "missing-blob",
            format!("expected {path:?} in the archive, but found links that lead in a circle"),
        ))
    }

    /// The file that a name leads to; the name in its one spelling where it leads to none.
    pub(super) fn place_of(&self, path: &str) -> String {
        if matches!(self.subject, Subject::Folder(_)) {
            return normalise(path.as_bytes()).path;
        }
        self.resolve(path)
            .unwrap_or_else(|_| normalise(path.as_bytes()).path)
    }

    /// Takes what a layer needed from the limits, which hold for the archive as a whole.
    fn spend(&mut self, (index, noted): (Arc<LayerIndex>, Arc<Noted>), lying: Lying) -> Layer {
        let (entries, name_bytes) = index.needs();
        self.budget.entries = self.budget.entries.saturating_sub(entries);
        self.budget.name_bytes = self.budget.name_bytes.saturating_sub(name_bytes);
        self.budget.uncompressed_bytes = self
            .budget
            .uncompressed_bytes
            .saturating_sub(index.uncompressed_bytes);
        let contents = self.contents.as_mut();
        Layer {
            cost: cost_of_layer(&index),
            index,
            blob: contents.map(|contents| contents.add(lying, noted)),
        }
    }

    /// Lists a plain tar by its headers.
    fn list(&mut self, archive: &dyn ReadAt) -> Result<(), InspectError> {
        let listing = Metered::new(Window::whole(archive), self.meter);
        let mut reader = TarReader::seekable(BufReader::with_capacity(LIST_BYTES, listing));
        self.each(&mut reader, Compression::None, |_, _, entry| {
            Ok(Member::Plain {
                offset: entry.content_offset,
                size: entry.size,
            })
        })
    }

    /// Reads a compressed tar from end to end.
    fn read_packed(
        &mut self,
        archive: &dyn ReadAt,
        compression: Compression,
    ) -> Result<(), InspectError> {
        let metered = Metered::new(Window::whole(archive), self.meter);
        let file = BufReader::with_capacity(READ_BYTES, metered);
        let recorder = self.contents.as_mut().map(ContentIndex::recorder);
        let Some(inflating) = Inflating::recording(file, compression, recorder) else {
            return Err(InspectError::NotAnArchive {
                found: compression.name().to_owned(),
            });
        };
        let inflated = Capped::new(inflating, self.budget.uncompressed_bytes);
        let mut inflated = BufReader::with_capacity(READ_BYTES, inflated);
        let mut reader = TarReader::new(&mut inflated);
        self.each(&mut reader, compression, Self::keep_or_index)?;
        let offset = reader.position();
        // The checksum of what was read stands at the end of all, and may have more after it.
        if self.problems.is_empty()
            && let Err(source) = io::copy(&mut inflated, &mut io::sink())
        {
            self.note_damage(&TarError::Io { offset, source }, compression);
        }
        let recorder = inflated.into_inner().into_inner().into_recorder();
        if let (Some(contents), Some(recorder)) = (&mut self.contents, recorder) {
            contents.set_outer(compression, recorder);
        }
        Ok(())
    }

    /// Goes through a tar's entries and puts what `member` makes of each file under its path.
    fn each<R: BufRead>(
        &mut self,
        reader: &mut TarReader<R>,
        compression: Compression,
        mut member: impl FnMut(&mut Self, &mut TarReader<R>, &TarEntry) -> Result<Member, InspectError>,
    ) -> Result<(), InspectError> {
        let mut name_bytes = 0;
        loop {
            let entry = match reader.next_entry() {
                Ok(Some(entry)) => entry,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.note_damage(&error, compression);
                    return Ok(());
                }
            };
            name_bytes += entry.path.len() + entry.link.as_deref().map_or(0, <[u8]>::len);
            if self.members.len() >= MEMBERS_MAX || name_bytes > MEMBER_NAME_BYTES_MAX {
                let message = format!(
                    "expected at most {MEMBERS_MAX} files with {MEMBER_NAME_BYTES_MAX} bytes of names in an archive, but found more, which are not read"
                );
                self.problems.push(note("limit", message));
                return Ok(());
            }
            let path = normalise(&entry.path).path;
            let made = match entry.kind {
                // A layer or document of which the archive leaves out a part is none.
                TarKind::File if entry.sparse.is_none() => member(self, reader, &entry)?,
                TarKind::Symlink | TarKind::Hardlink => Member::Link(link_target(&path, &entry)),
                _ => continue,
            };
            self.members.insert(path, made);
            if self.meter.is_cancelled() {
                return Err(InspectError::Cancelled);
            }
        }
    }

    /// One file of a compressed archive: JSON is kept, all else is indexed.
    fn keep_or_index<R: BufRead>(
        &mut self,
        reader: &mut TarReader<R>,
        entry: &TarEntry,
    ) -> Result<Member, InspectError> {
        let start = reader
            .fill_buf()
            .ok()
            .and_then(|bytes| bytes.first().copied());
        let looks_like_json = matches!(
            start,
            None | Some(b'{' | b'[' | b' ' | b'\n' | b'\r' | b'\t')
        );
        if looks_like_json && entry.size <= JSON_BYTES_MAX {
            if self.kept_bytes + entry.size > KEPT_BYTES_MAX {
                let message = format!(
                    "expected at most {KEPT_BYTES_MAX} bytes of JSON in a compressed archive, but found more"
                );
                return Ok(Member::Dropped(note("limit", message)));
            }
            self.kept_bytes += entry.size;
            let mut bytes = Vec::new();
            // A failure shows again, with its place, when the next entry is asked for.
            let _ = EndOnError { inner: reader }.read_to_end(&mut bytes);
            return Ok(Member::Kept(bytes.into()));
        }
        let recorder = self.contents.as_mut().map(ContentIndex::recorder);
        let lying = Lying::Packed {
            offset: entry.content_offset,
            size: entry.size,
        };
        let mut source = EndOnError { inner: reader };
        match LayerIndex::read_noting(
            &mut source,
            &self.budget,
            recorder,
            HashersBeside::default(),
        ) {
            Ok(read) => Ok(Member::Layer(self.spend(shared(read), lying))),
            Err(LayerError::Io { source, .. }) => Err(InspectError::Io(source)),
        }
    }

    fn note_damage(&mut self, error: &TarError, compression: Compression) {
        let code = match error {
            TarError::Truncated { .. } => "truncated",
            TarError::Io { source, .. } => match (source.kind(), compression) {
                (io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded, _) => "limit",
                (io::ErrorKind::UnexpectedEof, _) => "truncated",
                (_, Compression::Zstd) => "bad-zstd",
                _ => "bad-gzip",
            },
            TarError::TooLarge { .. } => "limit",
            TarError::Checksum { .. } | TarError::Field { .. } => "bad-entry",
        };
        let packed = match compression {
            Compression::None => String::new(),
            packed => format!(", compressed with {},", packed.name()),
        };
        let message = format!("the archive{packed} can't be read to its end: {error}");
        self.problems.push(Problem {
            offset: Some(error.offset()),
            ..note(code, message)
        });
    }
}

/// A folder's file, by its normalised path.
fn open<'f>(folder: &'f dyn Folder, path: &str) -> Result<Box<dyn ReadAt + 'f>, Problem> {
    match folder.open(path) {
        Ok(Some(file)) => Ok(file),
        Ok(None) => Err(missing(path)),
        Err(error) => Err(error.problem(path)),
    }
}

/// A reader that ends where the one below fails: a layer cut off in the middle is shown as far as it goes.
struct EndOnError<R> {
    inner: R,
}

impl<R: Read> Read for EndOnError<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            other => Ok(other.unwrap_or(0)),
        }
    }
}

/// Where a link leads, as a path of the archive.
fn link_target(path: &str, entry: &TarEntry) -> String {
    let target = entry.link.as_deref().unwrap_or_default();
    if entry.kind == TarKind::Hardlink {
        return normalise(target).path;
    }
    normalise(&[parent(path).as_bytes(), b"/", target].concat()).path
}

/// What was read, to be shared.
fn shared((index, noted): (LayerIndex, Noted)) -> (Arc<LayerIndex>, Arc<Noted>) {
    (Arc::new(index), Arc::new(noted))
}

fn not_read() -> Problem {
    let message = "expected what the layer holds, but it is not read yet";
    note(Problem::NOT_READ, message.to_owned())
}

fn missing(path: &str) -> Problem {
    note(
        "missing-blob",
        format!("expected a file {path:?} beside the manifest, but found none"),
    )
}

fn unreadable(path: &str, error: &io::Error) -> Problem {
    note("unreadable", format!("reading {path:?}: {error}"))
}

fn too_long(path: &str, size: u64) -> Problem {
    note(
        "limit",
        format!("expected at most {JSON_BYTES_MAX} bytes of JSON in {path:?}, but found {size}"),
    )
}
