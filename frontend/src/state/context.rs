//! A build context from a folder of the browser: what `.dockerignore` leaves, laid out as a tar.
//!
//! The archive is a list of parts, headers as bytes and files by their index, so that the browser joins them into a Blob
//! and sends it from disk: no file's content ever passes through this program's memory.
//!
//! A browser tells neither permissions nor symbolic links. Files get mode 0755, as Docker gives them on Windows, so that
//! a script can be an entry point; a link is read as what it leads to.

use estiva_shared::dockerfile::Ignore;

/// Files taken from a folder. More than a hundred thousand are a dependency folder without `.dockerignore`.
pub const FILES_MAX: usize = 100_000;

/// A tar is written in blocks of so many bytes.
const BLOCK_BYTES: u64 = 512;

const FILE_MODE: u32 = 0o755;
const IGNORE_NAME: &str = ".dockerignore";

/// The Dockerfile of a folder, unless told otherwise.
pub const DOCKERFILE: &str = "Dockerfile";

/// One file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextFile {
    /// Relative to the folder, with slashes.
    pub path: String,
    /// Its bytes.
    pub size_bytes: u64,
    /// Seconds since 1970.
    pub modified: u64,
}

/// Which paths of a folder are taken: what `.dockerignore` leaves, and what the builder needs whatever that says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sieve {
    ignore: Ignore,
}

/// A pattern that can't be read. Docker refuses a build for it, because what it was to leave out would be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file that it is in.
    pub file: &'static str,
    /// Its line, from 1.
    pub line: u32,
    /// What was expected and what was found.
    pub message: String,
}

impl Sieve {
    /// The files that may say what is left out, by whose word counts first: one beside the Dockerfile before the folder's.
    pub const FILES: [&'static str; 2] = ["Dockerfile.dockerignore", IGNORE_NAME];

    /// Reads one of [`Sieve::FILES`].
    ///
    /// # Errors
    /// The first pattern that can't be read.
    pub fn read(file: &'static str, text: &str) -> Result<Sieve, Mistake> {
        let ignore = Ignore::parse(text);
        match ignore.mistakes().first() {
            Some((line, message)) => Err(Mistake {
                file,
                line: *line,
                message: message.clone(),
            }),
            None => Ok(Sieve { ignore }),
        }
    }

    /// Whether a file is taken. The builder needs the Dockerfile and what stands beside it even where COPY must not see them.
    pub fn takes(&self, path: &str) -> bool {
        path == DOCKERFILE || Self::FILES.contains(&path) || !self.ignore.excludes(path)
    }

    /// Whether anything below a folder may be taken.
    pub fn enters(&self, folder: &str) -> bool {
        !self.ignore.excludes(folder) || self.ignore.may_hold_exceptions(folder)
    }
}

/// A part of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The content of this file, by index.
    File(usize),
}

/// Lays files out as a tar.
///
/// # Errors
/// A path that a tar can't hold, such as one with `..` in it.
pub fn archive(files: &[ContextFile]) -> std::io::Result<Vec<Part>> {
    let mut parts = Vec::with_capacity(files.len() * 2 + 1);
    let mut padding = 0;
    for (index, file) in files.iter().enumerate() {
        let mut bytes = vec![0; padding];
        bytes.extend(header(file)?);
        parts.push(Part::Bytes(bytes));
        if file.size_bytes > 0 {
            parts.push(Part::File(index));
        }
        // Below 512, so it fits.
        padding = (file.size_bytes.next_multiple_of(BLOCK_BYTES) - file.size_bytes) as usize;
    }
    // Two empty blocks end an archive.
    parts.push(Part::Bytes(vec![0; padding + 2 * BLOCK_BYTES as usize]));
    Ok(parts)
}

/// A file's header, with the extra entry that a long path needs.
fn header(file: &ContextFile) -> std::io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(FILE_MODE);
    header.set_mtime(file.modified);
    header.set_size(file.size_bytes);
    let mut builder = tar::Builder::new(Vec::new());
    // Only the header is written here: the content follows as a part of its own.
    builder.append_data(&mut header, &file.path, std::io::empty())?;
    let mut bytes = builder.into_inner()?;
    // What the builder closed the archive with.
    bytes.truncate(bytes.len() - 2 * BLOCK_BYTES as usize);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn file(path: &str, size_bytes: u64) -> ContextFile {
        ContextFile {
            path: path.into(),
            size_bytes,
            modified: 1_700_000_000,
        }
    }

    fn joined(files: &[ContextFile], parts: Vec<Part>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in parts {
            match part {
                Part::Bytes(part) => bytes.extend(part),
                Part::File(index) => bytes.extend(std::iter::repeat_n(
                    b'0' + index as u8,
                    files[index].size_bytes as usize,
                )),
            }
        }
        bytes
    }

    #[test]
    fn the_archive_is_read_back_by_tar() {
        let long = format!("{}/file", "folder".repeat(40));
        let files = [
            file("Dockerfile", 10),
            file("empty", 0),
            file("src/a", 512),
            file(&long, 513),
        ];
        let bytes = joined(&files, archive(&files).expect("the paths are plain"));
        assert_eq!(bytes.len() % 512, 0);
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut seen = Vec::new();
        for entry in archive.entries().expect("an archive") {
            let mut entry = entry.expect("an entry");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("content");
            assert_eq!(entry.header().mode().expect("a mode"), FILE_MODE);
            seen.push((
                entry.path().expect("a path").to_string_lossy().into_owned(),
                content.len(),
            ));
        }
        assert_eq!(
            seen,
            [
                ("Dockerfile".into(), 10),
                ("empty".into(), 0),
                ("src/a".into(), 512),
                (long, 513)
            ]
        );
    }

    #[test]
    fn refuses_a_path_that_leads_out() {
        let files = [file("../secret", 1)];
        assert!(archive(&files).is_err());
    }

    #[test]
    fn leaves_out_what_dockerignore_names_but_never_what_the_builder_needs() {
        let text = "node_modules\nDockerfile*\n.dockerignore\nlogs\n!logs/keep\n";
        let sieve = Sieve::read(IGNORE_NAME, text).expect("plain patterns");
        for path in [
            "Dockerfile",
            "Dockerfile.dockerignore",
            ".dockerignore",
            "src/a",
            "logs/keep",
        ] {
            assert!(sieve.takes(path), "{path}");
        }
        for path in ["node_modules/x", "logs/other", "Dockerfile.old"] {
            assert!(!sieve.takes(path), "{path}");
        }
        assert!(!sieve.enters("node_modules") && sieve.enters("logs") && sieve.enters("src"));
    }

    /// A pattern that could not be read was passed over, and what it was to leave out was sent.
    #[test]
    fn a_pattern_that_cant_be_read_is_a_mistake_at_its_line() {
        let mistake = Sieve::read(IGNORE_NAME, "# secrets\n[\n").expect_err("an open class");
        assert_eq!((mistake.file, mistake.line), (IGNORE_NAME, 2));
        assert!(mistake.message.contains("expected a class"), "{mistake:?}");
    }
}
