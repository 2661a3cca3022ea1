//! What only the root's owner may ask, on the Unix socket: page addresses, and the server's end.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use estiva_shared::protocol::CodeResponse;

use super::Of;
use crate::server::error::{ApiError, ApiResult};
use crate::server::services::Ending;

/// `POST /api/v1/codes`
pub(in crate::server) async fn new_code(State(services): Of) -> ApiResult<Json<CodeResponse>> {
    let page = services
        .addresses
        .page
        .ok_or_else(|| ApiError::internal("the dashboard has no listener"))?;
    let code = services.sessions.new_code(Instant::now())?;
    Ok(Json(CodeResponse {
        address: format!("http://{page}/#code={code}"),
    }))
}

/// `POST /api/v1/server/stop`
pub(in crate::server) async fn stop(State(services): Of) -> StatusCode {
    services.log.line("asked to stop");
    services.ending.send_replace(Ending::Stop);
    StatusCode::NO_CONTENT
}

/// `POST /api/v1/server/reset`
pub(in crate::server) async fn reset(State(services): Of) -> ApiResult<StatusCode> {
    services.log.line("asked to end every container and stop");
    // Builds end with their connections, and those with this.
    services.ending.send_replace(Ending::Stop);
    services.engine.destroy_all().await?;
    Ok(StatusCode::NO_CONTENT)
}
