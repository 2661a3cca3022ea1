//! A base image that is made from the host's packages, as the wire knows it: what is asked for, and what happens.

use serde::{Deserialize, Serialize};

use super::{ErrorBody, ImageSummary};

/// What a client asks for with `POST /api/v1/bases/debian` and `POST /api/v1/bases/node`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseRequest {
    /// Debian's release, by its code name; `bookworm` where none is given.
    #[serde(default)]
    pub suite: Option<String>,
}

/// What happens while it is made; each is a line of JSON in the answer's body. It ends with [`BaseEvent::Done`] or
/// [`BaseEvent::Failed`]; a body that ends without either was broken off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum BaseEvent {
    /// The package manager says how far it is.
    Line {
        /// Its words, made safe to show.
        text: String,
    },
    /// It is still being made.
    Alive,
    /// It is there.
    Done(ImageSummary),
    /// It could not be made.
    Failed(ErrorBody),
}
