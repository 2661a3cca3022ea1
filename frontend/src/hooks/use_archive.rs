//! The archive that the inspector has open: read by a worker of its own, kept while one looks at other pages.

use web_sys::File;
use yew::prelude::*;

use crate::services::analyser::{Analyser, Reply};
use crate::state::by_address::ByAddress;
use crate::state::summary::Summary;
use crate::workers::Answer;

/// How far an archive is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ArchiveState {
    /// None is open.
    #[default]
    Closed,
    /// It is being read.
    Reading {
        /// The file's name.
        name: String,
        /// Bytes read.
        done_bytes: u64,
        /// Bytes in all.
        total_bytes: u64,
    },
    /// It is open.
    Open {
        /// The file's name.
        name: String,
        /// The images in it.
        images: Vec<ByAddress<Summary>>,
    },
    /// It could not be read.
    Failed {
        /// The file's name.
        name: String,
        /// Why.
        message: String,
        /// The worker fell over, and was started again.
        crashed: bool,
    },
}

/// The inspector's archive, and what can be done with it.
#[derive(Clone, PartialEq)]
pub struct ArchiveHandle {
    /// How far it is.
    pub state: ArchiveState,
    /// Opens a file in its place.
    pub open: Callback<File>,
    /// Holds what is in its images.
    pub reader: Analyser,
    /// Closes it, or stops reading it.
    pub close: Callback<()>,
}

/// Owns the archive; called once, by the app.
#[hook]
pub fn use_archive_handle() -> ArchiveHandle {
    let state = use_state(ArchiveState::default);
    let analyser = use_memo((), |()| Analyser::default());
    let reader = (*analyser).clone();
    let open = {
        let (state, analyser) = (state.setter(), analyser.clone());
        Callback::from(move |file: File| {
            analyser.cancel();
            let name = file.name();
            state.set(ArchiveState::Reading {
                name: name.clone(),
                done_bytes: 0,
                total_bytes: file.size() as u64,
            });
            let state = state.clone();
            analyser.inspect(
                file,
                Callback::from(move |reply| state.set(after(name.clone(), reply))),
            );
        })
    };
    let close = {
        let state = state.setter();
        Callback::from(move |()| {
            analyser.cancel();
            state.set(ArchiveState::Closed);
        })
    };
    ArchiveHandle {
        state: (*state).clone(),
        open,
        reader,
        close,
    }
}

fn after(name: String, reply: Reply) -> ArchiveState {
    match reply {
        Reply::Answer(Answer::Progress {
            done_bytes,
            total_bytes,
            ..
        }) => ArchiveState::Reading {
            name,
            done_bytes,
            total_bytes,
        },
        Reply::Answer(Answer::Images { images, .. }) => ArchiveState::Open {
            name,
            images: images.into_iter().map(ByAddress::new).collect(),
        },
        Reply::Answer(Answer::Failed { message, .. }) => ArchiveState::Failed {
            name,
            message,
            crashed: false,
        },
        Reply::Answer(Answer::Ready | Answer::Dockerfile { .. } | Answer::Tree { .. }) => {
            ArchiveState::Closed
        }
        Reply::Crashed(message) => ArchiveState::Failed {
            name,
            message,
            crashed: true,
        },
    }
}
