//! The HTTP edge's one error: what a client may know, and beside it what the log gets.
//!
//! Every enum of the crates below becomes it in one place, the `From` table at the end, so that a fault has the same
//! status and code on every route.

use std::fmt::Display;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use estiva_engine::EngineError;
use estiva_shared::protocol::ErrorBody;
use estiva_store::{BaseError, StoreError};

use super::guard::Refusal;
use super::session::CodeError;

/// An error as a route answers it.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
}

/// What routes return.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// An error of this status, with a stable code and a sentence.
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Display) -> Self {
        Self {
            status,
            body: ErrorBody {
                code: code.to_owned(),
                message: message.to_string(),
                hint: None,
            },
        }
    }

    /// What was asked can't be understood or done as asked.
    pub(crate) fn bad_request(code: &str, message: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// What was asked for is not there.
    pub(crate) fn not_found(code: &str, message: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// A fault of the server or the host.
    pub(crate) fn internal(message: impl Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// The same, with what to do about it.
    pub(crate) fn hint(mut self, hint: Option<String>) -> Self {
        self.body.hint = hint;
        self
    }

    /// The body alone, for the WebSocket.
    pub(crate) fn into_body(self) -> ErrorBody {
        self.body
    }

    /// The status that it is answered with.
    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

/// An error's sentence with those of its causes, as far as they say more.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        use StatusCode as S;
        let message = with_causes(&error);
        if error.is_full() {
            return Self::new(S::INSUFFICIENT_STORAGE, "disk-full", message).hint(Some(
                "free some space on the disk of the root, or name another root".to_owned(),
            ));
        }
        match error {
            StoreError::UnknownImage { similar, .. } => {
                Self::not_found("unknown-image", message).hint(names_like_it(&similar))
            }
            StoreError::AmbiguousId { .. } => Self::bad_request("ambiguous-id", message)
                .hint(Some("give more of its digits".to_owned())),
            StoreError::SeveralNames { .. } => Self::new(S::CONFLICT, "several-names", message),
            StoreError::InUse { .. } => Self::new(S::CONFLICT, "image-in-use", message).hint(Some(
                "remove those containers first: estiva rm NAME".to_owned(),
            )),
            StoreError::Extract(_) | StoreError::Archive(_) | StoreError::DigestMismatch { .. } => {
                Self::new(S::UNPROCESSABLE_ENTITY, "bad-archive", message)
            }
            StoreError::TooManyLayers { .. } | StoreError::TooLarge { .. } => {
                Self::new(S::UNPROCESSABLE_ENTITY, "too-large", message)
            }
            StoreError::Base(BaseError::BadSuite { .. }) => {
                Self::bad_request("bad-request", message)
            }
            StoreError::Base(base) => {
                Self::new(S::UNPROCESSABLE_ENTITY, "no-base", message).hint(base.hint())
            }
            _ => Self::new(S::INTERNAL_SERVER_ERROR, "store", message),
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        use StatusCode as S;
        let status = match error {
            EngineError::UnknownContainer { .. }
            | EngineError::UnknownImage { .. }
            | EngineError::UnknownExec { .. }
            | EngineError::UnknownVolume { .. } => S::NOT_FOUND,
            EngineError::NameTaken { .. }
            | EngineError::PortTaken { .. }
            | EngineError::WrongState { .. }
            | EngineError::VolumeInUse { .. } => S::CONFLICT,
            EngineError::AmbiguousId { .. }
            | EngineError::BadName { .. }
            | EngineError::BadVolumeName { .. }
            | EngineError::MountSource { .. }
            | EngineError::BadLimit { .. }
            | EngineError::BadRequest { .. }
            | EngineError::NoCommand { .. }
            | EngineError::PortUnusable { .. }
            | EngineError::UnknownSignal { .. } => S::BAD_REQUEST,
            EngineError::ProgramNotFound { .. }
            | EngineError::ProgramNotExecutable { .. }
            | EngineError::NoHostCa(_) => S::UNPROCESSABLE_ENTITY,
            _ => S::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.code(), with_causes(&error)).hint(error.hint())
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        use StatusCode as S;
        let (status, code, hint) = match refusal {
            Refusal::Host(_) => (S::MISDIRECTED_REQUEST, "wrong-host", None),
            Refusal::Origin(_) => (S::FORBIDDEN, "wrong-origin", None),
            Refusal::Token => (
                S::UNAUTHORIZED,
                "no-token",
                Some("open the address that `estiva dashboard` prints"),
            ),
            Refusal::NotHere => (S::NOT_FOUND, "nothing-here", None),
            Refusal::OwnerOnly => (S::FORBIDDEN, "owner-only", None),
        };
        Self::new(status, code, refusal).hint(hint.map(str::to_owned))
    }
}

impl From<CodeError> for ApiError {
    fn from(error: CodeError) -> Self {
        use StatusCode as S;
        let again = Some("get a new address: estiva dashboard".to_owned());
        match error {
            CodeError::Wrong => Self::new(S::UNAUTHORIZED, "wrong-code", error).hint(again),
            CodeError::TooMany => Self::new(S::TOO_MANY_REQUESTS, "too-many-codes", error)
                .hint(Some("wait a minute".to_owned())),
            CodeError::NoRandomness => Self::internal(error),
        }
    }
}

impl From<tokio::task::JoinError> for ApiError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(format_args!("a task of the server failed: {error}"))
    }
}

pub(crate) fn names_like_it(similar: &[String]) -> Option<String> {
    (!similar.is_empty()).then(|| format!("names like it: {}", similar.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_image_offers_names_like_it() {
        let error = ApiError::from(StoreError::UnknownImage {
            name: "helo".to_owned(),
            similar: vec!["hello:latest".to_owned()],
        });
        assert_eq!(error.status(), StatusCode::NOT_FOUND);
        let body = error.into_body();
        assert_eq!(body.code, "unknown-image");
        assert_eq!(body.hint.as_deref(), Some("names like it: hello:latest"));
    }

    #[test]
    fn a_cause_that_says_more_is_told() {
        let source = std::io::Error::other("the disk burns");
        let error = EngineError::File {
            verb: "write",
            path: "/x".into(),
            source,
        };
        let message = ApiError::from(error).into_body().message;
        assert!(message.ends_with("/x: the disk burns"), "{message}");
    }
}
