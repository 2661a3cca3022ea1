//! What nobody needs: cached steps, and the layers that no image has.

use axum::Json;
use axum::extract::State;
use estiva_shared::protocol::Pruned;
use estiva_store::KeepCache;

use super::Of;
use crate::server::error::ApiResult;
use crate::server::services::blocking;

/// `POST /api/v1/prune`
pub(in crate::server) async fn prune(State(services): Of) -> ApiResult<Json<Pruned>> {
    let collected = blocking(move || services.store.gc(KeepCache::No)).await?;
    Ok(Json(Pruned {
        layers: collected.layers,
        bytes: collected.bytes,
        postponed: collected.postponed,
    }))
}
