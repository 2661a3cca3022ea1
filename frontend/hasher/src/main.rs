//! The worker: takes from a message a ring of memory, or one with a file, hashes what comes through it or fetches the file, and hears
//! the next one.

use estiva_hasher::{FILE_FIELD, READY, RING_FIELD, fetch, hash};
use js_sys::{Reflect, SharedArrayBuffer};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, DedicatedWorkerGlobalScope, MessageEvent};

fn main() {
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else {
        // Loaded outside a worker, where there is nothing to hash.
        return;
    };
    let listener = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
        let message = event.data();
        if let Some(ring) = message.dyn_ref::<SharedArrayBuffer>() {
            return hash(ring);
        }
        let field = |name: &str| Reflect::get(&message, &name.into()).unwrap_or_default();
        let ring = field(RING_FIELD).dyn_into::<SharedArrayBuffer>();
        if let (Ok(ring), Ok(file)) = (ring, field(FILE_FIELD).dyn_into::<Blob>()) {
            spawn_local(async move { fetch(&ring, &file).await });
        }
    });
    scope.set_onmessage(Some(listener.as_ref().unchecked_ref()));
    // It lives as long as the worker does.
    listener.forget();
    // Where nobody hears it, nothing is sent here either.
    let _ = scope.post_message(&READY.into());
}
