//! The build that the page follows. It belongs to the app, so that looking at another page does not end it.

use std::cell::RefCell;
use std::rc::Rc;

use estiva_shared::protocol::{
    BuildContext, BuildEvent, BuildRequest, ClientMessage, ErrorBody, ServerMessage,
};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::Connection;
use crate::services::api;
use crate::services::folder::{self, Folder};
use crate::services::http::Upload;
use crate::services::socket::{Incoming, Socket, Subscription};
use crate::services::timer::now_ms;
use crate::state::build_run::{BuildAction, BuildPhase, BuildRun, CANCELLED, failure_of};
use crate::state::context;

type Dispatch = UseReducerDispatcher<BuildRun>;

/// The build, and what can be done with it.
#[derive(Clone)]
pub struct BuildHandle {
    /// How far it is.
    pub run: UseReducerHandle<BuildRun>,
    dispatch: Dispatch,
    socket: Socket,
    running: Rc<RefCell<Running>>,
}

#[derive(Default)]
struct Running {
    // Counts builds, so that what is left of a stopped one does not go on.
    number: u64,
    subscription: Option<Subscription>,
    // Its context on the way; letting go of it stops it.
    upload: Option<Upload>,
}

impl PartialEq for BuildHandle {
    fn eq(&self, other: &Self) -> bool {
        self.run == other.run && self.socket == other.socket
    }
}

impl BuildHandle {
    /// Builds what is on the server, or no files at all.
    pub fn start(&self, request: BuildRequest) {
        self.begin(BuildPhase::Starting);
        self.ask(request);
    }

    /// Sends what `.dockerignore` leaves of a folder, then builds it.
    pub fn start_with(&self, folder: Rc<Folder>, request: BuildRequest) {
        let number = self.begin(BuildPhase::Packing);
        let this = self.clone();
        spawn_local(async move {
            let packed = context::archive(&folder.files).ok();
            let Some(blob) = packed.and_then(|parts| folder::join(&parts, &folder.handles)) else {
                return this.end_with(
                    "unpackable",
                    "expected a folder that can be packed, but one of its paths can't be",
                );
            };
            if this.running.borrow().number != number {
                return;
            }
            let dispatch = this.dispatch.clone();
            let told = this.running.clone();
            let (upload, sent) = api::send_context(blob, move |done_bytes, total_bytes| {
                if told.borrow().number == number {
                    dispatch.dispatch(BuildAction::Phase(BuildPhase::Uploading {
                        done_bytes,
                        total_bytes,
                    }));
                }
            });
            this.running.borrow_mut().upload = Some(upload);
            let sent = sent.await;
            if this.running.borrow().number != number {
                return;
            }
            match sent {
                Ok(context) => {
                    this.dispatch
                        .dispatch(BuildAction::Phase(BuildPhase::Starting));
                    this.ask(BuildRequest {
                        context: BuildContext::Uploaded { id: context.id },
                        ..request
                    });
                }
                Err(error) => this
                    .dispatch
                    .dispatch(BuildAction::Ended(Some(error), now_ms())),
            }
        });
    }

    /// Stops it.
    pub fn stop(&self) {
        self.let_go();
        self.end_with(CANCELLED, "the build was stopped");
    }

    fn begin(&self, phase: BuildPhase) -> u64 {
        self.dispatch.dispatch(BuildAction::Reset(phase));
        self.let_go()
    }

    /// Lets go of what is under way; what comes next has this number.
    fn let_go(&self) -> u64 {
        let (number, upload) = {
            let mut running = self.running.borrow_mut();
            running.number += 1;
            running.subscription = None;
            (running.number, running.upload.take())
        };
        // The browser tells of an upload's end while it is stopped, and who is told looks here again.
        drop(upload);
        number
    }

    fn ask(&self, request: BuildRequest) {
        let dispatch = self.dispatch.clone();
        let on = Callback::from(move |incoming| match incoming {
            Incoming::Message(ServerMessage::Build { event, .. }) => {
                dispatch.dispatch(BuildAction::Event(event, now_ms()));
            }
            Incoming::Message(ServerMessage::Ended { error, .. }) => {
                dispatch.dispatch(BuildAction::Ended(error, now_ms()))
            }
            Incoming::Lost => dispatch.dispatch(BuildAction::Lost(now_ms())),
            Incoming::Message(_) | Incoming::Resumed => {}
        });
        let subscription = self
            .socket
            .start(|id| ClientMessage::Build { id, request }, false, on);
        self.running.borrow_mut().subscription = Some(subscription);
    }

    fn end_with(&self, code: &str, message: &str) {
        let error = ErrorBody {
            code: code.into(),
            message: message.into(),
            hint: None,
        };
        let event = BuildEvent::Failed(failure_of(error));
        self.dispatch.dispatch(BuildAction::Event(event, now_ms()));
    }
}

/// Owns the build; called once, by the app.
#[hook]
pub fn use_build_handle(connection: &Connection) -> BuildHandle {
    let run = use_reducer(BuildRun::default);
    let running = use_mut_ref(Running::default);
    BuildHandle {
        dispatch: run.dispatcher(),
        run,
        socket: connection.socket.clone(),
        running,
    }
}
