//! The clock, and what is to happen later.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Milliseconds since 1970, by the browser's clock.
pub fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

/// A number from 0 to 1.
pub fn random() -> f64 {
    js_sys::Math::random()
}

/// Lets the browser draw and take what was pressed, in the midst of something long.
pub async fn breathe() {
    let turn = Promise::new(&mut |resolve, _| {
        if let Some(window) = web_sys::window() {
            // Without a delay nothing is refused.
            let _ = window.set_timeout_with_callback(&resolve);
        }
    });
    let _ = JsFuture::from(turn).await;
}

/// Something that will happen, once or again and again, until this is dropped.
pub struct Timer {
    handle: i32,
    repeats: bool,
    // Kept alive for the browser to call.
    _callback: Closure<dyn FnMut()>,
}

impl Timer {
    /// Calls back once, after so many milliseconds.
    pub fn after(delay_ms: u32, callback: impl FnOnce() + 'static) -> Option<Timer> {
        let callback = Closure::once(callback);
        let delay = i32::try_from(delay_ms).unwrap_or(i32::MAX);
        let handle = web_sys::window()?
            .set_timeout_with_callback_and_timeout_and_arguments_0(
                callback.as_ref().unchecked_ref(),
                delay,
            )
            .ok()?;
        Some(Timer {
            handle,
            repeats: false,
            _callback: callback,
        })
    }

    /// Calls back every so many milliseconds.
    pub fn every(period_ms: u32, callback: impl FnMut() + 'static) -> Option<Timer> {
        let callback = Closure::<dyn FnMut()>::new(callback);
        let period = i32::try_from(period_ms).unwrap_or(i32::MAX);
        let handle = web_sys::window()?
            .set_interval_with_callback_and_timeout_and_arguments_0(
                callback.as_ref().unchecked_ref(),
                period,
            )
            .ok()?;
        Some(Timer {
            handle,
            repeats: true,
            _callback: callback,
        })
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(window) = web_sys::window() {
            if self.repeats {
                window.clear_interval_with_handle(self.handle);
            } else {
                window.clear_timeout_with_handle(self.handle);
            }
        }
    }
}
