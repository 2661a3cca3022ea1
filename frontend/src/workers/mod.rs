//! The worker: what is asked of it and what it answers, and the program that does it.
//!
//! It runs beside the page, so that neither a long archive nor a long Dockerfile makes the page wait. Messages are JSON;
//! a file goes along as the browser's own handle, and is read where it lies. What is in an image stays here: the page gets
//! what is known of it in short, and a tree of files, packed, when it shows one.

pub mod archive;
mod program;

pub use program::{Reader, read_dockerfile, start};

use estiva_shared::dockerfile::{Diagnostic, Dockerfile};
use serde::{Deserialize, Serialize};

use crate::state::summary::Summary;

/// The field of a message that holds its JSON.
pub const TEXT_FIELD: &str = "text";

/// The field of a message that holds a file.
pub const FILE_FIELD: &str = "file";

/// The field of a message that holds bytes.
pub const BYTES_FIELD: &str = "bytes";

/// From the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Read a Dockerfile's text.
    Dockerfile {
        /// The page's number for it.
        id: u64,
        /// The text.
        source: String,
    },
    /// Take an image archive apart; the file goes along.
    Archive {
        /// The page's number for it.
        id: u64,
    },
    /// Take an analysis that the server made; its JSON goes along as a file.
    Analysis {
        /// The page's number for it.
        id: u64,
    },
    /// Make a file tree of what was opened last.
    Tree {
        /// The page's number for it.
        id: u64,
        /// The image, by its place in the answer.
        image: usize,
        /// The layer, by index; none for the merged image.
        layer: Option<usize>,
    },
}

/// From the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It is loaded and listens. Sent once, before anything is asked.
    Ready,
    /// A Dockerfile, read.
    Dockerfile {
        /// The page's number.
        id: u64,
        /// What it says.
        dockerfile: Dockerfile,
        /// What is wrong with it.
        findings: Vec<Diagnostic>,
    },
    /// An archive is being read.
    Progress {
        /// The page's number.
        id: u64,
        /// Bytes read.
        done_bytes: u64,
        /// Bytes in all.
        total_bytes: u64,
    },
    /// An archive or an analysis, taken apart.
    Images {
        /// The page's number.
        id: u64,
        /// One for each image in it.
        images: Vec<Summary>,
    },
    /// A file tree.
    Tree {
        /// The page's number.
        id: u64,
        /// As `Tree::pack` writes it; goes along as bytes.
        #[serde(skip)]
        packed: Vec<u8>,
    },
    /// It could not be read.
    Failed {
        /// The page's number.
        id: u64,
        /// Why.
        message: String,
    },
}
