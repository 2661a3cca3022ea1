//! Further processes in a container that go on without the connection that started them: start, list, end. A terminal or
//! a page attaches to them by the WebSocket, the command line by their monitor's socket.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use estiva_shared::protocol::{ExecRequest, ExecResponse, ExecSummary};

use super::Of;
use crate::server::error::ApiResult;

/// `GET /api/v1/containers/NAME/execs`
pub(in crate::server) async fn list(
    State(services): Of,
    Path(name): Path<String>,
) -> ApiResult<Json<Vec<ExecSummary>>> {
    Ok(Json(services.engine.execs(&name)?))
}

/// `POST /api/v1/containers/NAME/execs`
pub(in crate::server) async fn begin(
    State(services): Of,
    Path(name): Path<String>,
    Json(request): Json<ExecRequest>,
) -> ApiResult<Json<ExecResponse>> {
    Ok(Json(services.engine.begin_exec(&name, request).await?))
}

/// `DELETE /api/v1/containers/NAME/execs/ID`
pub(in crate::server) async fn end(
    State(services): Of,
    Path((name, id)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    services.engine.end_exec(&name, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
