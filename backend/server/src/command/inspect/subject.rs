//! What a command is asked about: images in a file or a folder, read by this process alone, or one of the store.

use std::io::Read;
use std::path::Path;

use estiva_shared::image::{
    self, AccessError, Choice, ContentIndex, Download, ImageAnalysis, InspectError, LayerRead,
    LayerSpan, Limits, Listed, ReadAt as _, Subject, inspect_ahead,
};
use estiva_shared::text::escape_name;

use super::source::{FileAt, FolderAt, is_layout};
use super::{ahead, choose};
use crate::client::{Client, segment};
use crate::failure::{Failure, at};
use crate::output::progress::Progress;
use crate::output::{complain, say};

/// Chooses among the images that are listed.
type Choose<'a> = dyn FnMut(&[Listed]) -> Vec<usize> + 'a;

/// Is told how far a reading is, and answers whether to go on.
type Told<'a> = dyn FnMut(image::Progress) -> bool + 'a;

/// How a name ends that can only be a file's or a folder's.
const ENDS: [&str; 5] = [".tar", ".gz", ".tgz", ".zst", "/"];

/// Which images of a file or folder are wanted.
pub(in crate::command) enum Wanted {
    /// All that fit.
    All(Choice),
    /// The one that fits; several are listed, and none is guessed.
    One(Choice),
    /// The one that a word means, which this option was given.
    ByWord(Choice, &'static str),
}

impl Wanted {
    /// The one that an option's word means: its place, its name, its digest, or else its platform.
    pub(in crate::command) fn by_word(word: Option<&str>, option: &'static str) -> Self {
        let choice = Choice {
            image: word.map(str::to_owned),
            platform: None,
        };
        Self::ByWord(choice, option)
    }

    fn choice(&self) -> &Choice {
        match self {
            Self::All(choice) | Self::One(choice) | Self::ByWord(choice, _) => choice,
        }
    }

    /// The places of those that fit.
    fn fitting(&self, images: &[Listed]) -> Vec<usize> {
        let choice = self.choice();
        let fitting = choice.fitting(images);
        match (self, &choice.image) {
            (Self::ByWord(..), Some(word)) if fitting.is_empty() => {
                let by_platform = Choice {
                    image: None,
                    platform: Some(word.clone()),
                };
                by_platform.fitting(images)
            }
            _ => fitting,
        }
    }
}

/// Whether a word means a file or a folder: a file or a layout is there, or the word can only be a path. A folder that is no
/// layout may have an image's name by chance, as the one that the image was built from.
pub(in crate::command) fn is_local(subject: &str) -> bool {
    let path = Path::new(subject);
    path.is_file()
        || is_layout(path)
        || path.is_absolute()
        || subject.starts_with('.')
        || ENDS.iter().any(|end| subject.ends_with(end))
}

/// The images of a file or a folder.
///
/// # Errors
/// One that can't be read, or holds no image, or not the one that is wanted. Those that it might be are listed then.
pub(in crate::command) fn read_local(
    subject: &str,
    wanted: &Wanted,
) -> Result<Vec<ImageAnalysis>, Failure> {
    let path = Path::new(subject);
    let source = Source::open(path)?;
    // What is in the files is not asked for.
    let reading = |layer: &mut dyn Read, limits: &Limits| LayerRead::read_index(layer, limits).ok();
    take_apart(path, &source, wanted, |choose, progress| {
        let (images, _) = source.images(reading, choose, progress)?;
        Ok(images)
    })
}

/// Where images lie.
pub(super) enum Source {
    Archive(FileAt),
    Folder(FolderAt),
}

impl Source {
    fn open(path: &Path) -> Result<Self, Failure> {
        Ok(match path.is_dir() {
            true => Self::Folder(FolderAt::open(path)?),
            false => Self::Archive(FileAt::open(path)?),
        })
    }

    /// Takes images apart, their layers side by side.
    fn images(
        &self,
        reading: ahead::Reading,
        choose: &mut Choose<'_>,
        progress: &mut Told<'_>,
    ) -> Result<(Vec<ImageAnalysis>, ContentIndex), InspectError> {
        let mut layers = |places: &[LayerSpan], advance: &mut dyn FnMut(u64) -> bool| {
            ahead::read(self, reading, places, advance)
        };
        let limits = Limits::default();
        let (images, index) =
            inspect_ahead(self.subject(), &limits, choose, &mut layers, progress)?;
        let analyses = images.into_iter().map(|(analysis, _)| analysis);
        Ok((analyses.collect(), index))
    }

    fn subject(&self) -> Subject<'_> {
        match self {
            Self::Archive(archive) => Subject::Archive(archive),
            Self::Folder(folder) => Subject::Folder(folder),
        }
    }

    /// Why a folder shows no image is often that it is one to build from.
    fn hinted(&self, path: &Path, failure: Failure) -> Failure {
        match self {
            Self::Folder(folder) if !is_layout(path) && folder.has_recipe() => {
                let hint = format!("to build it: estiva build {}", path.display());
                failure.hint(escape_name(&hint).into_owned())
            }
            _ => failure,
        }
    }
}

/// An image of a file or folder, whose files can be read.
pub(in crate::command) struct Opened {
    source: Source,
    analysis: ImageAnalysis,
    contents: ContentIndex,
}

impl Opened {
    /// The one that is wanted of a file or a folder.
    ///
    /// # Errors
    /// As [`read_local`].
    pub(in crate::command) fn local(subject: &str, wanted: &Wanted) -> Result<Self, Failure> {
        let path = Path::new(subject);
        Self::of(path, Source::open(path)?, wanted)
    }

    fn of(path: &Path, source: Source, wanted: &Wanted) -> Result<Self, Failure> {
        let mut contents = ContentIndex::default();
        let reading = |layer: &mut dyn Read, limits: &Limits| LayerRead::read(layer, limits).ok();
        let mut analyses = take_apart(path, &source, wanted, |choose, progress| {
            let (images, index) = source.images(reading, choose, progress)?;
            contents = index;
            Ok(images)
        })?;
        Ok(Self {
            analysis: analyses.swap_remove(0),
            source,
            contents,
        })
    }

    /// All of it, as a download.
    pub(in crate::command) fn all(&self) -> Download<'_> {
        Download {
            image: 0,
            analysis: &self.analysis,
            layer: None,
            path: "",
        }
    }

    /// Writes a file's bytes, or a folder as a tar.
    ///
    /// # Errors
    /// An [`AccessError`], of what is written to as well.
    pub(in crate::command) fn download(
        &self,
        what: Download<'_>,
        out: &mut dyn std::io::Write,
    ) -> Result<(), AccessError> {
        self.contents.download(self.source.subject(), what, out)
    }
}

/// Reads the images of a source; those that might be wanted are listed where it is not clear which.
fn take_apart(
    path: &Path,
    source: &Source,
    wanted: &Wanted,
    read: impl FnOnce(&mut Choose<'_>, &mut Told<'_>) -> Result<Vec<ImageAnalysis>, InspectError>,
) -> Result<Vec<ImageAnalysis>, Failure> {
    let total = match source {
        Source::Archive(archive) => Some(archive.size()),
        Source::Folder(_) => None,
    };
    let (mut listed, mut fitting) = (Vec::new(), Vec::new());
    let mut choose = |images: &[Listed]| {
        listed = images.to_vec();
        fitting = wanted.fitting(images);
        match matches!(wanted, Wanted::All(_)) || fitting.len() == 1 {
            true => fitting.clone(),
            false => Vec::new(),
        }
    };
    let mut progress = match is_pipeline() {
        true => None,
        false => Progress::on_terminal("reading", total),
    };
    let result = read(&mut choose, &mut |at| {
        progress.iter_mut().for_each(|bar| bar.is_at(at.done_bytes));
        true
    });
    drop(progress);
    let analyses = result
        .map_err(at("read", path))
        .map_err(|failure| source.hinted(path, failure))?;
    if analyses.is_empty() {
        let all: Vec<_> = (0..listed.len()).collect();
        let offered = if fitting.is_empty() { &all } else { &fitting };
        let list = || choose::list(&listed, offered);
        let (choice, counts) = (wanted.choice(), (listed.len(), fitting.len()));
        return Err(match wanted {
            Wanted::All(_) => choose::refusal(choice, counts),
            Wanted::One(_) => {
                say(&list())?;
                choose::refusal(choice, counts)
            }
            // Standard output is for another document.
            Wanted::ByWord(_, option) => {
                complain(&list());
                choose::refusal_of(choice, option, counts)
            }
        });
    }
    Ok(analyses)
}

/// Whether a pipeline runs this (`CI=true`, as they all set it): its log is no terminal, though it may look like one.
fn is_pipeline() -> bool {
    std::env::var_os("CI").is_some_and(|value| !matches!(value.to_str(), Some("" | "false" | "0")))
}

/// An image of the store.
///
/// # Errors
/// An unknown image; no server.
pub(in crate::command) async fn read_image(
    subject: &str,
    root: &Path,
) -> Result<ImageAnalysis, Failure> {
    let mut client = Client::connect(root).await?;
    let path = format!("/api/v1/images/{}/analysis", segment(subject));
    client.get(&path).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_a_name_or_a_digest_before_a_platform_and_nothing_is_guessed() {
        let listed = |name: &str, digit: &str, platform: &str| Listed {
            names: vec![name.to_owned()],
            platform: platform.to_owned(),
            manifest_digest: None,
            config_digest: format!("sha256:{}", digit.repeat(64)),
            layers: 1,
            size_bytes: 1,
        };
        let images = [
            listed("one:1", "a", "linux/amd64"),
            listed("two:1", "b", "linux/arm64"),
            listed("two:1", "c", "linux/amd64"),
        ];
        let fitting = |word| Wanted::by_word(word, "--image").fitting(&images);
        assert_eq!(fitting(None), [0, 1, 2]);
        assert_eq!(fitting(Some("one:1")), [0]);
        assert_eq!(fitting(Some("two:1")), [1, 2]);
        assert_eq!(fitting(Some("bbbbbb")), [1]);
        assert_eq!(fitting(Some("sha256:cccccc")), [2]);
        assert_eq!(fitting(Some("linux/arm64")), [1]);
        assert!(fitting(Some("three:1")).is_empty());
    }
}
