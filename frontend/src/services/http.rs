//! Requests to this page's own server: the token in the header, JSON in and out, errors with a sentence.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use estiva_shared::protocol::ErrorBody;
use futures_channel::oneshot;
use js_sys::Uint8Array;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, Headers, ProgressEvent, Request, RequestInit, Response, XmlHttpRequest,
    XmlHttpRequestResponseType,
};

use super::storage;

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes or starts.
    Post,
    /// Removes.
    Delete,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

/// Asks without a body.
///
/// # Errors
/// The server's refusal, or a sentence on why it could not be asked.
pub async fn ask<T: DeserializeOwned>(method: Method, path: &str) -> Result<T, ErrorBody> {
    read(send(method, path, None).await?).await
}

/// Asks for something long, which stays with the browser until somebody reads it.
///
/// # Errors
/// As [`ask`].
pub async fn fetch(path: &str) -> Result<Blob, ErrorBody> {
    let response = send(Method::Get, path, None).await?;
    if !response.ok() {
        let refused = read::<IgnoredAny>(response).await;
        return Err(refused.err().unwrap_or_else(unreachable_server));
    }
    let content = response.blob().map_err(|_| unreachable_server())?;
    JsFuture::from(content)
        .await
        .and_then(JsCast::dyn_into)
        .map_err(|_| unreachable_server())
}

/// Asks for bytes, and for what the answer says of them.
///
/// # Errors
/// As [`ask`].
pub async fn bytes(path: &str) -> Result<(Vec<u8>, Headers), ErrorBody> {
    let response = send(Method::Get, path, None).await?;
    if !response.ok() {
        let refused = read::<IgnoredAny>(response).await;
        return Err(refused.err().unwrap_or_else(unreachable_server));
    }
    let content = response.array_buffer().map_err(|_| unreachable_server())?;
    let buffer = JsFuture::from(content).await;
    let buffer = buffer.map_err(|_| unreachable_server())?;
    Ok((Uint8Array::new(&buffer).to_vec(), response.headers()))
}

/// Asks with a JSON body.
///
/// # Errors
/// As [`ask`].
pub async fn ask_with<T: DeserializeOwned>(
    method: Method,
    path: &str,
    body: &impl Serialize,
) -> Result<T, ErrorBody> {
    let body =
        serde_json::to_string(body).map_err(|error| trouble("internal", &error.to_string()))?;
    read(send(method, path, Some(body)).await?).await
}

/// The code of what was stopped from here: it ended as it was meant to, so nobody is told of a fault.
pub const CANCELLED: &str = "cancelled";

/// An upload or a download that is under way. Dropping it stops it: a build that was stopped must not go on sending gigabytes.
#[must_use = "what is under way is stopped when this is dropped"]
pub struct Upload {
    request: Option<XmlHttpRequest>,
    is_stopped: Rc<Cell<bool>>,
}

impl Upload {
    /// What stops it, the request where the browser makes one, and whether it was stopped.
    fn begin() -> (Self, Option<XmlHttpRequest>, Rc<Cell<bool>>) {
        let request = XmlHttpRequest::new().ok();
        let is_stopped = Rc::new(Cell::new(false));
        let upload = Self {
            request: request.clone(),
            is_stopped: is_stopped.clone(),
        };
        (upload, request, is_stopped)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.is_stopped.set(true);
        if let Some(request) = &self.request {
            // Nothing happens to one that has ended.
            let _ = request.abort();
        }
    }
}

/// Sends a Blob, telling how much of it is gone: bytes done and bytes in all. Gives what stops it, and what comes of it.
///
/// # Errors
/// As [`ask`], and [`CANCELLED`] where it was stopped.
pub fn upload<T: DeserializeOwned>(
    path: String,
    body: Blob,
    content_type: &'static str,
    progress: impl Fn(u64, u64) + 'static,
) -> (Upload, impl Future<Output = Result<T, ErrorBody>>) {
    // fetch does not tell how an upload goes; the older interface does.
    let (upload, request, is_stopped) = Upload::begin();
    let work = async move {
        let stopped = || trouble(CANCELLED, "the upload was stopped");
        if is_stopped.get() {
            return Err(stopped());
        }
        let sent = match request {
            Some(request) => send_blob(&request, &path, &body, content_type, progress)
                .await
                .map_err(|_| trouble("internal", "the browser refused to start the upload")),
            None => Err(trouble(
                "internal",
                "the browser refused to start an upload",
            )),
        };
        match sent? {
            (0, _) if is_stopped.get() => Err(stopped()),
            (0, _) => Err(unreachable_server()),
            (200..=299, text) => parse(&text),
            (status, text) => Err(refusal(status, &text)),
        }
    };
    (upload, work)
}

/// Sends it and waits for its end: the status, 0 where there was no answer, and the answer's text.
async fn send_blob(
    request: &XmlHttpRequest,
    path: &str,
    body: &Blob,
    content_type: &str,
    progress: impl Fn(u64, u64) + 'static,
) -> Result<(u16, String), JsValue> {
    open_post(request, path, content_type)?;
    let told = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        progress(event.loaded() as u64, event.total() as u64);
    });
    request
        .upload()?
        .set_onprogress(Some(told.as_ref().unchecked_ref()));
    to_its_end(request, || request.send_with_opt_blob(Some(body))).await?;
    let text = request.response_text().ok().flatten().unwrap_or_default();
    Ok((request.status().unwrap_or(0), text))
}

/// Asks for something long with a JSON body, telling how much of it is there: bytes so far. It stays with the browser until
/// somebody reads it. Gives what stops it, and what comes of it.
///
/// # Errors
/// As [`ask`], and [`CANCELLED`] where it was stopped.
pub fn download(
    path: String,
    body: impl Serialize,
    progress: impl Fn(u64) + 'static,
) -> (Upload, impl Future<Output = Result<Blob, ErrorBody>>) {
    let (upload, request, is_stopped) = Upload::begin();
    let body = serde_json::to_string(&body);
    let work = async move {
        let stopped = || trouble(CANCELLED, "the download was stopped");
        let body = body.map_err(|error| trouble("internal", &error.to_string()))?;
        let refused = || trouble("internal", "the browser refused to start the download");
        let request = request.ok_or_else(refused)?;
        if is_stopped.get() {
            return Err(stopped());
        }
        let content = receive(&request, &path, &body, progress).await;
        let content = content.map_err(|_| refused())?;
        match (request.status().unwrap_or(0), content) {
            (0, _) | (_, None) if is_stopped.get() => Err(stopped()),
            (200..=299, Some(content)) => Ok(content),
            (0 | 200..=299, _) | (_, None) => Err(unreachable_server()),
            (status, Some(content)) => {
                let text = JsFuture::from(content.text()).await.ok();
                let text = text.and_then(|text| text.as_string());
                Err(refusal(status, &text.unwrap_or_default()))
            }
        }
    };
    (upload, work)
}

/// Sends text and waits for what comes.
async fn receive(
    request: &XmlHttpRequest,
    path: &str,
    body: &str,
    progress: impl Fn(u64) + 'static,
) -> Result<Option<Blob>, JsValue> {
    open_post(request, path, "application/json")?;
    request.set_response_type(XmlHttpRequestResponseType::Blob);
    let told = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        progress(event.loaded() as u64);
    });
    request.set_onprogress(Some(told.as_ref().unchecked_ref()));
    to_its_end(request, || request.send_with_opt_str(Some(body))).await?;
    Ok(request.response()?.dyn_into().ok())
}

/// Opens a request that carries the token.
fn open_post(request: &XmlHttpRequest, path: &str, content_type: &str) -> Result<(), JsValue> {
    request.open("POST", path)?;
    request.set_request_header("Content-Type", content_type)?;
    if let Some(token) = storage::token() {
        request.set_request_header("Authorization", &format!("Bearer {token}"))?;
    }
    Ok(())
}

/// Sends a request, and waits for its end.
async fn to_its_end(
    request: &XmlHttpRequest,
    send: impl FnOnce() -> Result<(), JsValue>,
) -> Result<(), JsValue> {
    let (sender, receiver) = oneshot::channel();
    let ended = Closure::once(move || {
        // Who waits for it is gone where it was stopped.
        let _ = sender.send(());
    });
    request.set_onloadend(Some(ended.as_ref().unchecked_ref()));
    send()?;
    // The closure that holds the sender is alive until here, so this ends only when the request does.
    let _ = receiver.await;
    Ok(())
}

async fn send(method: Method, path: &str, body: Option<String>) -> Result<Response, ErrorBody> {
    let options = RequestInit::new();
    options.set_method(method.name());
    if let Some(body) = &body {
        options.set_body(&JsValue::from_str(body));
    }
    let internal = |_| trouble("internal", "the browser refused to make the request");
    let request = Request::new_with_str_and_init(path, &options).map_err(internal)?;
    let headers = request.headers();
    if body.is_some() {
        headers
            .set("Content-Type", "application/json")
            .map_err(internal)?;
    }
    if let Some(token) = storage::token() {
        headers
            .set("Authorization", &format!("Bearer {token}"))
            .map_err(internal)?;
    }
    let window = web_sys::window()
        .ok_or_else(|| trouble("internal", "expected a window, but there is none"))?;
    let answer = JsFuture::from(window.fetch_with_request(&request)).await;
    answer
        .and_then(JsCast::dyn_into)
        .map_err(|_| unreachable_server())
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, ErrorBody> {
    let text = match response.text() {
        Ok(promise) => JsFuture::from(promise)
            .await
            .ok()
            .and_then(|text| text.as_string()),
        Err(_) => None,
    };
    let text = text.ok_or_else(unreachable_server)?;
    if response.ok() {
        parse(&text)
    } else {
        Err(refusal(response.status(), &text))
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, ErrorBody> {
    // A route that answers nothing answers an empty body.
    let text = if text.trim().is_empty() { "null" } else { text };
    serde_json::from_str(text).map_err(|error| {
        trouble(
            "protocol",
            &format!("expected an answer of this page's protocol, but found another: {error}"),
        )
    })
}

fn refusal(status: u16, text: &str) -> ErrorBody {
    serde_json::from_str(text).unwrap_or_else(|_| {
        trouble(
            "http",
            &format!("expected an answer, but the server refused with status {status}"),
        )
    })
}

fn unreachable_server() -> ErrorBody {
    trouble("unreachable", "the server does not answer")
}

fn trouble(code: &str, message: &str) -> ErrorBody {
    ErrorBody {
        code: code.into(),
        message: message.into(),
        hint: None,
    }
}
