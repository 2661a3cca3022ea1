//! The page's side of the worker: starts it, asks it, starts it again after it fell over.

mod contents;

pub use contents::{Content, ContentsAsk, Downloaded};

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use estiva_shared::image::holdings::SbomFormat;
use estiva_shared::image::{LeftOut, RawDocument, WhatIf};
use estiva_shared::protocol::RemoteImage;
use futures_channel::oneshot;
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{Blob, ErrorEvent, File, MessageEvent, Worker};
use yew::Callback;

use super::base;
use super::folder::Folder;
use estiva_worker::summary::Summary;
use estiva_worker::tree::{Sight, Wish};
use estiva_worker::treemap::{Map, MapWish};
use estiva_worker::{Answer, Ask, BYTES_FIELD, CompareAsk, FILE_FIELD, FILES_FIELD, TEXT_FIELD};

/// The worker's script, as trunk names it.
const SCRIPT: &str = "worker_loader.js";

/// What comes back.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// An answer, or word of how far it is.
    Answer(Answer),
    /// The worker fell over while at it; the next question starts it again.
    Crashed(String),
}

/// A question about an image's files, and where the answers are to go.
#[derive(Clone, Debug, PartialEq)]
pub enum FilesAsk {
    /// The rows that are in sight. While a search goes on, more answers come.
    Rows(Wish, Callback<Result<Sight, String>>),
    /// A map.
    Map(MapWish, Callback<Result<Map, String>>),
    /// What the image would weigh without these.
    WhatIf(Vec<LeftOut>, Callback<Result<WhatIf, String>>),
}

/// A wish for a bill of materials, and where it is to go.
#[derive(Clone, Debug, PartialEq)]
pub struct SbomAsk {
    /// Its form.
    pub format: SbomFormat,
    /// Takes the document, or why there is none.
    pub reply: Callback<Result<String, String>>,
}

/// A worker. Clones are the same one; it ends with the last of them.
#[derive(Clone, Default)]
pub struct Analyser(Rc<RefCell<Inner>>);

impl PartialEq for Analyser {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

#[derive(Default)]
struct Inner {
    running: Option<Running>,
    next_id: u64,
    // Asked before the worker was ready.
    waiting: Vec<(Ask, Attached)>,
    replies: BTreeMap<u64, Callback<Reply>>,
    // The question whose search goes on.
    searching: Option<u64>,
}

/// What goes along with a question.
enum Attached {
    Nothing,
    File(Blob),
    Files(Array),
}

struct Running {
    worker: Worker,
    ready: bool,
    // Kept alive for the browser to call.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

impl Analyser {
    /// Has a Dockerfile read.
    pub fn read_dockerfile(&self, source: String, reply: Callback<Reply>) {
        let id = self.expect(reply);
        self.ask(Ask::Dockerfile { id, source }, Attached::Nothing);
    }

    /// Has an archive taken apart; word of how far it is comes first.
    pub fn inspect(&self, file: File, reply: Callback<Reply>) {
        let id = self.expect(reply);
        self.ask(Ask::Archive { id }, Attached::File(file.into()));
    }

    /// Has a folder taken apart that holds an image layout; word of how far it is comes first.
    pub fn inspect_folder(&self, folder: Folder, reply: Callback<Reply>) {
        let id = self.expect(reply);
        let paths = folder.files.into_iter().map(|file| file.path).collect();
        let handles = folder.handles.into_iter().collect::<Array>();
        self.ask(Ask::Folder { id, paths }, Attached::Files(handles));
    }

    /// Has an image taken apart as its registry describes it.
    pub fn open_remote(&self, image: RemoteImage, reply: Callback<Reply>) {
        let id = self.expect(reply);
        let image = Box::new(image);
        self.ask(Ask::Remote { id, image }, Attached::Nothing);
    }

    /// Has a layer read of that image; word of how far it is comes first.
    pub fn take_layer(&self, digest: String, blob: Blob, reply: Callback<Reply>) {
        let id = self.expect(reply);
        self.ask(Ask::RemoteLayer { id, digest }, Attached::File(blob));
    }

    /// Has a file of JSON read: a report, or an analysis that the command line wrote.
    pub fn read_json(&self, file: File, reply: Callback<Reply>) {
        let id = self.expect(reply);
        self.ask(Ask::Json { id }, Attached::File(file.into()));
    }

    /// Takes an analysis that the server made. The worker reads it, so that the page does not wait for a long one.
    ///
    /// # Errors
    /// Other JSON, or a worker that fell over, in a sentence.
    pub async fn open_analysis(&self, analysis: Blob) -> Result<Summary, String> {
        let (sender, receiver) = oneshot::channel();
        let sender = RefCell::new(Some(sender));
        let id = self.expect(Callback::from(move |reply| {
            let opened = match reply {
                Reply::Answer(Answer::Images { mut images, .. }) if !images.is_empty() => {
                    Ok(images.swap_remove(0))
                }
                Reply::Answer(Answer::Failed { message, .. }) | Reply::Crashed(message) => {
                    Err(message)
                }
                _ => return,
            };
            if let Some(sender) = sender.take() {
                // Where nobody waits for it any more, it is not wanted.
                let _ = sender.send(opened);
            }
        }));
        self.ask(Ask::Analysis { id }, Attached::File(analysis));
        let ended = |_| Err("the reader was ended".to_owned());
        receiver.await.unwrap_or_else(ended)
    }

    /// Has the layers forgotten that are kept for the next time.
    pub fn forget(&self, reply: Callback<Result<usize, String>>) {
        let id = self.expect(Callback::from(move |answer| match answer {
            Reply::Answer(Answer::Forgotten { layers, .. }) => reply.emit(Ok(layers)),
            other => failure(other, &reply),
        }));
        self.ask(Ask::Forget { id }, Attached::Nothing);
    }

    /// The way to the files of one of the images that were opened last.
    pub fn files(&self, image: usize) -> Callback<FilesAsk> {
        let this = self.clone();
        Callback::from(move |ask: FilesAsk| match ask {
            FilesAsk::Rows(wish, reply) => {
                let id = this.expect(Callback::from(move |answer| match answer {
                    Reply::Answer(Answer::Files { sight, .. }) => reply.emit(Ok(*sight)),
                    other => failure(other, &reply),
                }));
                this.ask(Ask::Files { id, image, wish }, Attached::Nothing);
            }
            FilesAsk::Map(wish, reply) => {
                let id = this.expect(Callback::from(move |answer| match answer {
                    Reply::Answer(Answer::Map { map, .. }) => reply.emit(Ok(map)),
                    other => failure(other, &reply),
                }));
                this.ask(Ask::Map { id, image, wish }, Attached::Nothing);
            }
            FilesAsk::WhatIf(left_out, reply) => {
                let id = this.expect(Callback::from(move |answer| match answer {
                    Reply::Answer(Answer::WhatIf { what_if, .. }) => reply.emit(Ok(what_if)),
                    other => failure(other, &reply),
                }));
                let ask = Ask::WhatIf {
                    id,
                    image,
                    left_out,
                };
                this.ask(ask, Attached::Nothing);
            }
        })
    }

    /// Asks something about two images that are compared.
    pub fn compare(&self, about: CompareAsk, file: Option<Blob>, reply: Callback<Reply>) {
        let id = self.expect(reply);
        let attached = file.map_or(Attached::Nothing, Attached::File);
        self.ask(Ask::Compare { id, about }, attached);
    }

    /// The way to bills of materials of one of the images that were opened last.
    pub fn sboms(&self, image: usize) -> Callback<SbomAsk> {
        let this = self.clone();
        Callback::from(move |wish: SbomAsk| {
            let SbomAsk { format, reply } = wish;
            let id = this.expect(Callback::from(move |answer| match answer {
                Reply::Answer(Answer::Sbom { text, .. }) => reply.emit(Ok(text)),
                other => failure(other, &reply),
            }));
            this.ask(Ask::Sbom { id, image, format }, Attached::Nothing);
        })
    }

    /// Asks for what is known of all images that were opened last, as `estiva inspect --json` writes it.
    pub fn analysis_json(&self, reply: Callback<Result<Blob, String>>) {
        let id = self.expect(Callback::from(move |answer| match answer {
            Reply::Answer(Answer::AnalysisJson { json, .. }) => {
                reply.emit(json.ok_or_else(|| "expected a document, but found none".to_owned()));
            }
            other => failure(other, &reply),
        }));
        self.ask(Ask::AnalysisJson { id }, Attached::Nothing);
    }

    /// The documents that describe one of the images of the archive that was opened last.
    ///
    /// # Errors
    /// A worker that fell over, in a sentence.
    pub async fn documents(&self, image: usize) -> Result<Vec<RawDocument>, String> {
        let (sender, receiver) = oneshot::channel();
        let sender = RefCell::new(Some(sender));
        let id = self.expect(Callback::from(move |reply| {
            let found = match reply {
                Reply::Answer(Answer::Documents { documents, .. }) => Ok(documents),
                Reply::Answer(Answer::Failed { message, .. }) | Reply::Crashed(message) => {
                    Err(message)
                }
                Reply::Answer(_) => return,
            };
            if let Some(sender) = sender.take() {
                // Where nobody waits for it any more, it is not wanted.
                let _ = sender.send(found);
            }
        }));
        self.ask(Ask::Documents { id, image }, Attached::Nothing);
        let ended = |_| Err("the reader was ended".to_owned());
        receiver.await.unwrap_or_else(ended)
    }

    /// Ends all that is under way. The worker can't hear while it reads, so it is ended, and started again when needed.
    pub fn cancel(&self) {
        let mut inner = self.0.borrow_mut();
        inner.running = None;
        inner.waiting.clear();
        inner.replies.clear();
    }

    fn expect(&self, reply: Callback<Reply>) -> u64 {
        let mut inner = self.0.borrow_mut();
        inner.next_id += 1;
        let id = inner.next_id;
        inner.replies.insert(id, reply);
        id
    }

    fn ask(&self, ask: Ask, attached: Attached) {
        if self.0.borrow().running.is_none() && self.launch().is_none() {
            return self.crashed("expected a browser that starts workers, but it refused".into());
        }
        let mut inner = self.0.borrow_mut();
        match &inner.running {
            Some(running) if running.ready => post(&running.worker, &ask, &attached),
            _ => inner.waiting.push((ask, attached)),
        }
    }

    fn launch(&self) -> Option<()> {
        let worker = Worker::new(&base::file(SCRIPT)).ok()?;
        // Weak, or the worker would keep itself alive.
        let weak = Rc::downgrade(&self.0);
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(inner) = weak.upgrade() {
                Analyser(inner).take(&event.data());
            }
        });
        let weak = Rc::downgrade(&self.0);
        let error = Closure::<dyn FnMut(ErrorEvent)>::new(move |event: ErrorEvent| {
            event.prevent_default();
            if let Some(inner) = weak.upgrade() {
                Analyser(inner).crashed(event.message());
            }
        });
        worker.set_onmessage(Some(message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(error.as_ref().unchecked_ref()));
        self.0.borrow_mut().running = Some(Running {
            worker,
            ready: false,
            _on_message: message,
            _on_error: error,
        });
        Some(())
    }

    fn take(&self, message: &JsValue) {
        let field = |name: &str| Reflect::get(message, &name.into()).unwrap_or(JsValue::UNDEFINED);
        let text = field(TEXT_FIELD).as_string().unwrap_or_default();
        match serde_json::from_str::<Answer>(&text) {
            Ok(Answer::Ready) => self.ready(),
            Ok(Answer::AnalysisJson { id, .. }) => {
                let json = field(FILE_FIELD).dyn_into::<Blob>().ok();
                self.deliver(Answer::AnalysisJson { id, json });
            }
            Ok(mut answer) => {
                if let Some(to) = answer.bytes_mut()
                    && let Ok(bytes) = field(BYTES_FIELD).dyn_into::<Uint8Array>()
                {
                    *to = bytes.to_vec();
                }
                self.deliver(answer);
            }
            Err(error) => self.crashed(error.to_string()),
        }
    }

    fn ready(&self) {
        let mut inner = self.0.borrow_mut();
        let waiting = std::mem::take(&mut inner.waiting);
        if let Some(running) = &mut inner.running {
            running.ready = true;
            for (ask, attached) in waiting {
                post(&running.worker, &ask, &attached);
            }
        }
    }

    fn deliver(&self, answer: Answer) {
        let (id, goes_on) = match &answer {
            Answer::Progress { id, .. } | Answer::SoFar { id, .. } => (*id, true),
            Answer::Piece { id, last, .. } => (*id, !last),
            Answer::Files { id, sight } => {
                let goes_on = sight.found.as_ref().is_some_and(|found| found.goes_on);
                (*id, goes_on)
            }
            Answer::Dockerfile { id, .. }
            | Answer::Images { id, .. }
            | Answer::Layer { id, .. }
            | Answer::Forgotten { id, .. }
            | Answer::Report { id, .. }
            | Answer::Differences { id, .. }
            | Answer::Compared { id, .. }
            | Answer::Sbom { id, .. }
            | Answer::AnalysisJson { id, .. }
            | Answer::Map { id, .. }
            | Answer::WhatIf { id, .. }
            | Answer::Documents { id, .. }
            | Answer::Content { id, .. }
            | Answer::Versions { id, .. }
            | Answer::Failed { id, .. } => (*id, false),
            Answer::Ready => return,
        };
        let reply = {
            let mut inner = self.0.borrow_mut();
            // A search tells those alone who asked last; who asked before is not told any more.
            if matches!(answer, Answer::Files { .. }) {
                let past = std::mem::take(&mut inner.searching).filter(|past| *past != id);
                past.map(|past| inner.replies.remove(&past));
                inner.searching = goes_on.then_some(id);
            }
            if goes_on {
                inner.replies.get(&id).cloned()
            } else {
                inner.replies.remove(&id)
            }
        };
        if let Some(reply) = reply {
            reply.emit(Reply::Answer(answer));
        }
    }

    fn crashed(&self, message: String) {
        let replies = {
            let mut inner = self.0.borrow_mut();
            inner.running = None;
            inner.waiting.clear();
            std::mem::take(&mut inner.replies)
        };
        for reply in replies.into_values() {
            reply.emit(Reply::Crashed(message.clone()));
        }
    }
}

/// Passes on why there is no answer.
fn failure<T: 'static>(reply: Reply, to: &Callback<Result<T, String>>) {
    if let Reply::Answer(Answer::Failed { message, .. }) | Reply::Crashed(message) = reply {
        to.emit(Err(message));
    }
}

fn post(worker: &Worker, ask: &Ask, attached: &Attached) {
    let Ok(text) = serde_json::to_string(ask) else {
        return;
    };
    let message = Object::new();
    // Setting a field of a new, plain object does not fail.
    let _ = Reflect::set(&message, &TEXT_FIELD.into(), &text.into());
    let _ = match attached {
        Attached::Nothing => Ok(true),
        Attached::File(file) => Reflect::set(&message, &FILE_FIELD.into(), file),
        Attached::Files(files) => Reflect::set(&message, &FILES_FIELD.into(), files),
    };
    let _ = worker.post_message(&message);
}
