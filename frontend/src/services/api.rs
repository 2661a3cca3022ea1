//! The server's HTTP routes, one function each. All paths that this page asks for stand in this file.

use std::future::Future;

use estiva_shared::image::{Digest, RawDocument};
use estiva_shared::protocol::{
    API_PREFIX, ContainerSummary, ContextFolder, ContextResponse, ErrorBody, ExecRequest,
    ExecResponse, ExecSummary, FILE_LAYER_HEADER, FILE_SIZE_HEADER, ImageSummary, Pruned,
    RemoteImage, RemoteImageRequest, RemoteLayerRequest, RunRequest, RunResponse, SessionRequest,
    SessionResponse, ShareRequest, ShareSummary, VolumeSummary,
};
use estiva_shared::report::Report;
use serde::de::IgnoredAny;
use web_sys::Blob;

use super::analyser::Content;
use super::http::{Method, Upload, ask, ask_with, bytes, download, fetch, upload};

/// What a route answers, or why not.
pub type Answer<T> = Result<T, ErrorBody>;

const TAR: &str = "application/x-tar";

/// Trades the one-time code for a token.
///
/// # Errors
/// A code that is unknown, used or too old.
pub async fn open_session(code: String) -> Answer<String> {
    let answer: SessionResponse =
        ask_with(Method::Post, &route("/session"), &SessionRequest { code }).await?;
    Ok(answer.token)
}

/// All images, newest first.
///
/// # Errors
/// As every route: see [`super::http::ask`].
pub async fn images() -> Answer<Vec<ImageSummary>> {
    ask(Method::Get, &route("/images")).await
}

/// An image of the store, taken apart by the server: the JSON of an `ImageAnalysis`, for the worker to read.
///
/// # Errors
/// An unknown image; names like it are in the hint.
pub async fn analysis(image: &str) -> Answer<Blob> {
    fetch(&route(&format!("/images/{}/analysis", escape(image)))).await
}

/// A part of a file of an image of the store, as it is after a layer or in the finished image.
///
/// # Errors
/// A path that is no file there.
pub async fn file_part(
    image: &str,
    (layer, path): (Option<usize>, &str),
    start: u64,
    length: u64,
) -> Answer<Content> {
    let range = format!("&start={start}&length={length}");
    let query = file_query(layer, path) + &range;
    let (bytes, headers) = bytes(&route(&format!("/images/{}/file{query}", escape(image)))).await?;
    let said = |name: &str| headers.get(name).ok().flatten();
    let number = |name: &str| said(name).and_then(|said| said.parse().ok());
    let (Some(layer), Some(size_bytes)) = (number(FILE_LAYER_HEADER), number(FILE_SIZE_HEADER))
    else {
        return Err(ErrorBody {
            code: "protocol".into(),
            message: "expected an answer of this page's protocol, but found another".into(),
            hint: None,
        });
    };
    Ok(Content {
        layer: layer as usize,
        size_bytes,
        start,
        bytes,
    })
}

/// All of a file of an image of the store, or a folder as a tar.
///
/// # Errors
/// A path that is not there.
pub async fn file_content(image: &str, layer: Option<usize>, path: &str) -> Answer<Blob> {
    let query = file_query(layer, path);
    fetch(&route(&format!("/images/{}/content{query}", escape(image)))).await
}

fn file_query(layer: Option<usize>, path: &str) -> String {
    let layer = layer.map(|layer| format!("&layer={layer}"));
    format!("?path={}{}", escape(path), layer.unwrap_or_default())
}

/// An image where its registry has it: its documents.
///
/// # Errors
/// A registry that can't be reached, or does not have it.
pub async fn remote_image(reference: String) -> Answer<RemoteImage> {
    let request = RemoteImageRequest {
        reference,
        platform: None,
        credentials: None,
    };
    ask_with(Method::Post, &route("/remote/images"), &request).await
}

/// A layer of such an image, telling how many bytes are there; what comes first stops it when it is dropped.
///
/// # Errors
/// A registry that can't be reached, or does not have it any more.
pub fn remote_layer(
    reference: String,
    digest: Digest,
    progress: impl Fn(u64) + 'static,
) -> (Upload, impl Future<Output = Answer<Blob>>) {
    let request = RemoteLayerRequest {
        reference,
        digest,
        credentials: None,
    };
    download(route("/remote/layers"), request, progress)
}

/// The documents that describe an image of the store.
///
/// # Errors
/// An unknown image.
pub async fn documents(image: &str) -> Answer<Vec<RawDocument>> {
    ask(
        Method::Get,
        &route(&format!("/images/{}/documents", escape(image))),
    )
    .await
}

/// The report that a link to this image would show.
///
/// # Errors
/// An unknown image.
pub async fn report(image: &str, include_run_text: bool) -> Answer<Report> {
    let query = if include_run_text {
        "?run_text=true"
    } else {
        ""
    };
    ask(
        Method::Get,
        &route(&format!("/images/{}/report{query}", escape(image))),
    )
    .await
}

/// Removes an image's name, and the image with its last name.
///
/// # Errors
/// Where containers use it.
pub async fn remove_image(image: &str) -> Answer<()> {
    done(
        ask(
            Method::Delete,
            &route(&format!("/images/{}", escape(image))),
        )
        .await,
    )
}

/// Loads an archive into the store; what comes first stops it when it is dropped.
///
/// # Errors
/// An archive that can't be read, or whose digests are wrong.
pub fn load_images(
    archive: Blob,
    progress: impl Fn(u64, u64) + 'static,
) -> (Upload, impl Future<Output = Answer<()>>) {
    let (upload, work) = upload(route("/images/load"), archive, TAR, progress);
    (upload, async move { done(work.await) })
}

/// Makes the busybox base.
///
/// # Errors
/// Where the server's host has no static busybox.
pub async fn make_base() -> Answer<()> {
    done(ask(Method::Post, &route("/bases/busybox")).await)
}

/// Makes and starts a container.
///
/// # Errors
/// An unknown image, a name in use, a program that is not in the image.
pub async fn run(request: &RunRequest) -> Answer<RunResponse> {
    ask_with(Method::Post, &route("/containers"), request).await
}

/// All volumes.
///
/// # Errors
/// As every route.
pub async fn volumes() -> Answer<Vec<VolumeSummary>> {
    ask(Method::Get, &route("/volumes")).await
}

/// Frees what no image and no container needs.
///
/// # Errors
/// As every route.
pub async fn prune() -> Answer<Pruned> {
    ask(Method::Post, &route("/prune")).await
}

/// One container as it is now.
///
/// # Errors
/// An unknown container.
pub async fn container(id: &str) -> Answer<ContainerSummary> {
    ask(Method::Get, &route(&format!("/containers/{}", escape(id)))).await
}

/// Asks a container to end; it is killed after the server's time-out.
///
/// # Errors
/// A container that does not run.
pub async fn stop(id: &str) -> Answer<()> {
    done(
        ask(
            Method::Post,
            &route(&format!("/containers/{}/stop", escape(id))),
        )
        .await,
    )
}

/// Kills a container.
///
/// # Errors
/// A container that does not run.
pub async fn kill(id: &str) -> Answer<()> {
    done(
        ask(
            Method::Post,
            &route(&format!("/containers/{}/kill", escape(id))),
        )
        .await,
    )
}

/// Removes a container; one that runs is killed first where `force` says so.
///
/// # Errors
/// A container that runs, without `force`.
pub async fn remove_container(id: &str, force: bool) -> Answer<()> {
    let query = if force { "?force=true" } else { "" };
    done(
        ask(
            Method::Delete,
            &route(&format!("/containers/{}{query}", escape(id))),
        )
        .await,
    )
}

/// Starts a further process in a container, which goes on without this page.
///
/// # Errors
/// A container that does not run; a program that is not in it.
pub async fn begin_exec(container: &str, request: &ExecRequest) -> Answer<ExecResponse> {
    let path = format!("/containers/{}/execs", escape(container));
    ask_with(Method::Post, &route(&path), request).await
}

/// Such processes that run, oldest first.
///
/// # Errors
/// An unknown container.
pub async fn execs(container: &str) -> Answer<Vec<ExecSummary>> {
    let path = format!("/containers/{}/execs", escape(container));
    ask(Method::Get, &route(&path)).await
}

/// Hangs one up.
///
/// # Errors
/// One that has ended.
pub async fn end_exec(container: &str, id: &str) -> Answer<()> {
    let path = format!("/containers/{}/execs/{}", escape(container), escape(id));
    done(ask(Method::Delete, &route(&path)).await)
}

/// Sends a build's context; what comes first stops it when it is dropped.
///
/// # Errors
/// A context beyond the server's limit.
pub fn send_context(
    archive: Blob,
    progress: impl Fn(u64, u64) + 'static,
) -> (Upload, impl Future<Output = Answer<ContextResponse>>) {
    upload(route("/contexts"), archive, TAR, progress)
}

/// What is under the server's context root.
///
/// # Errors
/// A path that is not there, or a server without such a root.
pub async fn context_folder(path: &str) -> Answer<ContextFolder> {
    ask(
        Method::Get,
        &route(&format!("/context-root?path={}", escape(path))),
    )
    .await
}

/// All links.
///
/// # Errors
/// As every route.
pub async fn shares() -> Answer<Vec<ShareSummary>> {
    ask(Method::Get, &route("/shares")).await
}

/// Makes a link.
///
/// # Errors
/// An unknown image.
pub async fn share(request: &ShareRequest) -> Answer<ShareSummary> {
    ask_with(Method::Post, &route("/shares"), request).await
}

/// Withdraws a link.
///
/// # Errors
/// An unknown link.
pub async fn withdraw(id: &str) -> Answer<()> {
    done(ask(Method::Delete, &route(&format!("/shares/{}", escape(id)))).await)
}

fn route(path: &str) -> String {
    format!("{API_PREFIX}{path}")
}

/// A name in a path: `/` and `:` become `%2F` and `%3A`, so that a name is always one segment.
fn escape(name: &str) -> String {
    js_sys::encode_uri_component(name).into()
}

/// An answer of which only its coming matters.
fn done(answer: Answer<IgnoredAny>) -> Answer<()> {
    answer.map(|_| ())
}
