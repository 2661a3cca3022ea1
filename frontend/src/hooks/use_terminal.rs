//! An attachment to a terminal: the screen, what is typed, what is shown, and the way back after a lost connection.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use estiva_shared::protocol::{
    ClientMessage, ErrorBody, ExecEvent, ServerMessage, TerminalFrame, TerminalFrameKind,
    TerminalSize,
};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::use_connection;
use crate::services::socket::{Incoming, Socket, Subscription};
use crate::services::terminal::{On, Screen};
use crate::state::terminal::{Input, TerminalState};

/// A terminal on the page.
#[derive(Clone, PartialEq)]
pub struct Terminal {
    /// How it stands.
    pub state: TerminalState,
    /// Why it can't be attached to.
    pub error: Option<ErrorBody>,
}

/// What is attached to.
#[derive(Clone, PartialEq)]
pub struct Target {
    /// The container's id.
    pub container: AttrValue,
    /// The exec's id; the container's own terminal where there is none.
    pub exec: Option<AttrValue>,
    /// The terminal's accessible name.
    pub label: AttrValue,
}

type Tell = Rc<dyn Fn(TerminalState, Option<ErrorBody>)>;

/// What the callbacks of one attachment share.
struct Attachment {
    screen: RefCell<Option<Screen>>,
    subscription: RefCell<Option<Subscription>>,
    input: RefCell<Input>,
    /// Grows with each connection: what was shown of an earlier one is nobody's business any more.
    epoch: Cell<u32>,
    takes_input: Cell<bool>,
    over: Cell<bool>,
}

/// Attaches, and shows it in `host`. `on_leave` is called when the key is pressed that leaves the terminal.
#[hook]
pub fn use_terminal(host: NodeRef, target: Target, on_leave: Callback<()>) -> Terminal {
    let connection = use_connection();
    let state = use_state(|| (TerminalState::Attaching, None));
    {
        let setter = state.setter();
        let dependencies = (connection.socket, target);
        use_effect_with(dependencies, move |(socket, target)| {
            let tell: Tell = Rc::new(move |state, error| setter.set((state, error)));
            tell(TerminalState::Attaching, None);
            let attachment = Rc::new(Attachment {
                screen: RefCell::default(),
                subscription: RefCell::default(),
                input: RefCell::default(),
                epoch: Cell::new(0),
                takes_input: Cell::new(false),
                over: Cell::new(false),
            });
            let (socket, target, kept) = (socket.clone(), target.clone(), Rc::clone(&attachment));
            spawn_local(async move { begin(kept, host, socket, target, on_leave, tell).await });
            move || {
                attachment.over.set(true);
                attachment.subscription.take();
                attachment.screen.take();
            }
        });
    }
    // Its own connection tells of a loss at once, and of the way back only when it is there.
    let adrift = !connection.phase.is_connected();
    let shown = match &state.0 {
        TerminalState::Live | TerminalState::Shown | TerminalState::Attaching if adrift => {
            TerminalState::Adrift
        }
        other => other.clone(),
    };
    Terminal {
        state: shown,
        error: state.1.clone(),
    }
}

async fn begin(
    attachment: Rc<Attachment>,
    host: NodeRef,
    socket: Socket,
    target: Target,
    on_leave: Callback<()>,
    tell: Tell,
) {
    let on = On {
        typed: with(&attachment, Attachment::typed),
        shown: with(&attachment, Attachment::shown),
        resized: with(&attachment, Attachment::resized),
        left: on_leave,
    };
    let screen = match Screen::open(&host, &target.label, on).await {
        Ok(screen) => screen,
        Err(message) => {
            return tell(TerminalState::Failed, Some(unopened(message)));
        }
    };
    // The page may have gone on meanwhile.
    if attachment.over.get() {
        return;
    }
    let size = screen.size();
    screen.focus();
    attachment.screen.replace(Some(screen));
    let weak = Rc::downgrade(&attachment);
    let on = Callback::from(move |incoming| {
        if let Some(attachment) = weak.upgrade() {
            attachment.heard(incoming, &tell);
        }
    });
    let subscription = socket.start(
        |id| ClientMessage::Attach {
            id,
            container: target.container.to_string(),
            exec: target.exec.as_ref().map(ToString::to_string),
            size: Some(size),
        },
        true,
        on,
    );
    attachment.subscription.replace(Some(subscription));
}

fn with<T: 'static>(attachment: &Rc<Attachment>, work: fn(&Attachment, T)) -> Callback<T> {
    let weak = Rc::downgrade(attachment);
    Callback::from(move |value| {
        if let Some(attachment) = weak.upgrade() {
            work(&attachment, value);
        }
    })
}

impl Attachment {
    fn tell(&self, message: impl FnOnce(u64) -> ClientMessage) {
        if let Some(subscription) = &*self.subscription.borrow() {
            subscription.tell(message);
        }
    }

    fn typed(&self, bytes: Vec<u8>) {
        if self.takes_input.get() {
            self.input.borrow_mut().push(&bytes);
            self.send();
        }
    }

    fn send(&self) {
        loop {
            let Some(bytes) = self.input.borrow_mut().take() else {
                return;
            };
            self.tell(|id| {
                ClientMessage::Terminal(TerminalFrame {
                    id,
                    kind: TerminalFrameKind::Input,
                    bytes,
                })
            });
        }
    }

    fn shown(&self, (bytes, epoch): (u64, u32)) {
        if epoch == self.epoch.get() {
            self.tell(|id| ClientMessage::Shown { id, bytes });
        }
    }

    fn resized(&self, size: TerminalSize) {
        self.tell(|id| ClientMessage::Resize { id, size });
    }

    fn heard(&self, incoming: Incoming, tell: &Tell) {
        let screen = self.screen.borrow();
        let Some(screen) = &*screen else { return };
        match incoming {
            Incoming::Message(ServerMessage::Attached { interactive, .. }) => {
                self.takes_input.set(interactive);
                // It may have changed since this was asked for the first time.
                self.resized(screen.size());
                self.send();
                tell(
                    if interactive {
                        TerminalState::Live
                    } else {
                        TerminalState::Shown
                    },
                    None,
                );
            }
            Incoming::Message(ServerMessage::Terminal(frame)) => {
                screen.write(&frame.bytes, self.epoch.get());
            }
            Incoming::Message(ServerMessage::Taken { bytes, .. }) => {
                self.input.borrow_mut().taken(bytes);
                self.send();
            }
            Incoming::Message(ServerMessage::Exec {
                event: ExecEvent::Exited { code, .. },
                ..
            }) => {
                screen.stop();
                self.takes_input.set(false);
                tell(TerminalState::Ended(code), None);
            }
            Incoming::Message(ServerMessage::Ended {
                error: Some(error), ..
            }) => {
                screen.stop();
                self.takes_input.set(false);
                tell(TerminalState::Failed, Some(error));
            }
            Incoming::Resumed => {
                self.epoch.set(self.epoch.get().wrapping_add(1));
                self.input.borrow_mut().restart();
                screen.reset();
                tell(TerminalState::Attaching, None);
            }
            Incoming::Message(_) | Incoming::Lost => {}
        }
    }
}

fn unopened(message: String) -> ErrorBody {
    ErrorBody {
        code: "no-terminal".into(),
        message,
        hint: None,
    }
}
