//! Where a build's files come from: one open folder, never a path.
//!
//! The folder was opened with the rights of whoever asks for the build. Everything below it is reached through that
//! descriptor, so that no link and no `..` leads out of it (see `tree`).

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use estiva_shared::dockerfile::Ignore;
use estiva_shared::protocol::DockerfileOrigin;
use rustix::fs::{FileType, OFlags};

use crate::tree::{Filter, Tree, TreeError, kind};

/// What a build leaves out of its context, where no file goes by the Dockerfile's own name.
const IGNORE_FILE: &str = ".dockerignore";

/// The largest Dockerfile or ignore file, in bytes. The largest ones in use have some ten thousand lines.
pub(crate) const TEXT_BYTES_MAX: u64 = 1 << 20;

/// A build's files.
#[derive(Debug)]
pub enum Context {
    /// A folder, open for reading (`O_PATH` is enough).
    Folder(OwnedFd),
    /// No files at all: COPY from the context finds nothing.
    Empty,
}

/// A context that is being built from.
#[derive(Debug)]
pub(crate) struct OpenContext {
    tree: Option<Tree>,
    filter: Option<Filter>,
}

impl OpenContext {
    /// Takes a context.
    pub(crate) fn new(context: Context) -> Self {
        let tree = match context {
            Context::Folder(folder) => Some(Tree::new(folder)),
            Context::Empty => None,
        };
        Self { tree, filter: None }
    }

    /// The text of a file of the context, whatever `.dockerignore` says; `None` where there is none.
    ///
    /// # Errors
    /// Anything but an ordinary file of at most [`TEXT_BYTES_MAX`] bytes, and faults of files.
    pub(crate) fn text(&self, path: &str) -> Result<Option<String>, TreeError> {
        let Some(tree) = &self.tree else {
            return Ok(None);
        };
        let resolved = tree.resolve(Path::new(path))?;
        let Some(stat) = resolved.stat else {
            return Ok(None);
        };
        if kind(&stat) != FileType::RegularFile {
            let path = path.into();
            return Err(if resolved.is_folder() {
                TreeError::FolderInTheWay { path }
            } else {
                TreeError::Special {
                    path,
                    kind: "something else",
                }
            });
        }
        let file = tree.open(
            &resolved.path,
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK,
        )?;
        let mut bytes = Vec::new();
        File::from(file)
            .take(TEXT_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| TreeError::Io {
                doing: "read",
                path: path.into(),
                source,
            })?;
        if bytes.len() as u64 > TEXT_BYTES_MAX {
            let max = usize::try_from(TEXT_BYTES_MAX).unwrap_or(usize::MAX);
            return Err(TreeError::TooMany {
                what: "bytes in a file of text",
                max,
                path: path.into(),
            });
        }
        let text =
            String::from_utf8(bytes).map_err(|_| TreeError::NotText { path: path.into() })?;
        Ok(Some(text))
    }

    /// Reads what to leave out. The file that goes by the Dockerfile's own name counts before `.dockerignore`: it lies
    /// beside `dockerfile` in the context, or it came with the Dockerfile from where the client read both.
    ///
    /// # Errors
    /// As for [`Self::text`], and a pattern that can't be read.
    pub(crate) fn read_ignore(
        &mut self,
        dockerfile: &str,
        origin: Option<&DockerfileOrigin>,
    ) -> Result<(), TreeError> {
        let name = origin.map_or(dockerfile, |origin| &origin.name);
        let file = format!("{name}{IGNORE_FILE}");
        let own = match origin {
            Some(origin) => origin.ignore.clone(),
            None => self.text(&file)?,
        };
        let found = match own {
            Some(text) => Some((file, text)),
            None => self
                .text(IGNORE_FILE)?
                .map(|text| (IGNORE_FILE.to_owned(), text)),
        };
        self.filter = found.map(|(file, text)| filter(file, &text)).transpose()?;
        Ok(())
    }

    /// The files, where there are any.
    pub(crate) fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref()
    }

    /// What is left out of them.
    pub(crate) fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }
}

/// Reads an ignore file's patterns, all of them or none.
fn filter(file: String, text: &str) -> Result<Filter, TreeError> {
    let ignore = Ignore::parse(text);
    match ignore.mistakes().first() {
        None => Ok(Filter { ignore, file }),
        Some((line, message)) => Err(TreeError::BadIgnore {
            file,
            line: *line,
            message: message.clone(),
        }),
    }
}
