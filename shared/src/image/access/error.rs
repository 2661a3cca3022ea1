//! Why a file's content can't be had.

use std::io;

use super::super::EntryKind;

/// Why a file's content can't be had.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The analysis came without the image.
    #[error(
        "expected the image's layers, but found its analysis alone: open the image itself to see what is in its files"
    )]
    NotHere,
    /// The image has fewer layers or images.
    #[error("expected one of {count} {what}, counted from 0, but found number {number}")]
    NoSuch {
        /// `images` or `layers`.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// The one that was asked for.
        number: usize,
    },
    /// No layer up to this one has the path.
    #[error("expected a path that the image has {}, but found none: {path}", after(*.layer))]
    NoSuchPath {
        /// The path.
        path: String,
        /// The state after this layer; none for the finished image.
        layer: Option<usize>,
    },
    /// A layer removed it.
    #[error("expected a path that the image has {}, but found that layer {by} removed it: {path}", after(*.layer))]
    Removed {
        /// The path.
        path: String,
        /// The state after this layer; none for the finished image.
        layer: Option<usize>,
        /// The layer that removed it.
        by: usize,
    },
    /// It is something else.
    #[error("expected a file, but found {}: {path}", describe(*.kind, .link.as_deref()))]
    NotAFile {
        /// The path.
        path: String,
        /// What it is.
        kind: EntryKind,
        /// Where it leads.
        link: Option<String>,
    },
    /// A hard link leads to nothing.
    #[error(
        "expected a hard link to a file of the image, but found one to {target}, which is none: {path}"
    )]
    Dangling {
        /// The path.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// The layer could not be read so far when it was taken apart, or reads otherwise now.
    #[error("expected {path} in layer {layer}, but found that it can't be read: {reason}")]
    Damaged {
        /// The path.
        path: String,
        /// The layer, from 0.
        layer: usize,
        /// What was found.
        reason: String,
    },
    /// Its zeros, written out, are too many.
    #[error(
        "expected a file of at most {most} bytes, but found a sparse one of {size}, zeros included: save its folder, where it stays sparse: {path}"
    )]
    Sparse {
        /// The path.
        path: String,
        /// The file's bytes.
        size: u64,
        /// The most that are written out.
        most: u64,
    },
    /// The source failed.
    #[error("reading layer {layer}: {source}")]
    Io {
        /// The layer, from 0.
        layer: usize,
        /// Why.
        source: io::Error,
    },
}

fn after(layer: Option<usize>) -> String {
    match layer {
        None => "at its end".to_owned(),
        Some(layer) => format!("after layer {}", layer),
    }
}

fn describe(kind: EntryKind, link: Option<&str>) -> String {
    match kind {
        EntryKind::File | EntryKind::Hardlink => "a file".to_owned(),
        EntryKind::Directory => "a folder".to_owned(),
        EntryKind::Symlink => format!("a symbolic link to {}", link.unwrap_or_default()),
        EntryKind::CharDevice => "a character device".to_owned(),
        EntryKind::BlockDevice => "a block device".to_owned(),
        EntryKind::Fifo => "a named pipe".to_owned(),
    }
}
