//! Uploading a build context.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use estiva_shared::protocol::ContextResponse;

use super::Of;
use super::stream::reader;
use crate::server::error::ApiResult;
use crate::server::services::blocking;

/// `POST /api/v1/contexts`
pub(in crate::server) async fn upload(
    State(services): Of,
    body: Body,
) -> ApiResult<Json<ContextResponse>> {
    let mut tar = reader(body);
    Ok(Json(
        blocking(move || services.contexts.receive(&mut tar)).await?,
    ))
}
