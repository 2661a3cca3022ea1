//! Containers: list, run, look, stop, kill, wait, remove. Logs, stats and exec go by the WebSocket.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use estiva_shared::protocol::{ContainerStatus, ContainerSummary, RunRequest, RunResponse};
use serde::Deserialize;

use super::Of;
use crate::server::error::ApiResult;
use crate::server::registry;

/// How long a container is given to end by itself, in seconds, as Docker gives it.
const STOP_SECONDS: u64 = 10;

/// The longest that may be asked for: an hour; who wants more sends a signal.
const STOP_SECONDS_MAX: u64 = 3600;

/// How long a client has to read the rest of a container's output and remove it.
const CLIENT_REMOVES_WITHIN: Duration = Duration::from_secs(60);

/// The query of the list.
#[derive(Deserialize)]
pub(in crate::server) struct ListQuery {
    #[serde(default)]
    all: bool,
}

/// `GET /api/v1/containers?all=true`
pub(in crate::server) async fn list(
    State(services): Of,
    Query(query): Query<ListQuery>,
) -> Json<Vec<ContainerSummary>> {
    Json(services.engine.list(query.all))
}

/// The query of a run.
#[derive(Deserialize)]
pub(in crate::server) struct RunQuery {
    /// The client is going to read the output from the monitor or the container's folder, and removes it then.
    #[serde(default)]
    attach: bool,
}

/// `POST /api/v1/containers?attach=true`
pub(in crate::server) async fn run(
    State(services): Of,
    Query(query): Query<RunQuery>,
    Json(request): Json<RunRequest>,
) -> ApiResult<Json<RunResponse>> {
    let linger = if query.attach {
        CLIENT_REMOVES_WITHIN
    } else {
        Duration::ZERO
    };
    registry::before_run(&services, &request).await?;
    let run = services.engine.run_attached(request, linger).await?;
    Ok(Json(run))
}

/// `GET /api/v1/containers/NAME`
pub(in crate::server) async fn show(
    State(services): Of,
    Path(name): Path<String>,
) -> ApiResult<Json<ContainerSummary>> {
    Ok(Json(services.engine.get(&name)?))
}

/// `GET /api/v1/containers/NAME/monitor`
pub(in crate::server) async fn monitor(
    State(services): Of,
    Path(name): Path<String>,
) -> ApiResult<Json<RunResponse>> {
    Ok(Json(services.engine.monitor(&name)?))
}

/// The query of a stop.
#[derive(Deserialize)]
pub(in crate::server) struct StopQuery {
    timeout_s: Option<u64>,
}

/// `POST /api/v1/containers/NAME/stop?timeout_s=10`
pub(in crate::server) async fn stop(
    State(services): Of,
    Path(name): Path<String>,
    Query(query): Query<StopQuery>,
) -> ApiResult<Json<ContainerSummary>> {
    // The summary is taken first: one that is removed at its end can't be looked at after it.
    let mut summary = services.engine.get(&name)?;
    let seconds = query
        .timeout_s
        .unwrap_or(STOP_SECONDS)
        .min(STOP_SECONDS_MAX);
    summary.status = services
        .engine
        .stop(&name, Duration::from_secs(seconds))
        .await?;
    summary.pid = None;
    Ok(Json(summary))
}

/// The query of a kill.
#[derive(Deserialize)]
pub(in crate::server) struct KillQuery {
    signal: Option<String>,
}

/// `POST /api/v1/containers/NAME/kill?signal=KILL`
pub(in crate::server) async fn kill(
    State(services): Of,
    Path(name): Path<String>,
    Query(query): Query<KillQuery>,
) -> ApiResult<StatusCode> {
    services
        .engine
        .kill(&name, query.signal.as_deref().unwrap_or("KILL"))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/containers/NAME/wait`
pub(in crate::server) async fn wait(
    State(services): Of,
    Path(name): Path<String>,
) -> ApiResult<Json<ContainerStatus>> {
    Ok(Json(services.engine.wait(&name).await?))
}

/// The query of a removal.
#[derive(Deserialize)]
pub(in crate::server) struct RemoveQuery {
    #[serde(default)]
    force: bool,
    /// The volumes that nobody named go with it.
    #[serde(default)]
    volumes: bool,
}

/// `DELETE /api/v1/containers/NAME?force=true&volumes=true`
pub(in crate::server) async fn remove(
    State(services): Of,
    Path(name): Path<String>,
    Query(query): Query<RemoveQuery>,
) -> ApiResult<StatusCode> {
    let engine = &services.engine;
    if query.volumes {
        engine.remove_with_volumes(&name, query.force).await?;
    } else {
        engine.remove(&name, query.force).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
