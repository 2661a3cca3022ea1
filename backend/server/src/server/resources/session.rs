//! Trading the printed address's code for a token.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use estiva_shared::protocol::{SessionRequest, SessionResponse};

use super::Of;
use crate::server::error::ApiResult;

/// `POST /api/v1/session`
pub(in crate::server) async fn exchange(
    State(services): Of,
    Json(request): Json<SessionRequest>,
) -> ApiResult<Json<SessionResponse>> {
    let token = services.sessions.exchange(&request.code, Instant::now())?;
    Ok(Json(SessionResponse { token }))
}
