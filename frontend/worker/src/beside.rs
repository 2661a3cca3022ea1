//! Workers of this worker's own, where the browser lets them share memory with it: one reads a layer's blob ahead and hashes it, the
//! other hashes its tar.

use std::cell::RefCell;
use std::rc::Rc;

use estiva_hasher::{FILE_FIELD, Feeder, Fetched, Fetching, READY, RING_FIELD};
use estiva_shared::image::{HashBeside, HashersBeside};
use futures_channel::oneshot;
use js_sys::{Object, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{Blob, MessageEvent, Worker};

use super::hands::processors;

/// Their script, which lies beside this worker's.
const SCRIPT: &str = "hasher_loader.js";

/// A layer of fewer bytes is read before another worker would have been started.
pub(super) const BESIDE_BYTES_MIN: u64 = 16 << 20;

/// The workers. They end with this.
pub(super) struct Beside {
    /// None where nothing is to be fetched.
    fetcher: Option<Helper>,
    hasher: Helper,
}

impl Beside {
    /// Starts them; none where workers can't share memory, or there is no processor for them beside so many readers.
    pub(super) fn begin(readers: usize, fetches: bool) -> Option<Beginning> {
        let is_isolated = Reflect::get(&js_sys::global(), &"crossOriginIsolated".into()).ok()?;
        if is_isolated != true || processors() < 2 * readers {
            return None;
        }
        let fetcher = match fetches {
            true => Some(Starting::begin()?),
            false => None,
        };
        let hasher = Starting::begin()?;
        Some(Beginning { fetcher, hasher })
    }

    /// Has a tar hashed that is handed over.
    pub(super) fn hash(&self) -> Option<Box<dyn HashBeside>> {
        let feeder = Feeder::default();
        self.hasher.0.post_message(feeder.memory()).ok()?;
        Some(Box::new(Feeding(feeder)))
    }

    /// Has a blob read, and it and its tar hashed. What comes of it is to be read from here.
    pub(super) fn read(&self, blob: &Blob) -> Option<(Fetching, HashersBeside)> {
        let fetching = Fetching::default();
        let message = Object::new();
        // Setting a field of a new, plain object does not fail.
        let _ = Reflect::set(&message, &RING_FIELD.into(), fetching.memory());
        let _ = Reflect::set(&message, &FILE_FIELD.into(), blob);
        let fetcher = self.fetcher.as_ref()?;
        fetcher.0.post_message(&message).ok()?;
        let hashers = HashersBeside {
            blob: Some(Box::new(Known(fetching.fetched()))),
            tar: self.hash(),
        };
        Some((fetching, hashers))
    }
}

/// The workers, as they start.
pub(super) struct Beginning {
    fetcher: Option<Starting>,
    hasher: Starting,
}

impl Beginning {
    /// Once they hear; none where one of them does not.
    pub(super) async fn ready(self) -> Option<Beside> {
        let fetcher = match self.fetcher {
            Some(starting) => Some(starting.ready().await?),
            None => None,
        };
        let hasher = self.hasher.ready().await?;
        Some(Beside { fetcher, hasher })
    }
}

/// A worker that hears. It ends with this.
struct Helper(Worker);

impl Drop for Helper {
    fn drop(&mut self) {
        self.0.terminate();
    }
}

/// A worker that is being started.
struct Starting {
    helper: Helper,
    answer: oneshot::Receiver<bool>,
    // Kept alive for the browser to call.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(JsValue)>,
}

impl Starting {
    fn begin() -> Option<Self> {
        let helper = Helper(Worker::new(SCRIPT).ok()?);
        let (sender, answer) = oneshot::channel();
        let sender = Rc::new(RefCell::new(Some(sender)));
        let say = move |is_ready: bool| {
            if let Some(sender) = sender.take() {
                // Where nobody waits for it any more, it is not wanted.
                let _ = sender.send(is_ready);
            }
        };
        let failed = say.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            say(event.data() == READY);
        });
        let on_error = Closure::<dyn FnMut(JsValue)>::new(move |_| failed(false));
        let worker = &helper.0;
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Some(Self {
            helper,
            answer,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    async fn ready(self) -> Option<Helper> {
        let is_ready = self.answer.await == Ok(true);
        // Nothing else comes by messages.
        self.helper.0.set_onmessage(None);
        self.helper.0.set_onerror(None);
        is_ready.then_some(self.helper)
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

/// The hash of what came from beside: whoever fetched it has hashed it.
struct Known(Fetched);

impl HashBeside for Known {
    fn update(&mut self, _: &[u8]) {}

    fn finish(self: Box<Self>) -> Option<[u8; 32]> {
        self.0.hash()
    }
}
