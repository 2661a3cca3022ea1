//! An image of a registry in the inspector: its documents come first, its layers one after the other, when they are looked at.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use estiva_shared::image::Digest;
use estiva_shared::protocol::ErrorBody;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::use_archive::{ArchiveState, shared};
use crate::services::analyser::{Analyser, Reply};
use crate::services::api;
use crate::services::http::{CANCELLED, Upload};
use crate::state::by_address::ByAddress;
use estiva_worker::Answer;
use estiva_worker::summary::Summary;

/// How far an image of a registry is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemoteState {
    /// The image's name.
    pub reference: String,
    /// The layer that is on its way: its number, its bytes so far, and in all.
    pub fetching: Option<(usize, u64, u64)>,
    /// Why the last one did not come.
    pub failure: Option<ErrorBody>,
}

/// What is open, and what is still to come of it.
#[derive(Default)]
struct Session {
    /// Answers about what was open before are not for this one.
    number: u32,
    remote: RemoteState,
    images: Vec<ByAddress<Summary>>,
    waiting: VecDeque<usize>,
    /// Ends with this.
    under_way: Option<Upload>,
}

/// The way to images of registries.
#[derive(Clone)]
pub(super) struct RemoteImages {
    state: UseStateSetter<ArchiveState>,
    analyser: Analyser,
    session: Rc<RefCell<Session>>,
}

impl RemoteImages {
    pub(super) fn new(state: UseStateSetter<ArchiveState>, analyser: Analyser) -> Self {
        Self {
            state,
            analyser,
            session: Rc::default(),
        }
    }

    /// Something else is opened, or nothing any more.
    pub(super) fn leave(&self) -> u32 {
        let number = self.session.borrow().number + 1;
        // What was under way ends here, once the session is no longer borrowed.
        drop(self.session.replace(Session {
            number,
            ..Session::default()
        }));
        number
    }

    /// Opens an image by its name.
    pub(super) fn open(&self, reference: String) {
        self.analyser.cancel();
        let number = self.leave();
        self.state.set(ArchiveState::Reading {
            name: reference.clone(),
            done_bytes: 0,
            total_bytes: 0,
        });
        let this = self.clone();
        spawn_local(async move {
            let found = api::remote_image(reference.clone()).await;
            if !this.is_current(number) {
                return;
            }
            let image = match found {
                Ok(image) => image,
                Err(error) => return this.failed(reference, error),
            };
            this.session.borrow_mut().remote.reference = reference;
            let opener = this.clone();
            let reply = Callback::from(move |reply| opener.take(number, reply));
            this.analyser.open_remote(image, reply);
        });
    }

    /// Fetches layers that are not read yet.
    pub(super) fn fetch(&self, layers: &[usize]) {
        {
            let mut session = self.session.borrow_mut();
            let Session {
                images,
                waiting,
                remote,
                ..
            } = &mut *session;
            let unread = images.first().map(|image| image.unread.clone());
            for layer in layers {
                let is_unread = unread.as_ref().is_some_and(|all| all.contains(layer));
                let is_coming = remote.fetching.is_some_and(|(coming, ..)| coming == *layer);
                if is_unread && !is_coming && !waiting.contains(layer) {
                    waiting.push_back(*layer);
                }
            }
            if remote.fetching.is_some() {
                return;
            }
        }
        self.next();
    }

    fn next(&self) {
        let (number, reference, next) = {
            let session = &mut *self.session.borrow_mut();
            let layers = session.images.first().map(|image| &image.image.layers);
            // One that no manifest names by a digest is nowhere to be asked for.
            let next = std::iter::from_fn(|| session.waiting.pop_front()).find_map(|number| {
                let layer = layers?.get(number)?;
                Some((
                    number,
                    layer.digest.parse::<Digest>().ok()?,
                    layer.size_bytes,
                ))
            });
            session.remote.fetching = next.map(|(layer, _, bytes)| (layer, 0, bytes));
            if next.is_some() {
                session.remote.failure = None;
            }
            (session.number, session.remote.reference.clone(), next)
        };
        self.show();
        let Some((_, digest, _)) = next else { return };
        let this = self.clone();
        let told = {
            let this = this.clone();
            move |done_bytes| {
                if this.is_current(number) {
                    if let Some((_, done, _)) = &mut this.session.borrow_mut().remote.fetching {
                        *done = done_bytes;
                    }
                    this.show();
                }
            }
        };
        let (under_way, work) = api::remote_layer(reference, digest, told);
        self.session.borrow_mut().under_way = Some(under_way);
        spawn_local(async move {
            let came = work.await;
            if !this.is_current(number) {
                return;
            }
            match came {
                Ok(blob) => {
                    let taker = this.clone();
                    let reply = Callback::from(move |reply| taker.take(number, reply));
                    this.analyser.take_layer(digest.to_string(), blob, reply);
                }
                Err(error) if error.code == CANCELLED => {}
                Err(error) => this.stop(error),
            }
        });
    }

    /// What the worker says of the image, or of a layer of it.
    fn take(&self, number: u32, reply: Reply) {
        if !self.is_current(number) {
            return;
        }
        match reply {
            Reply::Answer(Answer::Images { images, .. }) => {
                self.session.borrow_mut().images = shared(images);
                self.next();
            }
            Reply::Answer(Answer::Progress { .. }) => {}
            Reply::Answer(Answer::Failed { message, .. }) | Reply::Crashed(message) => {
                let error = ErrorBody {
                    code: "internal".into(),
                    message,
                    hint: None,
                };
                let reference = self.session.borrow().remote.reference.clone();
                self.failed(reference, error);
            }
            Reply::Answer(_) => {}
        }
    }

    /// A layer did not come; those that wait for it don't either.
    fn stop(&self, error: ErrorBody) {
        let mut session = self.session.borrow_mut();
        session.waiting.clear();
        session.under_way = None;
        session.remote.fetching = None;
        session.remote.failure = Some(error);
        drop(session);
        self.show();
    }

    fn failed(&self, name: String, error: ErrorBody) {
        let hint = error.hint.map(|hint| format!(" ({hint})"));
        self.state.set(ArchiveState::Failed {
            name,
            message: error.message + &hint.unwrap_or_default(),
            crashed: false,
        });
    }

    fn show(&self) {
        let session = self.session.borrow();
        if session.images.is_empty() {
            return;
        }
        self.state.set(ArchiveState::Open {
            name: session.remote.reference.clone(),
            images: session.images.clone(),
            kept: 0,
            reading: None,
            remote: Some(session.remote.clone()),
        });
    }

    fn is_current(&self, number: u32) -> bool {
        self.session.borrow().number == number
    }
}
