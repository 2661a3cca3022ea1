//! A file's content as the worker gives it: its beginning up to a limit, pieces from anywhere in it, and its versions.
//!
//! Answers that come after one looks at something else are dropped; what was fetched of a beginning is kept where more of it is
//! wished for.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use estiva_shared::image::FileVersion;
use yew::prelude::*;

use crate::services::analyser::{Content, ContentsAsk};
use crate::state::by_address::ByAddress;
use crate::state::file_view::{Missing, Pieces};
use estiva_worker::CONTENT_BYTES_MAX;

/// A file as it is after a layer, and the way to its content.
#[derive(Clone, PartialEq)]
pub struct FileSource {
    /// The way.
    pub contents: Callback<ContentsAsk>,
    /// The state after this layer; none for the finished image.
    pub layer: Option<usize>,
    /// The path.
    pub path: AttrValue,
}

impl FileSource {
    fn ask(&self, range: Range<u64>, reply: Callback<Result<Content, String>>) {
        self.contents.emit(ContentsAsk::Content {
            layer: self.layer,
            path: self.path.to_string(),
            start: range.start,
            length: range.end.saturating_sub(range.start),
            reply,
        });
    }
}

/// A file's beginning.
#[derive(Clone, Default, PartialEq)]
pub struct Beginning {
    /// The bytes, once all that is wished for is there.
    pub bytes: Option<ByAddress<Vec<u8>>>,
    /// Bytes of the whole file.
    pub size_bytes: u64,
    /// Why there is nothing.
    pub failure: Option<AttrValue>,
}

impl Beginning {
    /// Whether the bytes are all that the file has.
    pub fn is_all(&self) -> bool {
        let bytes = self.bytes.as_ref();
        bytes.is_some_and(|bytes| bytes.len() as u64 >= self.size_bytes)
    }
}

/// What there is of a beginning, and of which file after which layer.
#[derive(Default)]
struct Held {
    of: Option<(Option<usize>, AttrValue)>,
    bytes: Vec<u8>,
}

/// What is fetched of a beginning, and for whom.
#[derive(Clone)]
struct Fetch {
    source: FileSource,
    upto: u64,
    held: Rc<RefCell<Held>>,
    is_wanted: Rc<Cell<bool>>,
    state: UseStateSetter<Beginning>,
}

/// The first bytes of a file, at most so many; none are asked for where there is no file.
#[hook]
pub fn use_beginning(source: Option<FileSource>, upto: u64) -> Beginning {
    let state = use_state(Beginning::default);
    let held = use_mut_ref(Held::default);
    {
        let state = state.setter();
        let key = source
            .as_ref()
            .map(|source| (source.layer, source.path.clone()));
        use_effect_with((key, upto), move |(key, upto)| {
            let is_wanted = Rc::new(Cell::new(true));
            if held.borrow().of != *key {
                *held.borrow_mut() = Held {
                    of: key.clone(),
                    ..Held::default()
                };
                state.set(Beginning::default());
            }
            if let Some(source) = source {
                let fetch = Fetch {
                    source,
                    upto: *upto,
                    held,
                    is_wanted: is_wanted.clone(),
                    state,
                };
                fetch.next();
            }
            move || is_wanted.set(false)
        });
    }
    (*state).clone()
}

impl Fetch {
    fn next(self) {
        let start = self.held.borrow().bytes.len() as u64;
        let end = self.upto.min(start + CONTENT_BYTES_MAX);
        let source = self.source.clone();
        let reply = Callback::from(move |answer| self.clone().take(answer));
        source.ask(start..end, reply);
    }

    fn take(self, answer: Result<Content, String>) {
        if !self.is_wanted.get() {
            return;
        }
        let content = match answer {
            Ok(content) => content,
            Err(message) => {
                return self.state.set(Beginning {
                    failure: Some(message.into()),
                    ..Beginning::default()
                });
            }
        };
        let mut held = self.held.borrow_mut();
        held.bytes.extend_from_slice(&content.bytes);
        let there = held.bytes.len() as u64;
        // An answer without bytes is the end, whatever the size says.
        if there < self.upto.min(content.size_bytes) && !content.bytes.is_empty() {
            drop(held);
            return self.next();
        }
        self.state.set(Beginning {
            bytes: Some(ByAddress::new(held.bytes.clone())),
            size_bytes: content.size_bytes,
            failure: None,
        });
    }
}

/// Pieces from anywhere in a file.
#[derive(Clone)]
pub struct PiecesHandle {
    /// Those that are there.
    pub pieces: Rc<RefCell<Pieces>>,
    /// Wants this part.
    pub want: Callback<Range<u64>>,
    /// Changes whenever a piece came.
    pub came: u32,
    /// Why one did not come.
    pub failure: Option<AttrValue>,
}

/// Pieces of a file of this size; each that is wanted is fetched once, and the page drawn again when it is there.
#[hook]
pub fn use_pieces(source: FileSource, size_bytes: u64) -> PiecesHandle {
    let key = (source.layer, source.path.clone(), size_bytes);
    let pieces = use_memo(key.clone(), |(_, _, size_bytes)| {
        Rc::new(RefCell::new(Pieces::new(*size_bytes)))
    });
    let asked = use_memo(key, |_| Rc::new(RefCell::new(Vec::<Missing>::new())));
    let failure = use_state_eq(|| None::<AttrValue>);
    let came = use_state_eq(|| 0_u32);
    // Counts over renders, since several answers may come before the next one.
    let count = use_mut_ref(|| 0_u32);
    let pieces = (*pieces).clone();
    let want = {
        let (pieces, asked) = (pieces.clone(), (*asked).clone());
        let (failure, came) = (failure.setter(), came.setter());
        Callback::from(move |range: Range<u64>| {
            // Asked below without holding on to them: an answer may come at once.
            let missing = pieces.borrow_mut().want(range);
            for missing in missing {
                if asked.borrow().contains(&missing) {
                    continue;
                }
                asked.borrow_mut().push(missing);
                let (pieces, asked, count) = (pieces.clone(), asked.clone(), count.clone());
                let (failure, came) = (failure.clone(), came.clone());
                let reply = Callback::from(move |answer: Result<Content, String>| {
                    asked.borrow_mut().retain(|other| *other != missing);
                    match answer {
                        Ok(content) => {
                            pieces.borrow_mut().put(missing, content.bytes.into());
                            *count.borrow_mut() += 1;
                            came.set(*count.borrow());
                            failure.set(None);
                        }
                        Err(message) => failure.set(Some(message.into())),
                    }
                });
                source.ask(missing.range(), reply);
            }
        })
    };
    PiecesHandle {
        pieces,
        want,
        came: *came,
        failure: (*failure).clone(),
    }
}

/// What each layer does to a path; none before the answer.
#[hook]
pub fn use_versions(
    contents: Callback<ContentsAsk>,
    path: &AttrValue,
) -> Option<Result<Rc<Vec<FileVersion>>, AttrValue>> {
    let state = use_state(|| None::<Result<Rc<Vec<FileVersion>>, AttrValue>>);
    {
        let state = state.setter();
        use_effect_with(path.clone(), move |path| {
            let is_wanted = Rc::new(Cell::new(true));
            state.set(None);
            let wanted = is_wanted.clone();
            let reply = Callback::from(move |answer: Result<Vec<FileVersion>, String>| {
                if wanted.get() {
                    state.set(Some(answer.map(Rc::new).map_err(AttrValue::from)));
                }
            });
            let path = path.to_string();
            contents.emit(ContentsAsk::Versions { path, reply });
            move || is_wanted.set(false)
        });
    }
    (*state).clone()
}
