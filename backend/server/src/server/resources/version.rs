//! Who answers: version, build, addresses.

use axum::Json;
use axum::extract::State;
use estiva_shared::protocol::{PROTOCOL_VERSION, VersionInfo};

use super::Of;
use crate::build_id;
use crate::server::error::{ApiError, ApiResult};
use crate::server::services::blocking;

/// `GET /api/v1/version`
pub(in crate::server) async fn show(State(services): Of) -> ApiResult<Json<VersionInfo>> {
    let build = blocking(|| build_id::of_this_program().map_err(ApiError::internal)).await?;
    Ok(Json(VersionInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build,
        protocol: PROTOCOL_VERSION,
        pid: std::process::id(),
        listen: services.addresses.page.map(|address| address.to_string()),
        share_listen: services.addresses.shares.map(|address| address.to_string()),
        has_context_root: services.context_root.is_some(),
    }))
}
