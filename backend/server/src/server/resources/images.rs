//! Images: list, analyse, load, save, remove. Building goes by the WebSocket.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use estiva_shared::image::{ImageAnalysis, RawDocument};
use estiva_shared::protocol::{ImageSummary, LoadedImage, RemovedImage, TagRequest};
use estiva_store::StoreError;
use serde::Deserialize;

use super::Of;
use super::stream::{reader, writer};
use crate::server::error::{ApiError, ApiResult};
use crate::server::registry;
use crate::server::services::blocking;

/// `GET /api/v1/images`
pub(in crate::server) async fn list(State(services): Of) -> ApiResult<Json<Vec<ImageSummary>>> {
    Ok(Json(blocking(move || services.image_summaries()).await?))
}

/// `GET /api/v1/images/NAME/analysis`
pub(in crate::server) async fn analysis(
    State(services): Of,
    Path(name): Path<String>,
) -> ApiResult<Json<ImageAnalysis>> {
    let store = services.store.clone();
    Ok(Json(
        blocking(move || store.analysis(&store.resolve(&name)?)).await?,
    ))
}

/// `GET /api/v1/images/NAME/documents`
pub(in crate::server) async fn documents(
    State(services): Of,
    Path(name): Path<String>,
) -> ApiResult<Json<Vec<RawDocument>>> {
    let store = services.store.clone();
    Ok(Json(
        blocking(move || store.documents(&store.resolve(&name)?)).await?,
    ))
}

/// `POST /api/v1/images/load`
pub(in crate::server) async fn load(
    State(services): Of,
    body: Body,
) -> ApiResult<Json<Vec<LoadedImage>>> {
    let mut archive = reader(body);
    let store = services.store.clone();
    let loaded = blocking(move || store.load_stream(&mut archive)).await?;
    services.tell_images_changed();
    let summary = |image: &estiva_store::Loaded| LoadedImage {
        id: image.id.to_string(),
        names: image.names.iter().map(|name| name.familiar()).collect(),
    };
    Ok(Json(loaded.iter().map(summary).collect()))
}

/// `GET /api/v1/images/NAME/archive`
pub(in crate::server) async fn archive(
    State(services): Of,
    Path(name): Path<String>,
) -> ApiResult<Response> {
    let store = services.store.clone();
    let image = blocking(move || store.resolve(&name)).await?;
    let body = writer(move |out| {
        services
            .store
            .save(std::slice::from_ref(&image), out)
            .map_err(|error| services.log.line(&format!("an archive broke off: {error}")))
            .is_ok()
    });
    let tar = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-tar"),
    )];
    Ok((tar, body).into_response())
}

/// `POST /api/v1/images/NAME/tags`
pub(in crate::server) async fn tag(
    State(services): Of,
    Path(name): Path<String>,
    Json(request): Json<TagRequest>,
) -> ApiResult<Json<ImageSummary>> {
    let target = registry::reference_of(&request.name)?;
    if target.digest().is_some() {
        let message = format!("expected NAME[:TAG], but found a digest: {}", request.name);
        return Err(ApiError::bad_request("bad-name", message));
    }
    let inner = services.clone();
    let image = blocking(move || {
        let image = inner.store.resolve(&name)?;
        inner.store.tag(&target, &image.id)?;
        // It may be gone a moment later; it was named.
        Ok::<_, StoreError>(inner.store.image(&image.id)?.unwrap_or(image))
    })
    .await?;
    services.tell_images_changed();
    Ok(Json(services.image_summary(&image)))
}

/// The query of a removal.
#[derive(Deserialize)]
pub(in crate::server) struct RemoveQuery {
    #[serde(default)]
    force: bool,
}

/// `DELETE /api/v1/images/NAME?force=true`
pub(in crate::server) async fn remove(
    State(services): Of,
    Path(name): Path<String>,
    Query(query): Query<RemoveQuery>,
) -> ApiResult<Json<RemovedImage>> {
    let inner = services.clone();
    let removed = blocking(move || {
        inner
            .store
            .remove(&name, query.force, &|image| inner.engine.in_use(image))
    })
    .await?;
    services.tell_images_changed();
    Ok(Json(RemovedImage {
        untagged: removed
            .untagged
            .iter()
            .map(|name| name.familiar())
            .collect(),
        deleted: removed.deleted.iter().map(ToString::to_string).collect(),
    }))
}
