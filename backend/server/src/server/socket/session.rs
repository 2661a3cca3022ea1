//! One WebSocket session: a greeting, then one `select!` over all that can happen, until the connection ends.
//!
//! It is generic over the sink, the stream and what can be started, so that tests run it over channels.
//!
//! Bounds: what was started puts its messages into one queue of [`QUEUE_MAX`]; where that is full it waits, so a slow
//! client slows its own build's output and its own logs, and nobody else's. A page that takes none for [`SEND_TIME`], or
//! says nothing for [`SILENCE_MAX`], is disconnected: its computer may have gone. The owner's client is on this host, and
//! the kernel tells when it is gone; it may be paused (Ctrl-Z, a pager) for as long as its user likes. What a connection
//! started ends with it: a build is cancelled, a process killed.

use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, close_code};
use estiva_shared::protocol::{
    ClientMessage, ErrorBody, PROTOCOL_VERSION, ServerMessage, TerminalFrame,
};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio::task::{self, AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout};

use crate::server::services::Ending;

/// How long the first message may take.
pub(crate) const HELLO_TIME: Duration = Duration::from_secs(5);

/// Messages that wait for a slow client.
const QUEUE_MAX: usize = 256;

/// How long a page may take none of them.
const SEND_TIME: Duration = Duration::from_secs(30);

/// How often a page is sent a ping; a connection without an answer to two is dead.
const PING_EVERY: Duration = Duration::from_secs(20);

/// How long a page may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How long the last words may take, to a client that may take none: much less than the server has for its end.
const FAREWELL_TIME: Duration = Duration::from_secs(5);

/// Things that one connection may have started at once: a page follows a handful.
const STARTED_MAX: usize = 64;

/// Where what was started sends its messages to.
pub(crate) type Outbox = mpsc::Sender<ServerMessage>;

/// What was started: it runs until it ends, and tells why where it did not end well.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<(), ErrorBody>> + Send>>;

/// What a client's message starts.
pub(crate) struct Started {
    /// It, running.
    pub(crate) running: Running,
    /// How to end it gently, such that it still tells its last; without one it is dropped where it stands.
    pub(crate) cancel: Option<Box<dyn Fn() + Send + Sync>>,
    /// Who hears what the client goes on to say to it, where it listens. It never waits; an error is a client that did
    /// wrong, which ends the session.
    pub(crate) listen: Option<Listen>,
}

/// Takes a message to something that was started.
pub(crate) type Listen = Box<dyn Fn(ClientMessage) -> Result<(), ErrorBody> + Send + Sync>;

/// What can be started. The session knows nothing of what a build is.
pub(crate) trait Start {
    /// Starts what the message asks for. Not called for `Hello` and `Cancel`.
    fn start(&self, message: ClientMessage, outbox: Outbox) -> Started;
}

/// Why a client is trusted, or what it has to show.
pub(crate) enum Trust {
    /// It came through the Unix socket.
    Owner,
    /// It has to show a token that this knows. Dropped when the greeting is over.
    Token(Box<dyn Fn(&str) -> bool + Send + Sync>),
}

/// All that can happen in a session.
enum Event<E> {
    /// The client sent something, or the connection ended.
    Frame(Option<Result<Message, E>>),
    /// What was started has a message.
    Send(ServerMessage),
    /// What was started ended.
    Ended(Result<(task::Id, Result<(), ErrorBody>), JoinError>),
    /// Time for a ping.
    Ping,
    /// The server ends.
    Stop,
}

/// Why a session is over. The client is told where it can be.
enum Over {
    /// The connection is closed, or is to be: for this reason, where it was not the client's wish. The client may come
    /// again.
    Closed(Option<&'static str>),
    /// The client did wrong, or the server ends.
    Refused(ErrorBody),
}

/// Runs a session until its connection ends. When it returns, nothing that it started runs any more.
pub(crate) async fn run<In, Out, E>(
    mut incoming: In,
    outgoing: Out,
    trust: Trust,
    start: impl Start,
    ending: watch::Receiver<Ending>,
) where
    In: Stream<Item = Result<Message, E>> + Unpin,
    Out: Sink<Message> + Unpin,
{
    let is_owner = matches!(trust, Trust::Owner);
    let mut outgoing = Outgoing {
        sink: outgoing,
        limit: (!is_owner).then_some(SEND_TIME),
        ending: ending.clone(),
    };
    let over = match greet(&mut incoming, trust).await {
        Ok(()) => {
            let welcome = ServerMessage::Welcome {
                protocol: PROTOCOL_VERSION,
                version: env!("CARGO_PKG_VERSION").to_owned(),
            };
            match outgoing.send(&welcome).await {
                Ok(()) => {
                    // A paused client answers no pings.
                    let pings = (!is_owner).then(|| interval(PING_EVERY));
                    Session::new(start)
                        .run(&mut incoming, &mut outgoing, pings, ending)
                        .await
                }
                Err(over) => over,
            }
        }
        Err(over) => over,
    };
    // It may be gone already, and then needs no telling.
    let _ = timeout(FAREWELL_TIME, outgoing.farewell(over)).await;
}

/// The first message: `Hello`, of this protocol, with a token where one is wanted.
async fn greet<E>(
    incoming: &mut (impl Stream<Item = Result<Message, E>> + Unpin),
    trust: Trust,
) -> Result<(), Over> {
    let late = || {
        refusal(
            "no-hello",
            "expected a hello within five seconds, but found silence",
        )
    };
    let first = timeout(HELLO_TIME, incoming.next())
        .await
        .map_err(|_| late())?;
    let Some(Ok(frame)) = first else {
        return Err(Over::Closed(None));
    };
    match read(&frame)? {
        Some(ClientMessage::Hello { protocol, .. }) if protocol != PROTOCOL_VERSION => {
            Err(refusal(
                "other-protocol",
                format_args!("expected protocol {PROTOCOL_VERSION}, but found {protocol}"),
            ))
        }
        Some(ClientMessage::Hello { token, .. }) => match trust {
            Trust::Owner => Ok(()),
            Trust::Token(knows) if token.as_deref().is_some_and(knows.as_ref()) => Ok(()),
            Trust::Token(_) => Err(refusal(
                "no-token",
                "expected a token that this server knows, but found none",
            )),
        },
        _ => Err(refusal(
            "no-hello",
            "expected a hello as the first message, but found another",
        )),
    }
}

struct Session<S> {
    start: S,
    outbox: Outbox,
    inbox: mpsc::Receiver<ServerMessage>,
    tasks: JoinSet<Result<(), ErrorBody>>,
    /// What runs, by the client's numbers.
    started: HashMap<u64, Handle>,
    /// The same numbers, by the tasks': an end tells its task alone.
    numbers: HashMap<task::Id, u64>,
    heard: Instant,
}

struct Handle {
    abort: AbortHandle,
    cancel: Option<Box<dyn Fn() + Send + Sync>>,
    listen: Option<Listen>,
}

impl<S: Start> Session<S> {
    fn new(start: S) -> Self {
        let (outbox, inbox) = mpsc::channel(QUEUE_MAX);
        Self {
            start,
            outbox,
            inbox,
            tasks: JoinSet::new(),
            started: HashMap::new(),
            numbers: HashMap::new(),
            heard: Instant::now(),
        }
    }

    async fn run<E>(
        mut self,
        incoming: &mut (impl Stream<Item = Result<Message, E>> + Unpin),
        outgoing: &mut Outgoing<impl Sink<Message> + Unpin>,
        mut pings: Option<Interval>,
        mut ending: watch::Receiver<Ending>,
    ) -> Over {
        if let Some(pings) = &mut pings {
            pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let over = loop {
            let event = self.next(incoming, &mut pings, &mut ending).await;
            if let Err(over) = self.handle(event, outgoing).await {
                break over;
            }
        };
        self.end_all().await;
        over
    }

    async fn next<E>(
        &mut self,
        incoming: &mut (impl Stream<Item = Result<Message, E>> + Unpin),
        pings: &mut Option<Interval>,
        ending: &mut watch::Receiver<Ending>,
    ) -> Event<E> {
        let ping = async {
            match pings {
                Some(pings) => pings.tick().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stopped(ending) => Event::Stop,
            frame = incoming.next() => Event::Frame(frame),
            Some(message) = self.inbox.recv() => Event::Send(message),
            Some(ended) = self.tasks.join_next_with_id() => Event::Ended(ended),
            _ = ping => Event::Ping,
        }
    }

    async fn handle<E>(
        &mut self,
        event: Event<E>,
        outgoing: &mut Outgoing<impl Sink<Message> + Unpin>,
    ) -> Result<(), Over> {
        match event {
            Event::Frame(Some(Ok(frame))) => {
                self.heard = Instant::now();
                match read(&frame)? {
                    Some(message) => self.begin(message),
                    None => Ok(()),
                }
            }
            Event::Frame(_) => Err(Over::Closed(None)),
            Event::Send(message) => outgoing.send(&message).await,
            Event::Ended(Ok((task, outcome))) => self.tell_end(task, outcome.err(), outgoing).await,
            // Dropped by `Cancel`.
            Event::Ended(Err(error)) if error.is_cancelled() => {
                self.tell_end(error.id(), None, outgoing).await
            }
            Event::Ended(Err(_)) => Err(refusal("internal", "a part of the server failed")),
            Event::Ping if self.heard.elapsed() > SILENCE_MAX => Err(Over::Closed(Some("silent"))),
            Event::Ping => outgoing.frame(Message::Ping(Vec::new().into())).await,
            Event::Stop => Err(server_stopped()),
        }
    }

    /// Tells the end of one thing, after what it said.
    async fn tell_end(
        &mut self,
        task: task::Id,
        error: Option<ErrorBody>,
        outgoing: &mut Outgoing<impl Sink<Message> + Unpin>,
    ) -> Result<(), Over> {
        self.send_waiting(outgoing).await?;
        let Some(id) = self.numbers.remove(&task) else {
            return Ok(());
        };
        self.started.remove(&id);
        outgoing.send(&ServerMessage::Ended { id, error }).await
    }

    /// What was put into the queue before an end must arrive before it. No more than the queue holds: others go on
    /// filling it.
    async fn send_waiting(
        &mut self,
        outgoing: &mut Outgoing<impl Sink<Message> + Unpin>,
    ) -> Result<(), Over> {
        for _ in 0..QUEUE_MAX {
            let Ok(message) = self.inbox.try_recv() else {
                break;
            };
            outgoing.send(&message).await?;
        }
        Ok(())
    }

    fn begin(&mut self, message: ClientMessage) -> Result<(), Over> {
        let id = match &message {
            ClientMessage::Hello { .. } => {
                return Err(refusal(
                    "bad-message",
                    "expected one hello, but found a second",
                ));
            }
            ClientMessage::Cancel { id } => {
                self.cancel(*id);
                return Ok(());
            }
            ClientMessage::Build { id, .. }
            | ClientMessage::WatchContainers { id }
            | ClientMessage::WatchImages { id }
            | ClientMessage::Logs { id, .. }
            | ClientMessage::Stats { id, .. }
            | ClientMessage::Exec { id, .. }
            | ClientMessage::Pull { id, .. }
            | ClientMessage::Push { id, .. }
            | ClientMessage::Attach { id, .. } => *id,
            ClientMessage::Resize { id, .. }
            | ClientMessage::Shown { id, .. }
            | ClientMessage::EndInput { id }
            | ClientMessage::Terminal(TerminalFrame { id, .. }) => {
                let id = *id;
                return self.tell(id, message);
            }
        };
        if self.started.contains_key(&id) {
            return Err(refusal(
                "bad-message",
                format_args!("expected a number that is not in use, but found {id}"),
            ));
        }
        if self.started.len() >= STARTED_MAX {
            return Err(refusal(
                "too-many",
                format_args!("expected at most {STARTED_MAX} things at once, but found more"),
            ));
        }
        let Started {
            running,
            cancel,
            listen,
        } = self.start.start(message, self.outbox.clone());
        let abort = self.tasks.spawn(running);
        self.numbers.insert(abort.id(), id);
        let handle = Handle {
            abort,
            cancel,
            listen,
        };
        self.started.insert(id, handle);
        Ok(())
    }

    /// Passes a message on to what was started under this number. As with `Cancel`, nothing of it is no mistake.
    fn tell(&self, id: u64, message: ClientMessage) -> Result<(), Over> {
        let Some(handle) = self.started.get(&id) else {
            return Ok(());
        };
        match &handle.listen {
            Some(listen) => listen(message).map_err(Over::Refused),
            None => Err(refusal(
                "bad-message",
                format_args!("expected the number of an attachment, but found {id}"),
            )),
        }
    }

    /// Ends one thing. Nothing of this number is no mistake: its end and the client's wish may have crossed.
    fn cancel(&mut self, id: u64) {
        if let Some(handle) = self.started.get(&id) {
            match &handle.cancel {
                Some(cancel) => cancel(),
                None => handle.abort.abort(),
            }
        }
    }

    /// Ends everything, and waits for what ends gently. Its messages go nowhere.
    async fn end_all(mut self) {
        for handle in self.started.values() {
            match &handle.cancel {
                Some(cancel) => cancel(),
                None => handle.abort.abort(),
            }
        }
        self.inbox.close();
        while self.inbox.recv().await.is_some() {}
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The message in a frame; `None` for the WebSocket's own.
fn read(frame: &Message) -> Result<Option<ClientMessage>, Over> {
    match frame {
        Message::Text(text) => serde_json::from_str(text).map(Some).map_err(|error| {
            refusal(
                "bad-message",
                format_args!("expected a message of this protocol, but found: {error}"),
            )
        }),
        Message::Binary(bytes) => TerminalFrame::decode(bytes)
            .map(|frame| Some(ClientMessage::Terminal(frame)))
            .map_err(|error| refusal("bad-message", error)),
        Message::Close(_) => Err(Over::Closed(None)),
        Message::Ping(_) | Message::Pong(_) => Ok(None),
    }
}

/// The way to the client.
struct Outgoing<Out> {
    sink: Out,
    /// How long a frame may take; the owner's client takes what it likes.
    limit: Option<Duration>,
    ending: watch::Receiver<Ending>,
}

impl<Out: Sink<Message> + Unpin> Outgoing<Out> {
    async fn send(&mut self, message: &ServerMessage) -> Result<(), Over> {
        self.frame(frame_of(message)?).await
    }

    /// Sends a frame. The server's end does not wait for a client that takes none.
    async fn frame(&mut self, frame: Message) -> Result<(), Over> {
        let limit = self.limit;
        let too_long = async {
            match limit {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            sent = self.sink.send(frame) => sent.map_err(|_| Over::Closed(None)),
            () = stopped(&mut self.ending) => Err(server_stopped()),
            () = too_long => Err(Over::Closed(Some("too-slow"))),
        }
    }

    /// Tells why it is over, as a message where the client can do something about it, and as the reason of the close.
    async fn farewell(mut self, over: Over) {
        let close = match over {
            Over::Refused(body) => {
                let code = match body.code.as_str() {
                    "server-stopped" => close_code::AWAY,
                    "internal" => close_code::ERROR,
                    _ => close_code::POLICY,
                };
                let reason = body.code.clone();
                if let Ok(frame) = frame_of(&ServerMessage::Refused(body)) {
                    // Each of these fails where the client is gone; there is nobody to be told then.
                    let _ = self.sink.send(frame).await;
                }
                Some((code, reason))
            }
            Over::Closed(reason) => reason.map(|reason| (close_code::POLICY, reason.to_owned())),
        };
        if let Some((code, reason)) = close {
            let frame = CloseFrame {
                code,
                reason: reason.into(),
            };
            let _ = self.sink.send(Message::Close(Some(frame))).await;
        }
        let _ = self.sink.close().await;
    }
}

fn frame_of(message: &ServerMessage) -> Result<Message, Over> {
    if let ServerMessage::Terminal(frame) = message {
        return Ok(Message::Binary(frame.encode().into()));
    }
    serde_json::to_string(message)
        .map(|text| Message::Text(text.into()))
        .map_err(|error| {
            refusal(
                "internal",
                format_args!("a message can't be written: {error}"),
            )
        })
}

/// Waits until the server is to end. An error means that the sender is gone, which is an end too.
async fn stopped(ending: &mut watch::Receiver<Ending>) {
    let _ = ending.wait_for(|ending| *ending != Ending::None).await;
}

fn server_stopped() -> Over {
    refusal("server-stopped", "the server ends")
}

fn refusal(code: &str, message: impl Display) -> Over {
    Over::Refused(ErrorBody {
        code: code.to_owned(),
        message: message.to_string(),
        hint: None,
    })
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
