//! The clients on a monitor's socket.
//!
//! None of them has a queue: one that follows the output has a position in the log file and is sent the file's bytes
//! as its socket takes them. So a slow client costs no memory. Nobody waits for it either, but where it asked for
//! that: see [`Clients::hold`].

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::sendfile;

use super::frame::{Frame, FrameKind};
use super::input::{Input, Read, Typing};
use super::protocol::{AttachFrom, MonitorState, REQUEST_BYTES_MAX, Request};
use crate::clock::now_ms;
use crate::log::{self, FILE_HEADER_BYTES, Position, Reader, lost_note};
use crate::spec::{Exit, Started};
use crate::sys;

/// How many clients are served at once: pages and terminals that show the container, and the server's own. A further
/// one is turned away by closing its connection.
const CLIENTS_MAX: usize = 64;

/// How much is sent to one client before the next has its turn, in bytes: what a socket takes at once.
const TURN_BYTES: usize = 256 << 10;

/// How long the clients together have, after the container's end, to take the rest of its output.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long a container waits for the client that its start announced: enough for a command on a host without breath,
/// and not for ever, because a command can be killed before it attaches.
const CLIENT_COMES_WITHIN: Duration = Duration::from_secs(30);

/// How long a client that has connected when the container ends has to send its request.
const LAST_MOMENT: Duration = Duration::from_millis(50);

/// What requests are about.
pub(super) struct Context<'a> {
    pub(super) state_dir: &'a Path,
    pub(super) started: &'a Started,
    pub(super) init: BorrowedFd<'a>,
    pub(super) log: &'a log::Writer,
}

/// All of them, and the socket they come by.
#[derive(Debug)]
pub(super) struct Clients {
    listener: UnixListener,
    clients: Vec<Client>,
    awaited: Option<Awaited>,
    /// Since when nobody has been attached; `None` while somebody is.
    unattended: Option<Instant>,
}

/// A holding client that is on its way.
#[derive(Debug)]
struct Awaited {
    until: Instant,
    /// The log file that it will begin with.
    generation: u64,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    role: Role,
}

#[derive(Debug)]
enum Role {
    /// Its request hasn't come in full.
    Asking(Vec<u8>),
    /// It is sent the log, and may type.
    Following(Cursor, Option<Typing>),
    /// It has gone, and what it typed before is not all read.
    Gone(Typing),
    /// It wants to know the end.
    Waiting,
}

/// Whether the container has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It hasn't.
    Nothing,
    /// Until a client has been sent more, or has gone.
    UntilRead,
    /// Until a client comes, or this time.
    Until(Instant),
}

/// A place in a log file that is held open: rotation takes the file's name away, not the file.
#[derive(Debug)]
struct Cursor {
    file: File,
    place: Position,
    /// Whether the container waits for this client.
    holds: bool,
    /// What it is sent before more of the file: where that lies.
    announced: Vec<u8>,
}

impl Clients {
    /// None yet; `awaits` says that one that holds is on its way, and begins where the log ends now.
    pub(super) fn new(listener: UnixListener, awaits: bool, log: &log::Writer) -> Self {
        Self {
            listener,
            clients: Vec::new(),
            awaited: awaits.then(|| Awaited {
                until: Instant::now() + CLIENT_COMES_WITHIN,
                generation: log.end().generation,
            }),
            unattended: Some(Instant::now()),
        }
    }

    /// Since when nobody has been attached; `None` while somebody is.
    pub(super) fn unattended(&self) -> Option<Instant> {
        self.unattended
    }

    /// Whether the older log file must stay, because a holding client was not sent all of it; and until when, where
    /// only time can end that.
    pub(super) fn hold(&self, log: &log::Writer) -> Hold {
        let newest = log.end().generation;
        let holds = |client: &Client| match &client.role {
            Role::Following(cursor, _) => cursor.holds && cursor.place.generation < newest,
            _ => false,
        };
        if self.clients.iter().any(holds) {
            return Hold::UntilRead;
        }
        match &self.awaited {
            Some(awaited) if awaited.generation < newest && Instant::now() < awaited.until => {
                Hold::Until(awaited.until)
            }
            _ => Hold::Nothing,
        }
    }

    /// How many descriptors [`Self::watch`] adds at most.
    pub(super) fn len(&self) -> usize {
        1 + self.clients.len()
    }

    /// Adds what to wait for, and says where each client stands in it; the listener stands before them.
    pub(super) fn watch<'a>(
        &'a self,
        watched: &mut Vec<PollFd<'a>>,
        log: &log::Writer,
        input: &Input,
    ) -> Vec<Option<usize>> {
        watched.push(PollFd::new(&self.listener, PollFlags::IN));
        let mut place = |client: &'a Client| {
            let interest = client.interest(log, input)?;
            watched.push(PollFd::new(&client.stream, interest));
            Some(watched.len() - 1)
        };
        self.clients.iter().map(&mut place).collect()
    }

    /// Does what there is to do: for the clients that are `ready`, in their order.
    pub(super) fn serve(
        &mut self,
        has_caller: bool,
        ready: &[PollFlags],
        context: &Context<'_>,
        input: &mut Input,
    ) {
        let count = self.clients.len();
        let mut index = 0;
        self.clients.retain_mut(|client| {
            let ready = ready.get(index).copied().unwrap_or(PollFlags::empty());
            index += 1;
            // A client that fails has gone away, or asked for nonsense: either way the connection ends.
            client.serve(ready, context, input, count).unwrap_or(false)
                && !client.is_left_behind(context.log)
        });
        if self.clients.iter().any(Client::holds) {
            self.awaited = None;
        }
        if self.clients.iter().any(Client::is_attached) {
            self.unattended = None;
        } else if self.unattended.is_none() {
            self.unattended = Some(Instant::now());
        }
        if has_caller
            && let Ok((stream, _)) = self.listener.accept()
            && self.clients.len() < CLIENTS_MAX
            && stream.set_nonblocking(true).is_ok()
        {
            self.clients.push(Client {
                stream,
                role: Role::Asking(Vec::new()),
            });
        }
    }

    /// Sends everyone the rest of what they asked for, and the end.
    pub(super) fn finish(mut self, context: &Context<'_>, exit: &Exit) {
        let Ok(json) = serde_json::to_vec(exit) else {
            return;
        };
        let mut last_words = Vec::new();
        if context.log.untold_bytes() > 0 {
            // The log had no room for it until the end.
            let note = lost_note(context.log.untold_bytes());
            last_words = Frame::encode(FrameKind::Note, exit.finished_ms, note.as_bytes());
        }
        last_words.extend(Frame::encode(FrameKind::Exit, exit.finished_ms, &json));
        let deadline = Instant::now() + FAREWELL;
        // Those who came at the last moment are answered like the others: they would have been a moment earlier.
        while self.clients.len() < CLIENTS_MAX
            && let Ok((stream, _)) = self.listener.accept()
        {
            self.clients.push(Client {
                stream,
                role: Role::Asking(Vec::new()),
            });
        }
        let count = self.clients.len();
        for client in &mut self.clients {
            if matches!(client.role, Role::Asking(_)) {
                let _ = client.serve_late(context, count);
            }
        }
        for client in &mut self.clients {
            // It takes what it takes; a client that doesn't read finds the rest in the files.
            let _ = client.farewell(context, &last_words, deadline);
        }
    }
}

impl Client {
    /// What to wait for; `None` where nothing that the socket tells would change anything now.
    fn interest(&self, log: &log::Writer, input: &Input) -> Option<PollFlags> {
        match &self.role {
            Role::Asking(_) => Some(PollFlags::IN),
            Role::Following(cursor, typing) => {
                let mut interest = PollFlags::empty();
                interest.set(PollFlags::OUT, cursor.has_more(log));
                interest.set(PollFlags::IN, typing.is_some() && input.is_idle());
                // Its hanging up is told without being asked for.
                Some(interest)
            }
            // That one has hung up is told for ever.
            Role::Gone(_) => input.is_idle().then_some(PollFlags::IN),
            Role::Waiting => Some(PollFlags::empty()),
        }
    }

    /// Whether the connection goes on.
    fn serve(
        &mut self,
        ready: PollFlags,
        context: &Context<'_>,
        input: &mut Input,
        clients: usize,
    ) -> io::Result<bool> {
        match &mut self.role {
            Role::Asking(_) if ready.is_empty() => Ok(true),
            Role::Asking(bytes) => match read_request(&mut self.stream, bytes)? {
                Some((request, rest)) => self.answer(request, rest, context, clients),
                None => Ok(true),
            },
            Role::Following(cursor, typing) => {
                if let Some(typing) = typing {
                    // What came earlier may have waited for room.
                    typing.advance(input)?;
                    if ready.contains(PollFlags::IN) {
                        let read = typing.read(&self.stream)?;
                        typing.advance(input)?;
                        if read == Read::End {
                            let typing = std::mem::take(typing);
                            self.role = Role::Gone(typing);
                            return Ok(true);
                        }
                    }
                }
                if ready.intersects(PollFlags::HUP | PollFlags::ERR) {
                    let Some(typing) = typing.take() else {
                        return Ok(false);
                    };
                    self.role = Role::Gone(typing);
                    return Ok(true);
                }
                if ready.contains(PollFlags::OUT) && cursor.has_more(context.log) {
                    cursor.send(&self.stream, context)?;
                }
                Ok(true)
            }
            Role::Gone(typing) => {
                typing.advance(input)?;
                while input.is_idle() {
                    if typing.read(&self.stream)? != Read::Some {
                        return Ok(false);
                    }
                    typing.advance(input)?;
                }
                Ok(true)
            }
            // It has nothing to say, and yet is ready: it has hung up.
            Role::Waiting => Ok(ready.is_empty()),
        }
    }

    /// Reads a request that may be on its way, and gives it a moment to come.
    fn serve_late(&mut self, context: &Context<'_>, clients: usize) -> io::Result<bool> {
        self.stream.set_nonblocking(false)?;
        self.stream.set_read_timeout(Some(LAST_MOMENT))?;
        self.serve(PollFlags::IN, context, &mut Input::pipe(None), clients)
    }

    fn answer(
        &mut self,
        request: Request,
        rest: Vec<u8>,
        context: &Context<'_>,
        clients: usize,
    ) -> io::Result<bool> {
        let (kind, payload) = match request {
            Request::Attach(from) => {
                self.role = Role::Following(Cursor::open(from, false, context)?, None);
                return Ok(true);
            }
            Request::AttachHolding(from) => {
                self.role = Role::Following(Cursor::open(from, true, context)?, None);
                return Ok(true);
            }
            Request::AttachTyping(from) => {
                let cursor = Cursor::open(from, true, context)?;
                self.role = Role::Following(cursor, Some(Typing::after(rest)));
                return Ok(true);
            }
            Request::Wait => {
                self.role = Role::Waiting;
                return Ok(true);
            }
            Request::Kill(signal) => match kill(context.init, signal) {
                Ok(()) => (FrameKind::Done, Vec::new()),
                Err(error) => (FrameKind::Refused, error.to_string().into_bytes()),
            },
            Request::State => {
                let state = MonitorState {
                    started: *context.started,
                    lost_bytes: context.log.lost_bytes(),
                    log_end: context.log.end(),
                    clients: u32::try_from(clients).unwrap_or(u32::MAX),
                };
                (FrameKind::State, serde_json::to_vec(&state)?)
            }
        };
        // A new connection's buffer holds so little at once.
        self.stream
            .write_all(&Frame::encode(kind, now_ms(), &payload))?;
        Ok(false)
    }

    fn holds(&self) -> bool {
        matches!(&self.role, Role::Following(cursor, _) if cursor.holds)
    }

    fn is_attached(&self) -> bool {
        matches!(&self.role, Role::Following(..))
    }

    /// Whether what it should be sent next has been rotated away: two files are kept, and what is held open beyond
    /// them would fill the disk unseen.
    fn is_left_behind(&self, log: &log::Writer) -> bool {
        match &self.role {
            Role::Following(cursor, _) => cursor.place.generation + 1 < log.end().generation,
            _ => false,
        }
    }

    fn farewell(
        &mut self,
        context: &Context<'_>,
        last_words: &[u8],
        deadline: Instant,
    ) -> io::Result<()> {
        self.stream.set_nonblocking(false)?;
        while let Role::Following(cursor, _) = &mut self.role
            && cursor.has_more(context.log)
        {
            self.stream.set_write_timeout(Some(left_until(deadline)?))?;
            cursor.send(&self.stream, context)?;
        }
        if matches!(self.role, Role::Asking(_) | Role::Gone(_)) {
            return Ok(());
        }
        self.stream.set_write_timeout(Some(left_until(deadline)?))?;
        self.stream.write_all(last_words)
    }
}

impl Cursor {
    fn open(from: AttachFrom, holds: bool, context: &Context<'_>) -> io::Result<Self> {
        let reader = match from {
            AttachFrom::Start => Reader::open(context.state_dir)?,
            AttachFrom::Position(position) => Reader::at(context.state_dir, position)?,
            AttachFrom::Now => Reader::at(context.state_dir, context.log.end())?,
            AttachFrom::Recent => Reader::at(context.state_dir, context.log.recent())?,
        };
        let (file, place) = reader.into_parts();
        let mut cursor = Self {
            file,
            place,
            holds,
            announced: Vec::new(),
        };
        cursor.announce()?;
        Ok(cursor)
    }

    fn announce(&mut self) -> io::Result<()> {
        if self.holds {
            let json = serde_json::to_vec(&self.place)?;
            self.announced = Frame::encode(FrameKind::Place, now_ms(), &json);
        }
        Ok(())
    }

    /// Whether there is something to send.
    fn has_more(&self, log: &log::Writer) -> bool {
        !self.announced.is_empty() || self.place < log.end()
    }

    /// Sends what the socket takes.
    fn send(&mut self, mut stream: &UnixStream, context: &Context<'_>) -> io::Result<()> {
        if !self.announced.is_empty() {
            match stream.write(&self.announced) {
                Ok(sent) => drop(self.announced.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock && is_nonblocking(stream) => {}
                Err(error) => return Err(error),
            }
            return Ok(());
        }
        let end = if self.place.generation == context.log.end().generation {
            context.log.end().offset
        } else {
            self.file.metadata()?.len()
        };
        if self.place.offset >= end {
            // The file is read to its end, and there is a newer one.
            let next = Position {
                generation: self.place.generation + 1,
                offset: FILE_HEADER_BYTES,
            };
            (self.file, self.place) = Reader::at(context.state_dir, next)?.into_parts();
            return self.announce();
        }
        let count = usize::try_from(end - self.place.offset)
            .unwrap_or(usize::MAX)
            .min(TURN_BYTES);
        match sendfile(stream, &self.file, Some(&mut self.place.offset), count) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(rustix::io::Errno::INTR) => Ok(()),
            Err(rustix::io::Errno::AGAIN) if is_nonblocking(stream) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The request, and what came after it; `None` if more of it has to come.
fn read_request(
    stream: &mut UnixStream,
    bytes: &mut Vec<u8>,
) -> io::Result<Option<(Request, Vec<u8>)>> {
    let mut part = [0; REQUEST_BYTES_MAX as usize];
    match stream.read(&mut part) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(length) => {
            bytes.extend_from_slice(&part[..length]);
            if bytes.len() > 2 * REQUEST_BYTES_MAX as usize {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let decoded = Request::decode(bytes)?;
            Ok(decoded.map(|(request, length)| (request, bytes.split_off(length))))
        }
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn kill(init: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    if !(1..=64).contains(&signal) {
        let message = format!("expected a signal, 1 to 64, but found {signal}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    sys::send_signal(init, signal)
}

fn left_until(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(io::ErrorKind::TimedOut.into())
    } else {
        Ok(left)
    }
}

fn is_nonblocking(stream: &UnixStream) -> bool {
    rustix::fs::fcntl_getfl(stream.as_fd())
        .is_ok_and(|flags| flags.contains(rustix::fs::OFlags::NONBLOCK))
}
