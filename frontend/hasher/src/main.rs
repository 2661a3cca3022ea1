//! The worker: takes a ring of memory from a message, hashes what comes through it, and hears the next one.

use estiva_hasher::{READY, hash};
use js_sys::SharedArrayBuffer;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

fn main() {
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else {
        // Loaded outside a worker, where there is nothing to hash.
        return;
    };
    let listener = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
        if let Ok(ring) = event.data().dyn_into::<SharedArrayBuffer>() {
            hash(&ring);
        }
    });
    scope.set_onmessage(Some(listener.as_ref().unchecked_ref()));
    // It lives as long as the worker does.
    listener.forget();
    // Where nobody hears it, nothing is sent here either.
    let _ = scope.post_message(&READY.into());
}
