//! Volumes: list, make, look, remove.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use estiva_shared::protocol::{VolumeRequest, VolumeSummary};

use super::Of;
use crate::server::error::ApiResult;
use crate::server::services::blocking;

/// `GET /api/v1/volumes`
pub(in crate::server) async fn list(State(services): Of) -> ApiResult<Json<Vec<VolumeSummary>>> {
    Ok(Json(blocking(move || services.engine.volumes()).await?))
}

/// `POST /api/v1/volumes`
pub(in crate::server) async fn create(
    State(services): Of,
    Json(request): Json<VolumeRequest>,
) -> ApiResult<Json<VolumeSummary>> {
    let made = blocking(move || services.engine.create_volume(request)).await?;
    Ok(Json(made))
}

/// `GET /api/v1/volumes/NAME`
pub(in crate::server) async fn show(
    State(services): Of,
    Path(name): Path<String>,
) -> ApiResult<Json<VolumeSummary>> {
    Ok(Json(blocking(move || services.engine.volume(&name)).await?))
}

/// `DELETE /api/v1/volumes/NAME`
pub(in crate::server) async fn remove(
    State(services): Of,
    Path(name): Path<String>,
) -> ApiResult<StatusCode> {
    blocking(move || services.engine.remove_volume(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}
