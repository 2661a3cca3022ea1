//! What is in an image's files: a part of one, all of it, or a folder as a tar, read where the image's layers lie.
//!
//! The way to an image's files is kept for the images that were looked into last: a page asks for one part after the other.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use estiva_shared::image::{AccessError, Digest, ReadAt as _, normalise};
use estiva_shared::protocol::{FILE_BYTES_MAX, FILE_LAYER_HEADER, FILE_SIZE_HEADER};
use estiva_store::{ImageContents, Store};
use serde::Deserialize;

use super::Of;
use super::stream::writer;
use crate::server::error::{ApiError, ApiResult};
use crate::server::services::blocking;

/// Images whose way to their files is kept, at most: some tens of megabytes for one of a hundred thousand entries.
const KEPT_MAX: usize = 2;

/// The ways that are kept, the last one that was used at the end.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Vec<(Digest, Arc<ImageContents>)>>);

impl Kept {
    /// Keeps nothing any more.
    pub(in crate::server) fn forget(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clear();
    }

    /// The way to an image's files. Blocks.
    fn of(&self, store: &Store, name: &str) -> ApiResult<Arc<ImageContents>> {
        let image = store.resolve(name)?;
        {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = kept.iter().position(|(id, _)| *id == image.id) {
                let found = kept.remove(place);
                let contents = found.1.clone();
                kept.push(found);
                return Ok(contents);
            }
        }
        // Without the lock: the others need not wait. Two that come at once make it twice.
        let contents = Arc::new(store.contents(&image)?);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(id, _)| *id != image.id);
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        kept.push((image.id, contents.clone()));
        Ok(contents)
    }
}

/// The query of a file's part.
#[derive(Deserialize)]
pub(in crate::server) struct PartQuery {
    path: String,
    layer: Option<usize>,
    #[serde(default)]
    start: u64,
    length: Option<u64>,
}

/// `GET /api/v1/images/NAME/file?path=&layer=&start=&length=`
pub(in crate::server) async fn part(
    State(services): Of,
    Path(name): Path<String>,
    Query(query): Query<PartQuery>,
) -> ApiResult<Response> {
    let (bytes, layer, size) = blocking(move || {
        let contents = services.files.of(&services.store, &name)?;
        let path = normalise(query.path.as_bytes()).path;
        let file = contents.open(query.layer, &path)?;
        let length = query.length.unwrap_or(FILE_BYTES_MAX).min(FILE_BYTES_MAX);
        let bytes = file.part(query.start, length)?;
        Ok::<_, ApiError>((bytes, file.layer, file.size()))
    })
    .await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(BYTES)),
        (
            HeaderName::from_static(FILE_LAYER_HEADER),
            HeaderValue::from(layer),
        ),
        (
            HeaderName::from_static(FILE_SIZE_HEADER),
            HeaderValue::from(size),
        ),
    ];
    Ok((headers, bytes).into_response())
}

/// What a browser must not take for a page, whatever the bytes are.
const BYTES: &str = "application/octet-stream";

/// The query of what is saved.
#[derive(Deserialize)]
pub(in crate::server) struct WholeQuery {
    path: String,
    layer: Option<usize>,
}

/// `GET /api/v1/images/NAME/content?path=&layer=`
pub(in crate::server) async fn whole(
    State(services): Of,
    Path(name): Path<String>,
    Query(query): Query<WholeQuery>,
) -> ApiResult<Response> {
    let path = normalise(query.path.as_bytes()).path;
    let (inner, sought) = (services.clone(), path.clone());
    // What is wrong with the question is told before anything is sent.
    let (contents, is_folder) = blocking(move || {
        let contents = inner.files.of(&inner.store, &name)?;
        let is_folder = contents.is_folder(query.layer, &sought);
        if !is_folder {
            contents.open(query.layer, &sought)?;
        }
        Ok::<_, ApiError>((contents, is_folder))
    })
    .await?;
    let body = writer(move |out| {
        contents
            .download(query.layer, &path, out)
            .map_err(|error| {
                services
                    .log
                    .line(&format!("a file of an image broke off: {error}"));
            })
            .is_ok()
    });
    let kind = if is_folder {
        "application/x-tar"
    } else {
        BYTES
    };
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))];
    Ok((kind, body).into_response())
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        let (status, code) = match &error {
            AccessError::NoSuch { .. }
            | AccessError::NoSuchPath { .. }
            | AccessError::Removed { .. } => (StatusCode::NOT_FOUND, "no-such-path"),
            AccessError::NotAFile { .. } | AccessError::Dangling { .. } => {
                (StatusCode::CONFLICT, "not-a-file")
            }
            AccessError::Sparse { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            AccessError::NotHere | AccessError::Damaged { .. } | AccessError::Io { .. } => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        };
        Self::new(status, code, error)
    }
}
