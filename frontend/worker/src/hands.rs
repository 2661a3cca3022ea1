//! Layers read side by side: each by a worker of this worker's own, which run the same program and end with the work.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;

use futures_channel::oneshot;
use js_sys::{Object, Reflect, Uint8Array};
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, MessageEvent, Worker};

use super::{Ask, BYTES_FIELD, FILE_FIELD, TEXT_FIELD};

/// Most workers at once. Each takes a processor, and memory by its layer's entries.
pub(super) const HANDS_MAX: usize = 4;

/// Most bytes of what was read that wait until all is: of more layers none is read ahead.
const WAITING_BYTES_MAX: usize = 256 << 20;

/// The script of this worker, beside which it lies.
const SCRIPT: &str = "worker_loader.js";

/// Who hears of layers as they are read.
pub(super) trait Hearer {
    /// So many bytes were dealt with in all.
    fn told(&self, done_bytes: u64);

    /// The layer of this number was read, as `LayerRead::to_bytes` writes it.
    fn read(&self, number: usize, bytes: &[u8]);
}

/// Reads layers, each as `LayerRead::to_bytes` writes it; none where that failed.
pub(super) async fn read(layers: Vec<Blob>, hearer: impl Hearer + 'static) -> Vec<Option<Vec<u8>>> {
    let mut order: Vec<usize> = (0..layers.len()).collect();
    // The first, so that there is something to look at; then the largest, so that none of them is left for the end.
    order[1.min(layers.len())..]
        .sort_by(|one, other| layers[*other].size().total_cmp(&layers[*one].size()));
    let hands = processors().min(HANDS_MAX).min(layers.len());
    let work = Rc::new(Work {
        hands,
        done: RefCell::new(layers.iter().map(|_| None).collect()),
        bytes: layers.iter().map(|_| Cell::new(0)).collect(),
        waiting: RefCell::new(order.into()),
        layers,
        hearer: Box::new(hearer),
    });
    let hands: Vec<_> = (0..hands)
        .map(|_| {
            let (sender, ended) = oneshot::channel();
            let work = work.clone();
            spawn_local(async move {
                work.with_a_hand().await;
                // The other end waits for all of them.
                let _ = sender.send(());
            });
            ended
        })
        .collect();
    for ended in hands {
        let _ = ended.await;
    }
    work.done.take()
}

/// What is to be read, and what was.
struct Work {
    layers: Vec<Blob>,
    /// Those that no hand has taken, the next one first.
    waiting: RefCell<VecDeque<usize>>,
    done: RefCell<Vec<Option<Vec<u8>>>>,
    /// How many read them.
    hands: usize,
    /// How many bytes each has come to.
    bytes: Vec<Cell<u64>>,
    hearer: Box<dyn Hearer>,
}

impl Work {
    /// Reads one layer after the other while there are any.
    async fn with_a_hand(self: Rc<Self>) {
        let Some(hand) = Hand::start(&self).await else {
            return;
        };
        loop {
            let next = self.waiting.borrow_mut().pop_front();
            let Some(number) = next else { return };
            match hand.read(number, &self).await {
                // It is read in its turn.
                Some(bytes) if bytes.is_empty() => {}
                Some(bytes) => {
                    let mut done = self.done.borrow_mut();
                    let waiting: usize = done.iter().flatten().map(Vec::len).sum();
                    if waiting + bytes.len() > WAITING_BYTES_MAX {
                        return;
                    }
                    self.hearer.read(number, &bytes);
                    done[number] = Some(bytes);
                }
                // A worker that fell over hears nothing any more.
                None => return,
            }
        }
    }

    fn tell(&self, number: usize, bytes: u64) {
        if let Some(cell) = self.bytes.get(number) {
            cell.set(bytes);
            self.hearer.told(self.bytes.iter().map(Cell::get).sum());
        }
    }
}

/// What a hand says next: what it read, nothing where it listens or could not read it; none where it fell over.
type Heard = oneshot::Sender<Option<Vec<u8>>>;

/// One worker.
struct Hand {
    worker: Worker,
    heard: Rc<RefCell<Option<Heard>>>,
    // Kept alive for the browser to call.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(JsValue)>,
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

impl Hand {
    async fn start(work: &Rc<Work>) -> Option<Self> {
        let worker = Worker::new(SCRIPT).ok()?;
        let heard: Rc<RefCell<Option<Heard>>> = Rc::default();
        let (to, telling) = (heard.clone(), work.clone());
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let message = event.data();
            match said(&message) {
                Some(Said::Progress { id, done_bytes }) => telling.tell(id as usize, done_bytes),
                Some(Said::Ready) => say(&to, Some(Vec::new())),
                Some(Said::Layer) => say(&to, bytes_of(&message)),
                // Larger than its part of the limits, or out of reach.
                Some(Said::Failed) => say(&to, Some(Vec::new())),
                None => say(&to, None),
            }
        });
        let to = heard.clone();
        let on_error = Closure::<dyn FnMut(JsValue)>::new(move |_| say(&to, None));
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let hand = Self {
            worker,
            heard,
            _on_message: on_message,
            _on_error: on_error,
        };
        hand.next().await.map(|_| hand)
    }

    /// What it says next, from now on.
    fn next(&self) -> impl Future<Output = Option<Vec<u8>>> + use<> {
        let (sender, answer) = oneshot::channel();
        *self.heard.borrow_mut() = Some(sender);
        async move { answer.await.ok().flatten() }
    }

    async fn read(&self, number: usize, work: &Work) -> Option<Vec<u8>> {
        let ask = Ask::Layer {
            id: number as u64,
            readers: work.hands,
        };
        let ask = serde_json::to_string(&ask).ok()?;
        let message = Object::new();
        // Setting a field of a new, plain object does not fail.
        let _ = Reflect::set(&message, &TEXT_FIELD.into(), &ask.into());
        let _ = Reflect::set(&message, &FILE_FIELD.into(), &work.layers[number]);
        let answer = self.next();
        self.worker.post_message(&message).ok()?;
        answer.await
    }
}

fn say(heard: &RefCell<Option<Heard>>, answer: Option<Vec<u8>>) {
    if let Some(sender) = heard.take() {
        // Where nobody waits for it any more, it is not wanted.
        let _ = sender.send(answer);
    }
}

/// What one says: of the messages of a worker those that come from one that reads a layer, so that nothing else has to be understood
/// here.
#[derive(Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
enum Said {
    Ready,
    Progress { id: u64, done_bytes: u64 },
    Layer,
    Failed,
}

fn said(message: &JsValue) -> Option<Said> {
    let text = Reflect::get(message, &TEXT_FIELD.into())
        .ok()?
        .as_string()?;
    serde_json::from_str(&text).ok()
}

fn bytes_of(message: &JsValue) -> Option<Vec<u8>> {
    let bytes = Reflect::get(message, &BYTES_FIELD.into()).ok()?;
    Some(bytes.dyn_into::<Uint8Array>().ok()?.to_vec())
}

/// How many processors the browser says there are.
pub(super) fn processors() -> usize {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into());
    let count =
        navigator.and_then(|navigator| Reflect::get(&navigator, &"hardwareConcurrency".into()));
    let count = count.ok().and_then(|count| count.as_f64());
    count.map_or(1, |count| count as usize).max(1)
}
