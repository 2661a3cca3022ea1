//! The WebSocket: one connection, many subscriptions, and the way back after it is lost.
//!
//! What a page follows (lists, logs, samples) is asked for again under its number when the connection is back, and the
//! subscriber is told ([`Incoming::Resumed`]) to begin anew. A build ends with its connection, so it is not asked again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use estiva_shared::protocol::{
    ClientMessage, ErrorBody, FRAME_BYTES_MAX, PROTOCOL_VERSION, ServerMessage, TerminalFrame,
};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, MessageEvent, WebSocket};
use yew::Callback;

use super::timer::{Timer, random};
use super::{address, storage};
use crate::state::connection::{Happening, Phase, back_off_ms};

/// What a subscriber is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// A message under the subscription's number.
    Message(ServerMessage),
    /// The connection was lost and is back; all is sent again from its start.
    Resumed,
    /// The connection was lost, and this is over.
    Lost,
}

/// The connection. Clones are the same one.
#[derive(Clone)]
pub struct Socket(Rc<RefCell<Inner>>);

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// Something that was started; dropping it ends it on the server too.
pub struct Subscription {
    socket: Socket,
    id: u64,
}

struct Inner {
    phase: Phase,
    on_phase: Callback<Phase>,
    open: Option<Open>,
    retry: Option<Timer>,
    next_id: u64,
    subscribers: BTreeMap<u64, Subscriber>,
}

struct Open {
    socket: WebSocket,
    // Kept alive for the browser to call.
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut()>,
}

struct Subscriber {
    message: ClientMessage,
    resumes: bool,
    to: Callback<Incoming>,
}

impl Socket {
    /// A connection that is not made yet; each change of its phase is told.
    pub fn new(on_phase: Callback<Phase>) -> Socket {
        Socket(Rc::new(RefCell::new(Inner {
            phase: Phase::Offline,
            on_phase,
            open: None,
            retry: None,
            next_id: 1,
            subscribers: BTreeMap::new(),
        })))
    }

    /// Tells of something that happened outside of it, such as a code found in the address.
    pub fn happened(&self, happening: Happening) {
        let (phase, tell) = {
            let mut inner = self.0.borrow_mut();
            inner.phase = inner.phase.after(happening);
            (inner.phase.clone(), inner.on_phase.clone())
        };
        tell.emit(phase);
    }

    /// Connects with the token at hand, now; also what "try now" does.
    pub fn connect(&self) {
        let opened = self.open();
        if opened.is_none() {
            self.closed();
        }
    }

    /// Starts what a message asks for, which is made with the number it gets. Where `resumes`, it is asked for again
    /// after a lost connection.
    pub fn start(
        &self,
        message: impl FnOnce(u64) -> ClientMessage,
        resumes: bool,
        to: Callback<Incoming>,
    ) -> Subscription {
        let id = {
            let mut inner = self.0.borrow_mut();
            let id = inner.next_id;
            inner.next_id += 1;
            let message = message(id);
            inner.subscribers.insert(
                id,
                Subscriber {
                    message,
                    resumes,
                    to,
                },
            );
            id
        };
        if self.0.borrow().phase.is_connected() {
            self.ask(id);
        }
        Subscription {
            socket: self.clone(),
            id,
        }
    }

    fn open(&self) -> Option<()> {
        let socket = WebSocket::new(&address::socket_address()?).ok()?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let opened = {
            let (this, socket) = (self.clone(), socket.clone());
            Closure::<dyn FnMut()>::new(move || this.greet(&socket))
        };
        let message = {
            let this = self.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                let data = event.data();
                if let Some(text) = data.as_string() {
                    this.take(&text);
                } else if let Ok(bytes) = data.dyn_into::<ArrayBuffer>() {
                    this.take_bytes(&Uint8Array::new(&bytes).to_vec());
                }
            })
        };
        let closed = {
            let this = self.clone();
            Closure::<dyn FnMut()>::new(move || this.closed())
        };
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        let before = {
            let mut inner = self.0.borrow_mut();
            inner.retry = None;
            inner.open.replace(Open {
                socket,
                _on_open: opened,
                _on_message: message,
                _on_close: closed,
            })
        };
        if let Some(before) = before {
            before.quit();
        }
        Some(())
    }

    fn greet(&self, socket: &WebSocket) {
        let hello = ClientMessage::Hello {
            protocol: PROTOCOL_VERSION,
            token: storage::token(),
        };
        send(socket, &hello);
    }

    fn take(&self, text: &str) {
        // A message of a later minor version is skipped; another protocol is refused at the greeting.
        let Ok(message) = serde_json::from_str::<ServerMessage>(text) else {
            return;
        };
        match message {
            ServerMessage::Welcome { version, .. } => self.welcomed(version),
            ServerMessage::Refused(error) => {
                storage::forget_token();
                self.happened(Happening::Refused(error));
            }
            message => self.deliver(message),
        }
    }

    fn take_bytes(&self, bytes: &[u8]) {
        if let Ok(frame) = TerminalFrame::decode(bytes) {
            self.deliver(ServerMessage::Terminal(frame));
        }
    }

    fn welcomed(&self, version: String) {
        let again = matches!(self.0.borrow().phase, Phase::Reconnecting { .. });
        self.happened(Happening::Welcome { version });
        let all: Vec<(u64, Callback<Incoming>)> = self
            .0
            .borrow()
            .subscribers
            .iter()
            .map(|(id, subscriber)| (*id, subscriber.to.clone()))
            .collect();
        for (id, to) in all {
            if again {
                to.emit(Incoming::Resumed);
            }
            self.ask(id);
        }
    }

    fn deliver(&self, message: ServerMessage) {
        let Some(id) = number_of(&message) else {
            return;
        };
        let ends = matches!(message, ServerMessage::Ended { .. });
        let to = {
            let mut inner = self.0.borrow_mut();
            let to = inner
                .subscribers
                .get(&id)
                .map(|subscriber| subscriber.to.clone());
            if ends {
                inner.subscribers.remove(&id);
            }
            to
        };
        if let Some(to) = to {
            to.emit(Incoming::Message(message));
        }
    }

    fn closed(&self) {
        self.happened(Happening::Closed);
        let lost: Vec<Callback<Incoming>> = {
            let mut inner = self.0.borrow_mut();
            let over: Vec<u64> = inner
                .subscribers
                .iter()
                .filter(|(_, subscriber)| !subscriber.resumes)
                .map(|(id, _)| *id)
                .collect();
            over.iter()
                .filter_map(|id| inner.subscribers.remove(id))
                .map(|subscriber| subscriber.to)
                .collect()
        };
        for to in lost {
            to.emit(Incoming::Lost);
        }
        let attempt = match self.0.borrow().phase {
            Phase::Reconnecting { attempt } => attempt,
            _ => return,
        };
        let this = self.clone();
        let retry = Timer::after(back_off_ms(attempt, random()), move || this.connect());
        self.0.borrow_mut().retry = retry;
    }

    fn ask(&self, id: u64) {
        let (sent, to) = {
            let inner = self.0.borrow();
            let (Some(open), Some(subscriber)) = (&inner.open, inner.subscribers.get(&id)) else {
                return;
            };
            (
                send(&open.socket, &subscriber.message),
                subscriber.to.clone(),
            )
        };
        if !sent {
            self.0.borrow_mut().subscribers.remove(&id);
            to.emit(Incoming::Message(ServerMessage::Ended {
                id,
                error: Some(too_long()),
            }));
        }
    }
}

impl Open {
    /// Closes a connection that another takes the place of, without its end being told.
    fn quit(self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}

impl Subscription {
    /// Says something more to what was started, in a message that is made with its number. Lost where there is no
    /// connection, as what was started is then.
    pub fn tell(&self, message: impl FnOnce(u64) -> ClientMessage) {
        let inner = self.socket.0.borrow();
        if let (true, Some(open)) = (inner.phase.is_connected(), &inner.open)
            && inner.subscribers.contains_key(&self.id)
        {
            send(&open.socket, &message(self.id));
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut inner = self.socket.0.borrow_mut();
        let known = inner.subscribers.remove(&self.id).is_some();
        if let (true, true, Some(open)) = (known, inner.phase.is_connected(), &inner.open) {
            send(&open.socket, &ClientMessage::Cancel { id: self.id });
        }
    }
}

/// Sends a message; false if it is longer than the server takes. One that the browser can't send is lost with its
/// connection, whose end is told by itself.
fn send(socket: &WebSocket, message: &ClientMessage) -> bool {
    if let ClientMessage::Terminal(frame) = message {
        let _ = socket.send_with_u8_array(&frame.encode());
        return true;
    }
    let Ok(text) = serde_json::to_string(message) else {
        return false;
    };
    if text.len() > FRAME_BYTES_MAX {
        return false;
    }
    let _ = socket.send_with_str(&text);
    true
}

fn number_of(message: &ServerMessage) -> Option<u64> {
    match message {
        ServerMessage::Build { id, .. }
        | ServerMessage::Containers { id, .. }
        | ServerMessage::Images { id, .. }
        | ServerMessage::Logs { id, .. }
        | ServerMessage::Stats { id, .. }
        | ServerMessage::Exec { id, .. }
        | ServerMessage::Attached { id, .. }
        | ServerMessage::Taken { id, .. }
        | ServerMessage::Terminal(TerminalFrame { id, .. })
        | ServerMessage::Transfer { id, .. }
        | ServerMessage::Ended { id, .. } => Some(*id),
        _ => None,
    }
}

fn too_long() -> ErrorBody {
    ErrorBody {
        code: "too-long".into(),
        message: format!(
            "expected a message of at most {FRAME_BYTES_MAX} bytes, but this one is longer"
        ),
        hint: None,
    }
}
