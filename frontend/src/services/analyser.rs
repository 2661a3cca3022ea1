//! The page's side of the worker: starts it, asks it, starts it again after it fell over.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures_channel::oneshot;
use js_sys::{Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{Blob, ErrorEvent, File, MessageEvent, Worker};
use yew::Callback;

use crate::state::by_address::ByAddress;
use crate::state::summary::Summary;
use crate::state::tree::Tree;
use crate::workers::{Answer, Ask, BYTES_FIELD, FILE_FIELD, TEXT_FIELD};

/// The worker's script, as trunk names it.
const SCRIPT: &str = "/worker_loader.js";

/// What comes back.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// An answer, or word of how far it is.
    Answer(Answer),
    /// The worker fell over while at it; the next question starts it again.
    Crashed(String),
}

/// A wish for a file tree, and where it is to go.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeAsk {
    /// The layer, by index; none for the merged image.
    pub layer: Option<usize>,
    /// Takes the tree, or why there is none.
    pub reply: Callback<Result<ByAddress<Tree>, String>>,
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
    waiting: Vec<(Ask, Option<Blob>)>,
    replies: BTreeMap<u64, Callback<Reply>>,
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
        self.ask(Ask::Dockerfile { id, source }, None);
    }

    /// Has an archive taken apart; word of how far it is comes first.
    pub fn inspect(&self, file: File, reply: Callback<Reply>) {
        let id = self.expect(reply);
        self.ask(Ask::Archive { id }, Some(file.into()));
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
        self.ask(Ask::Analysis { id }, Some(analysis));
        let ended = |_| Err("the reader was ended".to_owned());
        receiver.await.unwrap_or_else(ended)
    }

    /// The way to file trees of one of the images that were opened last.
    pub fn trees(&self, image: usize) -> Callback<TreeAsk> {
        let this = self.clone();
        Callback::from(move |wish: TreeAsk| {
            let TreeAsk { layer, reply } = wish;
            let id = this.expect(Callback::from(move |answer| {
                reply.emit(match answer {
                    Reply::Answer(Answer::Tree { packed, .. }) => Tree::unpack(&packed)
                        .map(ByAddress::new)
                        .ok_or_else(|| "expected a tree, but found other bytes".to_owned()),
                    Reply::Answer(Answer::Failed { message, .. }) | Reply::Crashed(message) => {
                        Err(message)
                    }
                    Reply::Answer(_) => return,
                });
            }));
            this.ask(Ask::Tree { id, image, layer }, None);
        })
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

    fn ask(&self, ask: Ask, file: Option<Blob>) {
        if self.0.borrow().running.is_none() && self.launch().is_none() {
            return self.crashed("expected a browser that starts workers, but it refused".into());
        }
        let mut inner = self.0.borrow_mut();
        match &inner.running {
            Some(running) if running.ready => post(&running.worker, &ask, file.as_ref()),
            _ => inner.waiting.push((ask, file)),
        }
    }

    fn launch(&self) -> Option<()> {
        let worker = Worker::new(SCRIPT).ok()?;
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
            Ok(Answer::Tree { id, .. }) => {
                let packed = field(BYTES_FIELD)
                    .dyn_into::<Uint8Array>()
                    .map(|bytes| bytes.to_vec())
                    .unwrap_or_default();
                self.deliver(Answer::Tree { id, packed });
            }
            Ok(answer) => self.deliver(answer),
            Err(error) => self.crashed(error.to_string()),
        }
    }

    fn ready(&self) {
        let mut inner = self.0.borrow_mut();
        let waiting = std::mem::take(&mut inner.waiting);
        if let Some(running) = &mut inner.running {
            running.ready = true;
            for (ask, file) in waiting {
                post(&running.worker, &ask, file.as_ref());
            }
        }
    }

    fn deliver(&self, answer: Answer) {
        let (id, goes_on) = match &answer {
            Answer::Progress { id, .. } => (*id, true),
            Answer::Dockerfile { id, .. }
            | Answer::Images { id, .. }
            | Answer::Tree { id, .. }
            | Answer::Failed { id, .. } => (*id, false),
            Answer::Ready => return,
        };
        let reply = {
            let mut inner = self.0.borrow_mut();
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

fn post(worker: &Worker, ask: &Ask, file: Option<&Blob>) {
    let Ok(text) = serde_json::to_string(ask) else {
        return;
    };
    let message = Object::new();
    // Setting a field of a new, plain object does not fail.
    let _ = Reflect::set(&message, &TEXT_FIELD.into(), &text.into());
    if let Some(file) = file {
        let _ = Reflect::set(&message, &FILE_FIELD.into(), file);
    }
    let _ = worker.post_message(&message);
}
