//! Shared links: make, list, withdraw.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use estiva_shared::image::Digest;
use estiva_shared::protocol::{ShareRequest, ShareSummary};
use estiva_shared::report::{canonical_json, parse};
use estiva_store::ShareRecord;

use super::{Of, reports};
use crate::server::error::{ApiError, ApiResult};
use crate::server::services::{Services, blocking};

/// `GET /api/v1/shares`
pub(in crate::server) async fn list(State(services): Of) -> ApiResult<Json<Vec<ShareSummary>>> {
    let store = services.store.clone();
    let shares = blocking(move || store.shares()).await?;
    Ok(Json(
        shares
            .iter()
            .map(|share| summary(&services, share))
            .collect(),
    ))
}

/// `POST /api/v1/shares`
pub(in crate::server) async fn create(
    State(services): Of,
    Json(request): Json<ShareRequest>,
) -> ApiResult<Json<ShareSummary>> {
    let inner = services.clone();
    let share = blocking(move || -> ApiResult<ShareRecord> {
        let report = reports::make(&inner, &request.image, request.include_run_text)?;
        let bytes = canonical_json(&report);
        let looked_at = request.report_digest.as_deref();
        if looked_at.is_some_and(|looked_at| looked_at != Digest::of(&bytes).to_string()) {
            return Err(changed(&request.image));
        }
        // What can't be read again would be a link that only fails.
        parse(&bytes).map_err(|error| {
            ApiError::internal(format_args!("the report made could not be read: {error}"))
        })?;
        Ok(inner.store.put_report(&bytes, &report.image)?)
    })
    .await?;
    Ok(Json(summary(&services, &share)))
}

/// What would be shared is not what its owner has looked at.
fn changed(image: &str) -> ApiError {
    let message =
        format!("expected the report that was previewed, but found another by now: {image}");
    ApiError::new(StatusCode::CONFLICT, "report-changed", message).hint(Some(
        "its name may lead to another image, or it was built again: preview it again".to_owned(),
    ))
}

/// `DELETE /api/v1/shares/ID`
pub(in crate::server) async fn withdraw(
    State(services): Of,
    Path(id): Path<String>,
) -> ApiResult<StatusCode> {
    let store = services.store.clone();
    if blocking(move || store.withdraw(&id)).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::not_found(
            "unknown-report",
            "no report has this id, or it was withdrawn before",
        ))
    }
}

fn summary(services: &Services, share: &ShareRecord) -> ShareSummary {
    let path = format!("/s/{}", share.id);
    ShareSummary {
        id: share.id.clone(),
        link: format!("{}{path}", services.link_base()),
        path,
        image: share.image.clone(),
        digest: share.digest.to_string(),
        created_ms: share.created_ms,
    }
}
