//! The archive that the inspector has open: read by a worker of its own, kept while one looks at other pages.

use std::cell::RefCell;
use std::rc::Rc;

use estiva_shared::report::Report;
use web_sys::File;
use yew::prelude::*;

use super::remote_images::{RemoteImages, RemoteState};
use crate::services::analyser::{Analyser, Reply};
use crate::services::folder::Folder;
use crate::state::by_address::ByAddress;
use estiva_worker::Answer;
use estiva_worker::summary::Summary;

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
        /// Layers that are read now: bytes so far, and in all; none once all is.
        reading: Option<(u64, u64)>,
        /// It is an image of a registry, whose layers come when they are looked at.
        remote: Option<RemoteState>,
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
    /// Opens an image where its registry has it, by its name.
    pub open_remote: Callback<String>,
    /// Fetches layers of that one.
    pub fetch_layers: Callback<Vec<usize>>,
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
    let remote = use_memo((), |()| RemoteImages::new(state.setter(), reader.clone()));
    // What begins to be read takes the place of all that is open or read.
    let begin = {
        let (state, analyser, remote) = (state.setter(), analyser.clone(), remote.clone());
        move |name: String, total_bytes: u64| {
            analyser.cancel();
            remote.leave();
            state.set(ArchiveState::Reading {
                name: name.clone(),
                done_bytes: 0,
                total_bytes,
            });
            let (state, so_far) = (state.clone(), RefCell::default());
            Callback::from(move |reply| state.set(after(name.clone(), &so_far, reply)))
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
        let (state, remote) = (state.setter(), remote.clone());
        Callback::from(move |()| {
            analyser.cancel();
            remote.leave();
            state.set(ArchiveState::Closed);
        })
    };
    ArchiveHandle {
        state: (*state).clone(),
        open,
        open_folder,
        open_json,
        open_remote: {
            let remote = remote.clone();
            Callback::from(move |reference| remote.open(reference))
        },
        fetch_layers: Callback::from(move |layers: Vec<usize>| remote.fetch(&layers)),
        reader,
        close,
    }
}

/// The images as far as they are read, while there is more to read.
type SoFar = RefCell<Option<Vec<ByAddress<Summary>>>>;

/// Images as states share them.
pub(super) fn shared(images: Vec<Summary>) -> Vec<ByAddress<Summary>> {
    images.into_iter().map(ByAddress::new).collect()
}

fn after(name: String, so_far: &SoFar, reply: Reply) -> ArchiveState {
    let mut known = so_far.borrow_mut();
    match reply {
        Reply::Answer(Answer::SoFar { images, .. }) => {
            let images = shared(images);
            *known = Some(images.clone());
            ArchiveState::Open {
                name,
                images,
                kept: 0,
                reading: Some((0, 0)),
                remote: None,
            }
        }
        Reply::Answer(Answer::Progress {
            done_bytes,
            total_bytes,
            ..
        }) if known.is_some() => ArchiveState::Open {
            name,
            images: known.clone().unwrap_or_default(),
            kept: 0,
            reading: Some((done_bytes, total_bytes)),
            remote: None,
        },
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
            images: shared(images),
            kept,
            reading: None,
            remote: None,
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
