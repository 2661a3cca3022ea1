//! Files' contents from the worker: a part of one, all of it to save, a folder as a tar, and its versions through the layers.

use std::cell::RefCell;

use estiva_shared::image::FileVersion;
use js_sys::{Array, Uint8Array};
use web_sys::Blob;
use yew::Callback;

use super::{Analyser, Attached, Reply, failure};
use estiva_worker::{Answer, Ask};

/// A question about a file of an image, and where the answer is to go.
#[derive(Clone, Debug, PartialEq)]
pub enum ContentsAsk {
    /// A part of a file's content.
    Content {
        /// The state after this layer; none for the finished image.
        layer: Option<usize>,
        /// The path.
        path: String,
        /// The part's offset, in bytes.
        start: u64,
        /// Its length, in bytes; at most [`CONTENT_BYTES_MAX`](estiva_worker::CONTENT_BYTES_MAX) are given.
        length: u64,
        /// Takes it.
        reply: Callback<Result<Content, String>>,
    },
    /// What each layer does to a path.
    Versions {
        /// The path.
        path: String,
        /// Takes them, lowest layer first.
        reply: Callback<Result<Vec<FileVersion>, String>>,
    },
    /// All of a file, or a folder as a tar.
    Download {
        /// The state after this layer; none for the finished image.
        layer: Option<usize>,
        /// The path; empty for the root folder.
        path: String,
        /// Is told how far it is, and at the end gets it.
        reply: Callback<Result<Downloaded, String>>,
    },
}

/// A part of a file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The layer that holds the bytes.
    pub layer: usize,
    /// The whole file's bytes.
    pub size_bytes: u64,
    /// The part's offset.
    pub start: u64,
    /// The part.
    pub bytes: Vec<u8>,
}

/// How far a download is.
#[derive(Clone, Debug, PartialEq)]
pub struct Downloaded {
    /// Bytes so far.
    pub bytes: u64,
    /// All of them, at the end.
    pub blob: Option<Blob>,
}

impl Analyser {
    /// The way to the contents of one of the images that were opened last.
    pub fn contents(&self, image: usize) -> Callback<ContentsAsk> {
        let this = self.clone();
        Callback::from(move |ask: ContentsAsk| match ask {
            ContentsAsk::Content {
                layer,
                path,
                start,
                length,
                reply,
            } => {
                let id = this.expect(Callback::from(move |answer| match answer {
                    Reply::Answer(Answer::Content {
                        layer,
                        size_bytes,
                        start,
                        bytes,
                        ..
                    }) => reply.emit(Ok(Content {
                        layer,
                        size_bytes,
                        start,
                        bytes,
                    })),
                    other => failure(other, &reply),
                }));
                let ask = Ask::Content {
                    id,
                    image,
                    layer,
                    path,
                    start,
                    length,
                };
                this.ask(ask, Attached::Nothing);
            }
            ContentsAsk::Versions { path, reply } => {
                let id = this.expect(Callback::from(move |answer| match answer {
                    Reply::Answer(Answer::Versions { versions, .. }) => reply.emit(Ok(versions)),
                    other => failure(other, &reply),
                }));
                this.ask(Ask::Versions { id, image, path }, Attached::Nothing);
            }
            ContentsAsk::Download { layer, path, reply } => {
                let id = this.expect(gathering(reply));
                let ask = Ask::Download {
                    id,
                    image,
                    layer,
                    path,
                };
                this.ask(ask, Attached::Nothing);
            }
        })
    }
}

/// Puts the pieces of a download together. Each becomes a blob at once, which the browser may keep on disk.
fn gathering(reply: Callback<Result<Downloaded, String>>) -> Callback<Reply> {
    let parts = Array::new();
    let total = RefCell::new(0);
    Callback::from(move |answer| match answer {
        Reply::Answer(Answer::Piece { last, bytes, .. }) => {
            let mut total = total.borrow_mut();
            *total += bytes.len() as u64;
            let piece = Array::of1(&Uint8Array::from(bytes.as_slice()));
            let whole = Blob::new_with_u8_array_sequence(&piece).and_then(|blob| {
                parts.push(&blob);
                last.then(|| Blob::new_with_blob_sequence(&parts))
                    .transpose()
            });
            reply.emit(match whole {
                Ok(blob) => Ok(Downloaded {
                    bytes: *total,
                    blob,
                }),
                Err(_) => Err("expected room for the file, but the browser has none".to_owned()),
            });
        }
        other => failure(other, &reply),
    })
}
