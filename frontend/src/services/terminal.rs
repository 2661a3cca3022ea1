//! The screen of a terminal: xterm.js, behind plain Rust. `static/terminal.js` is the other side of it.

use js_sys::{Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlElement;
use yew::{Callback, NodeRef};

use estiva_shared::protocol::TerminalSize;

/// Where the script is that makes terminals, and what it calls itself.
const SCRIPT: &str = "/terminal.js";
const NAME: &str = "estivaTerminal";

#[wasm_bindgen]
extern "C" {
    type Factory;
    #[wasm_bindgen(method)]
    fn open(
        this: &Factory,
        host: &HtmlElement,
        label: &str,
        typed: &Function,
        shown: &Function,
        resized: &Function,
        left: &Function,
    ) -> Promise;

    type Handle;
    #[wasm_bindgen(method)]
    fn rows(this: &Handle) -> u16;
    #[wasm_bindgen(method)]
    fn columns(this: &Handle) -> u16;
    #[wasm_bindgen(method)]
    fn write(this: &Handle, bytes: &Uint8Array, epoch: u32);
    #[wasm_bindgen(method)]
    fn reset(this: &Handle);
    #[wasm_bindgen(method)]
    fn focus(this: &Handle);
    #[wasm_bindgen(method)]
    fn stop(this: &Handle);
    #[wasm_bindgen(method)]
    fn dispose(this: &Handle);
}

/// What a screen tells.
#[derive(Clone, PartialEq)]
pub struct On {
    /// Keys were typed, or something was pasted.
    pub typed: Callback<Vec<u8>>,
    /// So many bytes of what was written in this epoch were shown.
    pub shown: Callback<(u64, u32)>,
    /// It has another size.
    pub resized: Callback<TerminalSize>,
    /// The key was pressed that leaves it.
    pub left: Callback<()>,
}

/// A screen; dropped, it is taken away.
pub struct Screen {
    handle: Handle,
    // Kept alive for the script to call.
    _typed: Closure<dyn FnMut(Uint8Array)>,
    _shown: Closure<dyn FnMut(f64, u32)>,
    _resized: Closure<dyn FnMut(u16, u16)>,
    _left: Closure<dyn FnMut()>,
}

impl Screen {
    /// Opens one in this element. The first loads what all need.
    ///
    /// # Errors
    /// If the script can't be loaded, or the element is gone.
    pub async fn open(host: &NodeRef, label: &str, on: On) -> Result<Self, String> {
        let factory = factory().await.map_err(|error| text(&error))?;
        let host = host.cast::<HtmlElement>();
        let host = host.ok_or_else(|| "the page shows something else now".to_owned())?;
        let typed = Closure::<dyn FnMut(Uint8Array)>::new(move |bytes: Uint8Array| {
            on.typed.emit(bytes.to_vec());
        });
        let shown = Closure::<dyn FnMut(f64, u32)>::new(move |bytes: f64, epoch| {
            on.shown.emit((bytes as u64, epoch));
        });
        let resized = Closure::<dyn FnMut(u16, u16)>::new(move |rows, columns| {
            on.resized.emit(TerminalSize { rows, columns });
        });
        let left = Closure::<dyn FnMut()>::new(move || on.left.emit(()));
        let opened = factory.open(
            &host,
            label,
            typed.as_ref().unchecked_ref(),
            shown.as_ref().unchecked_ref(),
            resized.as_ref().unchecked_ref(),
            left.as_ref().unchecked_ref(),
        );
        let handle = JsFuture::from(opened).await.map_err(|error| text(&error))?;
        Ok(Self {
            handle: handle.unchecked_into(),
            _typed: typed,
            _shown: shown,
            _resized: resized,
            _left: left,
        })
    }

    /// Its size.
    pub fn size(&self) -> TerminalSize {
        TerminalSize {
            rows: self.handle.rows(),
            columns: self.handle.columns(),
        }
    }

    /// Shows what a program wrote.
    pub fn write(&self, bytes: &[u8], epoch: u32) {
        self.handle.write(&Uint8Array::from(bytes), epoch);
    }

    /// Makes it empty, as a new one.
    pub fn reset(&self) {
        self.handle.reset();
    }

    /// Brings the keys to it.
    pub fn focus(&self) {
        self.handle.focus();
    }

    /// Takes no more keys.
    pub fn stop(&self) {
        self.handle.stop();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.handle.dispose();
    }
}

/// What makes screens; loads it where it is not there yet.
async fn factory() -> Result<Factory, JsValue> {
    let window = web_sys::window().ok_or("there is no window")?;
    let known = || Reflect::get(&window, &NAME.into());
    if known()?.is_undefined() {
        let loaded = Promise::new(&mut |resolve, reject| {
            if load(&resolve, &reject).is_none() {
                let _ = reject.call1(&JsValue::NULL, &"there is no document".into());
            }
        });
        JsFuture::from(loaded).await?;
    }
    Ok(known()?.unchecked_into())
}

fn load(resolve: &Function, reject: &Function) -> Option<()> {
    let document = web_sys::window()?.document()?;
    let script = document
        .create_element("script")
        .ok()?
        .unchecked_into::<HtmlElement>();
    script.set_attribute("type", "module").ok()?;
    script.set_attribute("src", SCRIPT).ok()?;
    script.set_onload(Some(resolve));
    script.set_onerror(Some(reject));
    document.head()?.append_child(&script).ok()?;
    Some(())
}

fn text(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map(|error| String::from(error.message()))
        .or_else(|| error.as_string())
        .unwrap_or_else(|| format!("can't load {SCRIPT}"))
}
