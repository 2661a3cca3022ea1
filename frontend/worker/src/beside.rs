//! A worker of this worker's own that hashes what is read here, where the browser lets both share memory.

use std::cell::RefCell;
use std::rc::Rc;

use estiva_hasher::{Feeder, READY};
use estiva_shared::image::HashBeside;
use futures_channel::oneshot;
use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker};

use super::hands::processors;

/// Its script, which lies beside this worker's.
const SCRIPT: &str = "hasher_loader.js";

/// A layer of fewer bytes is read before another worker would have been started.
pub(super) const BESIDE_BYTES_MIN: u64 = 16 << 20;

/// The worker. It ends with this.
pub(super) struct Hasher(Worker);

impl Hasher {
    /// Starts it; none where workers can't share memory, or there is no processor for it beside so many readers.
    pub(super) async fn start(readers: usize) -> Option<Self> {
        let is_isolated = Reflect::get(&js_sys::global(), &"crossOriginIsolated".into()).ok()?;
        if is_isolated != true || processors() < 2 * readers {
            return None;
        }
        let hasher = Self(Worker::new(SCRIPT).ok()?);
        let (sender, answer) = oneshot::channel();
        let sender = Rc::new(RefCell::new(Some(sender)));
        let say = move |is_ready: bool| {
            if let Some(sender) = sender.take() {
                // It is waited for below.
                let _ = sender.send(is_ready);
            }
        };
        let failed = say.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            say(event.data() == READY);
        });
        let on_error = Closure::<dyn FnMut(JsValue)>::new(move |_| failed(false));
        let worker = &hasher.0;
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let is_ready = answer.await == Ok(true);
        // Nothing else comes by messages.
        worker.set_onmessage(None);
        worker.set_onerror(None);
        is_ready.then_some(hasher)
    }

    /// Has it hash what comes next.
    pub(super) fn hash(&self) -> Option<Box<dyn HashBeside>> {
        let feeder = Feeder::default();
        self.0.post_message(feeder.memory()).ok()?;
        Some(Box::new(Feeding(feeder)))
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.0.terminate();
    }
}

struct Feeding(Feeder);

impl HashBeside for Feeding {
    fn update(&mut self, bytes: &[u8]) {
        self.0.feed(bytes);
    }

    fn finish(self: Box<Self>) -> Option<[u8; 32]> {
        self.0.finish()
    }
}
