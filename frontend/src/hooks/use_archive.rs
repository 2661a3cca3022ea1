//! The archive that the inspector has open: read by a worker of its own, kept while one looks at other pages.

use std::rc::Rc;

use estiva_shared::report::Report;
use web_sys::File;
use yew::prelude::*;

use crate::services::analyser::{Analyser, Reply};
use crate::services::folder::Folder;
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
        /// Layers of them that are known from another time.
        kept: usize,
    },
    /// It is a report, not an archive.
    Report {
        /// The file's name.
        name: String,
        /// What it says.
        report: Rc<Report>,
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
    /// Opens a folder that holds an image layout in its place.
    pub open_folder: Callback<Folder>,
    /// Opens a file of JSON in its place: a report, or an analysis that the command line wrote.
    pub open_json: Callback<File>,
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
    // What begins to be read takes the place of all that is open or read.
    let begin = {
        let (state, analyser) = (state.setter(), analyser.clone());
        move |name: String, total_bytes: u64| {
            analyser.cancel();
            state.set(ArchiveState::Reading {
                name: name.clone(),
                done_bytes: 0,
                total_bytes,
            });
            let state = state.clone();
            Callback::from(move |reply| state.set(after(name.clone(), reply)))
        }
    };
    let open = {
        let (begin, analyser) = (begin.clone(), analyser.clone());
        Callback::from(move |file: File| {
            let reply = begin(file.name(), file.size() as u64);
            analyser.inspect(file, reply);
        })
    };
    let open_folder = {
        let (begin, analyser) = (begin.clone(), analyser.clone());
        Callback::from(move |folder: Folder| {
            let bytes = folder.files.iter().map(|file| file.size_bytes);
            let reply = begin(folder.name.clone(), bytes.sum());
            analyser.inspect_folder(folder, reply);
        })
    };
    let open_json = {
        let analyser = analyser.clone();
        Callback::from(move |file: File| {
            let reply = begin(file.name(), file.size() as u64);
            analyser.read_json(file, reply);
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
        open_folder,
        open_json,
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
        Reply::Answer(Answer::Images { images, kept, .. }) => ArchiveState::Open {
            name,
            images: images.into_iter().map(ByAddress::new).collect(),
            kept,
        },
        Reply::Answer(Answer::Report { report, .. }) => ArchiveState::Report {
            name,
            report: Rc::from(report),
        },
        Reply::Answer(Answer::Failed { message, .. }) => ArchiveState::Failed {
            name,
            message,
            crashed: false,
        },
        Reply::Answer(
            Answer::Ready
            | Answer::Dockerfile { .. }
            | Answer::Layer { .. }
            | Answer::Forgotten { .. }
            | Answer::Compared { .. }
            | Answer::Differences { .. }
            | Answer::Sbom { .. }
            | Answer::AnalysisJson { .. }
            | Answer::Files { .. }
            | Answer::Map { .. }
            | Answer::WhatIf { .. }
            | Answer::Documents { .. }
            | Answer::Content { .. }
            | Answer::Versions { .. }
            | Answer::Piece { .. },
        ) => ArchiveState::Closed,
        Reply::Crashed(message) => ArchiveState::Failed {
            name,
            message,
            crashed: true,
        },
    }
}
