//! Reports: as a preview for who may share, and as a page for who has the link.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use estiva_shared::report::{self, BuildTimings, Lang, Report, RunText};
use serde::Deserialize;

use super::Of;
use crate::server::error::{ApiError, ApiResult};
use crate::server::headers::report_policy;
use crate::server::services::{Services, blocking};

/// Digits of a shared link's id.
const ID_DIGITS: usize = 32;

/// The query of a preview.
#[derive(Deserialize)]
pub(in crate::server) struct PreviewQuery {
    #[serde(default)]
    run_text: bool,
}

/// `GET /api/v1/images/NAME/report?run_text=true`
pub(in crate::server) async fn preview_json(
    State(services): Of,
    Path(name): Path<String>,
    Query(query): Query<PreviewQuery>,
) -> ApiResult<Response> {
    let report = blocking(move || make(&services, &name, query.run_text)).await?;
    Ok(json(report::canonical_json(&report)))
}

/// `GET /api/v1/images/NAME/report.html?run_text=true`
pub(in crate::server) async fn preview_page(
    State(services): Of,
    Path(name): Path<String>,
    Query(query): Query<PreviewQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let report = blocking(move || make(&services, &name, query.run_text)).await?;
    Ok(page(&report, &headers))
}

/// `GET /s/ID`
pub(in crate::server) async fn shared_page(
    State(services): Of,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let bytes = shared(&services, id).await?;
    let report = report::parse(&bytes)
        .map_err(|error| ApiError::internal(format_args!("the report can't be read: {error}")))?;
    Ok(page(&report, &headers))
}

/// `GET /s/ID/report.json`
pub(in crate::server) async fn shared_json(
    State(services): Of,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    Ok(json(shared(&services, id).await?))
}

/// The report of an image, as it would be shared now. Blocks.
pub(in crate::server) fn make(
    services: &Services,
    name: &str,
    run_text: bool,
) -> ApiResult<Report> {
    let store = &services.store;
    let image = store.resolve(name)?;
    let timings: Option<BuildTimings> = store.build_of(&image.id)?;
    let run_text = if run_text {
        RunText::Shown
    } else {
        RunText::Hidden
    };
    // Asked for by its name it is called so; by its id, by its first name.
    let asked = name
        .parse::<estiva_shared::image::Reference>()
        .ok()
        .filter(|asked| image.names.contains(asked));
    let called = asked
        .as_ref()
        .or(image.names.first())
        .map_or_else(|| image.id.to_string(), |name| name.familiar());
    Ok(Report::build(
        &called,
        &store.analysis(&image)?,
        timings.as_ref(),
        run_text,
    ))
}

async fn shared(services: &Services, id: String) -> ApiResult<Vec<u8>> {
    let unknown = || {
        ApiError::not_found(
            "unknown-report",
            "no report is at this link, or it was withdrawn",
        )
    };
    if id.len() != ID_DIGITS || !id.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(unknown());
    }
    let store = services.store.clone();
    blocking(move || store.report(&id))
        .await?
        .ok_or_else(unknown)
}

fn json(bytes: Vec<u8>) -> Response {
    (
        [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )],
        bytes,
    )
        .into_response()
}

fn page(report: &Report, headers: &HeaderMap) -> Response {
    let html = report::html(report, language(headers));
    let policy = HeaderValue::try_from(report_policy(&html))
        .expect("the policy is made of ASCII words and base64");
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

/// The first language of `Accept-Language` that a report knows; its order is taken for its preference, as browsers send it.
fn language(headers: &HeaderMap) -> Lang {
    let accepted = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    accepted
        .split(',')
        .filter_map(|range| range.split([';', '-']).next())
        .find_map(
            |language| match language.trim().to_ascii_lowercase().as_str() {
                "pt" => Some(Lang::Portuguese),
                "en" => Some(Lang::English),
                _ => None,
            },
        )
        .unwrap_or(Lang::English)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readers_language_is_taken_where_there_is_a_page_in_it() {
        for (accepted, expected) in [
            ("pt-BR,pt;q=0.9,en;q=0.8", Lang::Portuguese),
            ("en-US,pt;q=0.5", Lang::English),
            ("de, pt;q=0.7", Lang::Portuguese),
            ("fr", Lang::English),
            ("", Lang::English),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
            assert_eq!(language(&headers), expected, "{accepted}");
        }
    }
}
