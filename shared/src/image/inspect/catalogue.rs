//! What files an archive has and where they lie.
//!
//! A plain tar is listed by its headers alone, and its files are read where they lie when something asks for them. A gzipped
//! one can't be entered in its middle, so it is read once from end to end: what looks like JSON is kept (with a limit), all
//! else is indexed as the layer that it most likely is, before the manifest that names it was seen (`docker save` writes
//! manifest.json last).

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::super::path::parent;
use super::super::problems::bytes_of;
use super::super::{
    Capped, Compression, LayerError, LayerIndex, Limits, Problem, ReadAt, TarEntry, TarError,
    TarKind, TarReader, Window, normalise,
};
use super::budget::cost_of_layer;
use super::meter::{Meter, Metered};
use super::{InspectError, JSON_BYTES_MAX, MEMBER_NAME_BYTES_MAX, MEMBERS_MAX, note};

/// Bytes read at once from an archive whose content is wanted.
const READ_BYTES: usize = 256 * 1024;

/// Bytes read at once from an archive that is only listed: a header, and the start of what follows it.
const LIST_BYTES: usize = 4096;

/// Most bytes of JSON that are kept of a gzipped archive.
const KEPT_BYTES_MAX: u64 = 64 << 20;

/// Most links that are followed from one name: old `docker save` makes one.
const LINKS_MAX: usize = 8;

/// A layer that was read.
#[derive(Clone)]
pub(super) struct Layer {
    pub(super) index: Arc<LayerIndex>,
    /// What showing it once takes, in bytes.
    pub(super) cost: usize,
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

/// The archive's files by normalised path.
pub(super) struct Catalogue<'a, 'p> {
    source: &'a dyn ReadAt,
    meter: &'a Meter<'p>,
    members: BTreeMap<String, Member>,
    /// What is left of the caller's limits.
    budget: Limits,
    kept_bytes: u64,
    /// What is wrong with the archive itself.
    pub(super) problems: Vec<Problem>,
}

impl<'a, 'p> Catalogue<'a, 'p> {
    /// Lists an archive.
    pub(super) fn read(
        source: &'a dyn ReadAt,
        limits: &Limits,
        meter: &'a Meter<'p>,
    ) -> Result<Self, InspectError> {
        let mut start = [0; 512];
        let length = read_start(source, &mut start).map_err(InspectError::Io)?;
        let mut catalogue = Self {
            source,
            meter,
            members: BTreeMap::new(),
            budget: *limits,
            kept_bytes: 0,
            problems: Vec::new(),
        };
        match Compression::sniff(&start[..length]) {
            Compression::Gzip => catalogue.read_gzipped()?,
            Compression::None if looks_like_tar(&start[..length]) => catalogue.list()?,
            _ => {
                return Err(InspectError::NotAnArchive {
                    found: describe_start(&start[..length]).to_owned(),
                });
            }
        }
        Ok(catalogue)
    }

    /// Whether the archive has such a file.
    pub(super) fn has(&self, path: &str) -> bool {
        self.members.contains_key(path)
    }

    /// What the archive holds, for a message that says that it holds no image.
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
        let path = self.resolve(path)?;
        match &self.members[&path] {
            Member::Kept(bytes) => Ok(Arc::clone(bytes)),
            Member::Plain { size, .. } if *size > JSON_BYTES_MAX => Err(too_long(&path, *size)),
            Member::Plain { offset, size } => {
                let mut bytes = Vec::new();
                let mut reader = Metered::new(Window::new(self.source, *offset, *size), self.meter);
                match reader.read_to_end(&mut bytes) {
                    Ok(_) => Ok(bytes.into()),
                    Err(error) => Err(note(
                        "unreadable",
                        format!("reading {path:?} in the archive: {error}"),
                    )),
                }
            }
            Member::Dropped(reason) => Err(reason.clone()),
            Member::Layer(_) | Member::Link(_) => Err(note(
                "bad-json",
                format!("expected JSON in {path:?} of the archive, but found other content"),
            )),
        }
    }

    /// A layer's index; why there is none is a problem of that layer.
    pub(super) fn layer(&mut self, path: &str) -> Result<Result<Layer, Problem>, InspectError> {
        let path = match self.resolve(path) {
            Ok(path) => path,
            Err(reason) => return Ok(Err(reason)),
        };
        let read = match &self.members[&path] {
            Member::Layer(layer) => return Ok(Ok(layer.clone())),
            Member::Dropped(reason) => return Ok(Err(reason.clone())),
            Member::Plain { offset, size } => {
                let window = Window::new(self.source, *offset, *size);
                LayerIndex::read(Metered::new(window, self.meter), &self.budget)
            }
            Member::Kept(bytes) => LayerIndex::read(&bytes[..], &self.budget),
            Member::Link(_) => return Ok(Err(missing(&path))),
        };
        let layer = match read {
            Ok(index) => self.spend(index),
            Err(LayerError::Io { source, .. }) => return Err(InspectError::Io(source)),
        };
        self.members.insert(path, Member::Layer(layer.clone()));
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
        self.resolve(path)
            .unwrap_or_else(|_| normalise(path.as_bytes()).path)
    }

    /// Takes what a layer needed from the limits, which hold for the archive as a whole.
    fn spend(&mut self, index: LayerIndex) -> Layer {
        let marks = index.whiteouts.iter().chain(&index.opaque);
        let names = index
            .entries
            .iter()
            .map(|entry| entry.path.len() + entry.link.as_deref().map_or(0, str::len))
            .chain(marks.map(String::len))
            .chain(index.problems.iter().map(bytes_of));
        let kept = index.entries.len() + index.whiteouts.len() + index.opaque.len();
        self.budget.entries = self.budget.entries.saturating_sub(kept);
        self.budget.name_bytes = self.budget.name_bytes.saturating_sub(names.sum());
        self.budget.uncompressed_bytes = self
            .budget
            .uncompressed_bytes
            .saturating_sub(index.uncompressed_bytes);
        Layer {
            cost: cost_of_layer(&index),
            index: Arc::new(index),
        }
    }

    /// Lists a plain tar by its headers.
    fn list(&mut self) -> Result<(), InspectError> {
        let listing = Metered::new(Window::whole(self.source), self.meter);
        let mut reader = TarReader::seekable(BufReader::with_capacity(LIST_BYTES, listing));
        self.each(&mut reader, |_, _, entry| {
            Ok(Member::Plain {
                offset: entry.content_offset,
                size: entry.size,
            })
        })
    }

    /// Reads a gzipped tar from end to end.
    fn read_gzipped(&mut self) -> Result<(), InspectError> {
        let file = BufReader::with_capacity(
            READ_BYTES,
            Metered::new(Window::whole(self.source), self.meter),
        );
        let inflated = Capped::new(MultiGzDecoder::new(file), self.budget.uncompressed_bytes);
        let mut reader = TarReader::new(BufReader::with_capacity(READ_BYTES, inflated));
        self.each(&mut reader, |catalogue, reader, entry| {
            catalogue.keep_or_index(reader, entry)
        })
    }

    /// Goes through a tar's entries and puts what `member` makes of each file under its path.
    fn each<R: BufRead>(
        &mut self,
        reader: &mut TarReader<R>,
        mut member: impl FnMut(&mut Self, &mut TarReader<R>, &TarEntry) -> Result<Member, InspectError>,
    ) -> Result<(), InspectError> {
        let mut name_bytes = 0;
        loop {
            let entry = match reader.next_entry() {
                Ok(Some(entry)) => entry,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.note_damage(&error);
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
                TarKind::File => member(self, reader, &entry)?,
                TarKind::Symlink | TarKind::Hardlink => Member::Link(link_target(&path, &entry)),
                _ => continue,
            };
            self.members.insert(path, made);
            if self.meter.is_cancelled() {
                return Err(InspectError::Cancelled);
            }
        }
    }

    /// One file of a gzipped archive: JSON is kept, all else is indexed.
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
                    "expected at most {KEPT_BYTES_MAX} bytes of JSON in a gzipped archive, but found more"
                );
                return Ok(Member::Dropped(note("limit", message)));
            }
            self.kept_bytes += entry.size;
            let mut bytes = Vec::new();
            // A failure shows again, with its place, when the next entry is asked for.
            let _ = EndOnError { inner: reader }.read_to_end(&mut bytes);
            return Ok(Member::Kept(bytes.into()));
        }
        match LayerIndex::read(EndOnError { inner: reader }, &self.budget) {
            Ok(index) => Ok(Member::Layer(self.spend(index))),
            Err(LayerError::Io { source, .. }) => Err(InspectError::Io(source)),
        }
    }

    fn note_damage(&mut self, error: &TarError) {
        let code = match error {
            TarError::Truncated { .. } => "truncated",
            TarError::Io { .. } => "bad-gzip",
            TarError::TooLarge { .. } => "limit",
            TarError::Checksum { .. } | TarError::Field { .. } => "bad-entry",
        };
        let message = format!("the archive can't be read to its end: {error}");
        self.problems.push(Problem {
            offset: Some(error.offset()),
            ..note(code, message)
        });
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

/// Fills `start` from the archive's beginning; answers how many bytes there were.
fn read_start(source: &dyn ReadAt, start: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < start.len() {
        match source.read_at(length as u64, &mut start[length..])? {
            0 => break,
            count => length += count,
        }
    }
    Ok(length)
}

/// Whether these bytes may begin a tar: ustar's mark, or (older ones have none) a header whose checksum fits.
fn looks_like_tar(start: &[u8]) -> bool {
    start.len() == 512
        && (start[257..262] == *b"ustar"
            || TarReader::new(start)
                .next_entry()
                .is_ok_and(|entry| entry.is_some()))
}

/// What a file that is no tar looks like.
fn describe_start(start: &[u8]) -> &'static str {
    match start {
        [] => "an empty file",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "a file compressed with zstd, which is not read",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "a file compressed with xz, which is not read",
        [b'B', b'Z', b'h', ..] => "a file compressed with bzip2, which is not read",
        [b'P', b'K', 3, 4, ..] => "a zip file",
        [b'{' | b'[', ..] => "a text that looks like JSON",
        _ if start.iter().all(|byte| *byte == 0) => "zero bytes",
        _ => "other bytes",
    }
}

fn missing(path: &str) -> Problem {
    note(
        "missing-blob",
        format!("expected {path:?} in the archive, but found no such file"),
    )
}

fn too_long(path: &str, size: u64) -> Problem {
    note(
        "limit",
        format!("expected at most {JSON_BYTES_MAX} bytes of JSON in {path:?}, but found {size}"),
    )
}
