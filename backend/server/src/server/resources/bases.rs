//! Base images that are made from the host, without a registry.
//!
//! busybox is there in a moment. Those of Debian's packages take a minute or three: their answer is a stream of lines,
//! and who breaks it off ends the installation.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use estiva_shared::protocol::{BaseEvent, BaseRequest, ImageSummary};
use estiva_store::{BaseStep, ImageRecord, Store, StoreError};

use super::Of;
use super::stream::writer;
use crate::server::error::{ApiError, ApiResult};
use crate::server::services::{Ending, Services, blocking, busybox as host_busybox};

/// Is told each step; says whether to go on.
type Told<'a> = &'a mut dyn FnMut(BaseStep<'_>) -> ControlFlow<()>;

/// How the store makes one of them.
type Make = fn(&Store, Option<&str>, Told<'_>) -> Result<ImageRecord, StoreError>;

/// `POST /api/v1/bases/busybox`
pub(in crate::server) async fn busybox(State(services): Of) -> ApiResult<Json<ImageSummary>> {
    let store = services.store.clone();
    let image = blocking(move || store.base_busybox(host_busybox())).await?;
    services.tell_images_changed();
    Ok(Json(services.image_summary(&image)))
}

/// `POST /api/v1/bases/debian`
pub(in crate::server) async fn debian(
    State(services): Of,
    Json(request): Json<BaseRequest>,
) -> Response {
    lines(services, request, |store, suite, told| {
        store.base_debian(suite, told)
    })
}

/// `POST /api/v1/bases/node`
pub(in crate::server) async fn node(
    State(services): Of,
    Json(request): Json<BaseRequest>,
) -> Response {
    lines(services, request, |store, suite, told| {
        store.base_node(suite, told)
    })
}

fn lines(services: Arc<Services>, request: BaseRequest, make: Make) -> Response {
    let body = writer(move |out| {
        let made = make(&services.store, request.suite.as_deref(), &mut |step| {
            let event = match step {
                BaseStep::Line(text) => BaseEvent::Line {
                    text: text.to_owned(),
                },
                BaseStep::Alive => BaseEvent::Alive,
            };
            let goes_on = *services.ending.borrow() == Ending::None;
            match tell(out, &event) {
                Ok(()) if goes_on => ControlFlow::Continue(()),
                // The client is gone, or the server is about to be.
                _ => ControlFlow::Break(()),
            }
        });
        let last = match made {
            Ok(image) => {
                services.tell_images_changed();
                BaseEvent::Done(services.image_summary(&image))
            }
            Err(error) => BaseEvent::Failed(ApiError::from(error).into_body()),
        };
        tell(out, &last).is_ok()
    });
    let kind = HeaderValue::from_static("application/x-ndjson");
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

fn tell(out: &mut dyn Write, event: &BaseEvent) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}
