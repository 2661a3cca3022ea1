//! Images where their registries have them: documents at once, and the layers that are looked at. Nothing of them is kept.

use std::io;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use estiva_shared::protocol::{
    RegistryCredentials, RemoteImage, RemoteImageRequest, RemoteLayerRequest,
};
use estiva_store::{PullOrder, RegistrySettings, look, open_layer};

use super::Of;
use super::stream::writer;
use crate::server::error::{ApiError, ApiResult};
use crate::server::registry::{Gone, login_for, reference_of};
use crate::server::services::blocking;

/// `POST /api/v1/remote/images`
pub(in crate::server) async fn image(
    State(services): Of,
    Json(request): Json<RemoteImageRequest>,
) -> ApiResult<Json<RemoteImage>> {
    let credentials = request.credentials.as_ref();
    let order = order(&request.reference, request.platform, credentials)?;
    let gone = Gone::default();
    let cancel = gone.cancel(&services);
    let found = blocking(move || {
        let looked = RegistrySettings::load(services.store.root())
            .and_then(|settings| look(&settings, &order, &cancel));
        looked.map_err(|error| {
            let hint = error.hint_for(&order.reference);
            ApiError::from(error).hint(hint)
        })
    });
    Ok(Json(found.await?))
}

/// `POST /api/v1/remote/layers`
pub(in crate::server) async fn layer(
    State(services): Of,
    Json(request): Json<RemoteLayerRequest>,
) -> ApiResult<Response> {
    let order = order(&request.reference, None, request.credentials.as_ref())?;
    let gone = Gone::default();
    let (cancel, inner) = (gone.cancel(&services), services.clone());
    // What is wrong with the question is told before anything is sent.
    let mut layer = blocking(move || {
        let settings = RegistrySettings::load(inner.store.root())?;
        open_layer(&settings, &order, &request.digest, &cancel)
    })
    .await?;
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, kind);
    if let Some(bytes) = layer.bytes {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    }
    let body = writer(move |out| {
        // Until all is sent, somebody wants it; who goes away is noticed by the next piece.
        let _gone = gone;
        let copied = io::copy(&mut layer, out).and_then(|_| out.flush());
        copied
            .map_err(|error| {
                services
                    .log
                    .line(&format!("a registry's layer broke off: {error}"))
            })
            .is_ok()
    });
    Ok((headers, body).into_response())
}

/// What the store is asked for.
fn order(
    name: &str,
    platform: Option<String>,
    credentials: Option<&RegistryCredentials>,
) -> ApiResult<PullOrder> {
    let reference = reference_of(name)?;
    Ok(PullOrder {
        login: login_for(&reference, credentials)?,
        platform,
        reference,
    })
}
