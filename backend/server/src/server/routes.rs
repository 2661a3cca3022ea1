//! Every route, in one place, and what all of them share: the guard before, the headers after, limits on bodies and time.
//!
//! `docs/server.md` describes each; a test holds the two together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};

use super::error::ApiError;
use super::guard::{self, Door};
use super::headers;
use super::resources::{
    bases, containers, context_root, contexts, control, execs, files, images, prune, remote,
    reports, session, shares, version, volumes,
};
use super::services::Services;
use super::socket;

/// The most bytes of a JSON body: the longest is a run's environment, of which Linux takes 128 KiB a variable.
pub(crate) const JSON_BYTES_MAX: usize = 1 << 20;

/// The longest refusal of an extractor, in bytes: a sentence that quotes a place in a document.
const REFUSAL_BYTES_MAX: usize = 64 << 10;

/// How long a request may take that neither moves an image nor waits for a container.
const SHORT_TIME: Duration = Duration::from_secs(30);

/// The router. Each request must carry the [`Door`] that it came through.
pub(crate) fn routes(services: Arc<Services>) -> Router {
    short_routes()
        .layer(middleware::from_fn(in_time))
        .merge(long_routes())
        .layer(DefaultBodyLimit::max(JSON_BYTES_MAX))
        .fallback(page)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&services),
            around,
        ))
        .with_state(services)
}

/// Those that answer at once.
fn short_routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/api/v1/session", post(session::exchange))
        .route("/api/v1/version", get(version::show))
        .route("/api/v1/images", get(images::list))
        .route("/api/v1/images/{name}", delete(images::remove))
        .route("/api/v1/images/{name}/tags", post(images::tag))
        .route("/api/v1/containers", get(containers::list))
        .route("/api/v1/containers/{name}", get(containers::show))
        .route("/api/v1/containers/{name}/kill", post(containers::kill))
        .route(
            "/api/v1/containers/{name}/monitor",
            get(containers::monitor),
        )
        .route("/api/v1/containers/{name}/execs", get(execs::list))
        .route("/api/v1/containers/{name}/execs/{id}", delete(execs::end))
        .route("/api/v1/volumes", get(volumes::list).post(volumes::create))
        .route("/api/v1/context-root", get(context_root::list))
        .route("/api/v1/shares", get(shares::list))
        .route("/api/v1/shares/{id}", delete(shares::withdraw))
        .route("/s/{id}", get(reports::shared_page))
        .route("/s/{id}/report.json", get(reports::shared_json))
        .route("/api/v1/codes", post(control::new_code))
        .route("/api/v1/server/stop", post(control::stop))
}

/// Those that move bytes, analyse an image, or wait for something of the user's.
fn long_routes() -> Router<Arc<Services>> {
    let uploads = Router::new()
        .route("/api/v1/images/load", post(images::load))
        .route("/api/v1/contexts", post(contexts::upload))
        // Each counts for itself what it takes.
        .layer(DefaultBodyLimit::disable());
    Router::new()
        .route("/api/v1/images/{name}/analysis", get(images::analysis))
        .route("/api/v1/images/{name}/documents", get(images::documents))
        .route("/api/v1/images/{name}/report", get(reports::preview_json))
        .route(
            "/api/v1/images/{name}/report.html",
            get(reports::preview_page),
        )
        .route("/api/v1/images/{name}/archive", get(images::archive))
        .route("/api/v1/images/{name}/file", get(files::part))
        .route("/api/v1/images/{name}/content", get(files::whole))
        .route("/api/v1/remote/images", post(remote::image))
        .route("/api/v1/remote/layers", post(remote::layer))
        .route("/api/v1/prune", post(prune::prune))
        .route("/api/v1/bases/busybox", post(bases::busybox))
        .route("/api/v1/containers/{name}/execs", post(execs::begin))
        .route("/api/v1/bases/debian", post(bases::debian))
        .route("/api/v1/bases/node", post(bases::node))
        .route(
            "/api/v1/volumes/{name}",
            get(volumes::show).delete(volumes::remove),
        )
        .route("/api/v1/containers", post(containers::run))
        .route("/api/v1/containers/{name}", delete(containers::remove))
        .route("/api/v1/containers/{name}/stop", post(containers::stop))
        .route("/api/v1/containers/{name}/wait", post(containers::wait))
        .route("/api/v1/shares", post(shares::create))
        .route("/api/v1/server/reset", post(control::reset))
        .route("/api/v1/socket", get(socket::upgrade))
        .merge(uploads)
}

/// The guard before, the headers after.
async fn around(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    // Without a door nothing is known of where it came from; the strictest one answers nothing but shared links.
    let door = request
        .extensions()
        .get::<Door>()
        .copied()
        .unwrap_or(Door::Shares);
    let allowed = guard::check(
        door,
        request.method(),
        request.uri(),
        request.headers(),
        &services.sessions,
        Instant::now(),
    );
    let mut response = match allowed {
        Ok(()) => in_our_form(next.run(request).await).await,
        Err(refusal) => ApiError::from(refusal).into_response(),
    };
    headers::complete(response.headers_mut());
    response
}

/// An extractor's refusal (a body that is no JSON, a query that can't be read, too many bytes) comes as plain text; it
/// becomes an error like all others.
async fn in_our_form(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_plain = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !status.is_client_error() || !is_plain {
        return response;
    }
    let text = axum::body::to_bytes(response.into_body(), REFUSAL_BYTES_MAX).await;
    let message = text.map_or_else(
        |_| status.to_string(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    );
    let code = if status == StatusCode::PAYLOAD_TOO_LARGE {
        "too-large"
    } else {
        "bad-request"
    };
    ApiError::new(status, code, message).into_response()
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(SHORT_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let message = format!("expected an end within {} s", SHORT_TIME.as_secs());
            ApiError::new(StatusCode::REQUEST_TIMEOUT, "too-slow", message).into_response()
        }
    }
}

/// What no route takes: a file of the page, or nothing.
async fn page(State(services): State<Arc<Services>>, uri: Uri) -> Response {
    if uri.path().starts_with("/api/") || uri.path().starts_with("/s/") {
        return ApiError::not_found("unknown-route", "no route has this path").into_response();
    }
    services.page.answer(&uri)
}

async fn wrong_method() -> Response {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong-method",
        "the route of this path takes another method",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    /// The routes as written in this file, without their prefix.
    fn in_source() -> Vec<String> {
        include_str!("routes.rs")
            .lines()
            .filter_map(|line| line.trim().strip_prefix(".route(\""))
            .filter_map(|rest| rest.split('"').next())
            .map(|path| path.replace("{name}", "NAME").replace("{id}", "ID"))
            .collect()
    }

    #[test]
    fn every_route_stands_in_the_documentation() {
        let page = include_str!("../../../../docs/server.md");
        let paths = in_source();
        assert!(paths.len() > 20, "{paths:?}");
        for path in paths {
            assert!(
                page.contains(&format!(" {path}`")) || page.contains(&format!(" {path}?")),
                "docs/server.md lacks {path}"
            );
        }
    }
}
