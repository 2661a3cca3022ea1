//! The worker: what is asked of it and what it answers, and the program that does it.
//!
//! It runs beside the page, so that neither a long archive nor a long Dockerfile makes the page wait. Messages are JSON;
//! a file goes along as the browser's own handle, and is read where it lies. What is in an image stays here: the page gets
//! what is known of it in short, and of its files the rows that are in sight.

mod analysis_json;
pub mod archive;
mod beside;
mod compare;
pub mod comparison;
mod contents;
pub mod difference_tree;
pub mod folder;
mod hands;
mod json;
mod layer;
mod opening;
mod program;
mod remote;
mod shelf;
pub mod summary;
pub mod tree;
pub mod treemap;
mod whole;

pub use analysis_json::analysis_json;
pub use compare::{CompareAsk, Comparer};
pub use program::{Reader, read_dockerfile, start};

use estiva_shared::dockerfile::{Diagnostic, Dockerfile};
use estiva_shared::image::holdings::SbomFormat;
use estiva_shared::image::{FileVersion, LeftOut, RawDocument, WhatIf};
use estiva_shared::protocol::{FILE_BYTES_MAX, RemoteImage};
use estiva_shared::report::Report;
use serde::{Deserialize, Serialize};
use web_sys::Blob;

use crate::comparison::Compared;
use crate::summary::Summary;
use crate::tree::{Sight, Wish};
use crate::treemap::{Map, MapWish};

/// The field of a message that holds its JSON.
pub const TEXT_FIELD: &str = "text";

/// The field of a message that holds a file.
pub const FILE_FIELD: &str = "file";

/// The field of a message that holds a folder's files, in the order of their paths.
pub const FILES_FIELD: &str = "files";

/// The field of a message that holds bytes.
pub const BYTES_FIELD: &str = "bytes";

/// Most bytes of a file that one answer brings: more than a page shows at once.
pub const CONTENT_BYTES_MAX: u64 = FILE_BYTES_MAX;

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
    /// Read one layer, whose blob goes along, for the worker that asks.
    Layer {
        /// That one's number for it.
        id: u64,
        /// How many read layers at the same time.
        readers: usize,
    },
    /// Take an image apart as its registry describes it; its layers come when they are looked at.
    Remote {
        /// The page's number for it.
        id: u64,
        /// Its documents.
        image: Box<RemoteImage>,
    },
    /// Read a layer of that image; its blob goes along.
    RemoteLayer {
        /// The page's number for it.
        id: u64,
        /// Its digest, as the manifest has it.
        digest: String,
    },
    /// Forget all layers that are kept for the next time.
    Forget {
        /// The page's number for it.
        id: u64,
    },
    /// Take a folder apart that holds an image layout; its files go along.
    Folder {
        /// The page's number for it.
        id: u64,
        /// The files' paths below the folder.
        paths: Vec<String>,
    },
    /// Take a file of JSON, which goes along: a report, or what `estiva inspect --json` wrote.
    Json {
        /// The page's number for it.
        id: u64,
    },
    /// Take an analysis that the server made; its JSON goes along as a file.
    Analysis {
        /// The page's number for it.
        id: u64,
    },
    /// Show a part of the files of what was opened last.
    Files {
        /// The page's number for it.
        id: u64,
        /// The image, by its place in the answer.
        image: usize,
        /// What is to be seen and done.
        wish: Wish,
    },
    /// Show a map of the files of what was opened last.
    Map {
        /// The page's number for it.
        id: u64,
        /// The image, by its place in the answer.
        image: usize,
        /// What is to be seen.
        wish: MapWish,
    },
    /// Tell what an image of what was opened last would weigh without some of it.
    WhatIf {
        /// The page's number for it.
        id: u64,
        /// The image, by its place in the answer.
        image: usize,
        /// What is left out.
        left_out: Vec<LeftOut>,
    },
    /// Give the documents that describe an image of the archive that was opened last.
    Documents {
        /// The page's number for it.
        id: u64,
        /// The image, by its place in the answer.
        image: usize,
    },
    /// Something about two images that are compared; a file may go along.
    Compare {
        /// The page's number for it.
        id: u64,
        /// What.
        about: CompareAsk,
    },
    /// Write a bill of materials of what was opened last.
    Sbom {
        /// The page's number for it.
        id: u64,
        /// The image, by its place in the answer.
        image: usize,
        /// Its form.
        format: SbomFormat,
    },
    /// Give a part of a file's content.
    Content {
        /// The page's number for it.
        id: u64,
        /// The image, by its place in the answer.
        image: usize,
        /// The state after this layer; none for the finished image.
        layer: Option<usize>,
        /// The path, as the files' rows have it.
        path: String,
        /// The part's offset, in bytes.
        start: u64,
        /// Its length, in bytes; at most [`CONTENT_BYTES_MAX`] are given.
        length: u64,
    },
    /// Tell what each layer does to a path.
    Versions {
        /// The page's number for it.
        id: u64,
        /// The image, by its place in the answer.
        image: usize,
        /// The path, as the files' rows have it.
        path: String,
    },
    /// Give all of a file, or a folder as a tar.
    Download {
        /// The page's number for it.
        id: u64,
        /// The image, by its place in the answer.
        image: usize,
        /// The state after this layer; none for the finished image.
        layer: Option<usize>,
        /// The path, as the files' rows have it; empty for the root folder.
        path: String,
    },
    /// Write what is known of all images of what was opened last.
    AnalysisJson {
        /// The page's number for it.
        id: u64,
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
    /// What is known of an archive so far, while the rest of it is read; it can be looked at already.
    SoFar {
        /// The page's number.
        id: u64,
        /// One for each image in it; each says which layers are missing.
        images: Vec<Summary>,
    },
    /// An archive or an analysis, taken apart.
    Images {
        /// The page's number.
        id: u64,
        /// One for each image in it.
        images: Vec<Summary>,
        /// Layers that were read another time and kept until now; samples of them are still what they were.
        #[serde(default)]
        kept: usize,
    },
    /// A layer, read.
    Layer {
        /// The number of who asked.
        id: u64,
        /// As `LayerRead::to_bytes` writes it; goes along as bytes.
        #[serde(skip)]
        bytes: Vec<u8>,
    },
    /// Nothing is kept any more.
    Forgotten {
        /// The page's number.
        id: u64,
        /// Layers that were.
        layers: usize,
    },
    /// A report, read and checked.
    Report {
        /// The page's number.
        id: u64,
        /// What it says.
        report: Box<Report>,
    },
    /// The part of an image's files that is in sight. While a search goes on, more of them come.
    Files {
        /// The page's number.
        id: u64,
        /// What is in sight.
        sight: Box<Sight>,
    },
    /// A map of an image's files.
    Map {
        /// The page's number.
        id: u64,
        /// The map.
        map: Map,
    },
    /// What an image would weigh.
    WhatIf {
        /// The page's number.
        id: u64,
        /// That.
        what_if: WhatIf,
    },
    /// The documents that describe an image.
    Documents {
        /// The page's number.
        id: u64,
        /// The documents.
        documents: Vec<RawDocument>,
    },
    /// Two images, compared.
    Compared {
        /// The page's number.
        id: u64,
        /// What differs, in short.
        compared: Box<Compared>,
    },
    /// The tree of what differs between them.
    Differences {
        /// The page's number.
        id: u64,
        /// As `DifferenceTree::pack` writes it; goes along as bytes.
        #[serde(skip)]
        packed: Vec<u8>,
    },
    /// A bill of materials.
    Sbom {
        /// The page's number.
        id: u64,
        /// The document.
        text: String,
    },
    /// A part of a file's content.
    Content {
        /// The page's number.
        id: u64,
        /// The layer that holds the bytes.
        layer: usize,
        /// The whole file's bytes.
        size_bytes: u64,
        /// The part's offset.
        start: u64,
        /// The part; goes along as bytes.
        #[serde(skip)]
        bytes: Vec<u8>,
    },
    /// What each layer does to a path, lowest first.
    Versions {
        /// The page's number.
        id: u64,
        /// One for each layer that does something to it.
        versions: Vec<FileVersion>,
    },
    /// A piece of a download, in order.
    Piece {
        /// The page's number.
        id: u64,
        /// No other follows.
        last: bool,
        /// The piece; goes along as bytes.
        #[serde(skip)]
        bytes: Vec<u8>,
    },
    /// What is known of all images, as `estiva inspect --json` writes it.
    AnalysisJson {
        /// The page's number.
        id: u64,
        /// The document; goes along as a file, of which a message holds the handle alone.
        #[serde(skip)]
        json: Option<Blob>,
    },
    /// It could not be read.
    Failed {
        /// The page's number.
        id: u64,
        /// Why.
        message: String,
    },
}

impl Answer {
    /// What goes along as bytes, where something does.
    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Differences { packed: bytes, .. }
            | Self::Content { bytes, .. }
            | Self::Layer { bytes, .. }
            | Self::Piece { bytes, .. } => Some(bytes),
            _ => None,
        }
    }

    /// Where those bytes are to be put.
    pub fn bytes_mut(&mut self) -> Option<&mut Vec<u8>> {
        match self {
            Self::Differences { packed: bytes, .. }
            | Self::Content { bytes, .. }
            | Self::Layer { bytes, .. }
            | Self::Piece { bytes, .. } => Some(bytes),
            _ => None,
        }
    }
}
