//! Watches a running container, step or exec until it ends, and cleans up after it.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::clients::{Clients, Context, Hold};
use super::frame::{FrameKind, PAYLOAD_BYTES_MAX};
use super::input::Input;
use super::output::{Output, Streams};
use super::patience::Patience;
use super::start::Running;
use super::{protocol, records, wait_for};
use crate::cgroup::Cgroup;
use crate::clock::now_ms;
use crate::log;
use crate::spec::{Exit, Started};
use crate::sys;

/// How often a stream is read after the end: more than a pipe or a terminal holds, and not for ever, where a process
/// that an exec has left behind goes on writing.
const LAST_READS_MAX: usize = 256;

/// Waits for a step. Closing `control` ends it at once.
pub(super) fn step(running: &Running, control: &UnixStream) -> io::Result<Exit> {
    let mut watched = [
        PollFd::new(&running.init, PollFlags::IN),
        PollFd::new(control, PollFlags::IN | PollFlags::RDHUP),
    ];
    while let Err(rustix::io::Errno::INTR) = poll(&mut watched, None) {}
    if watched[0].revents().is_empty() {
        // The first process takes the whole pid namespace with it.
        sys::send_signal(running.init.as_fd(), libc::SIGKILL)?;
    }
    end(running.init.as_fd(), Some(&running.cgroup))
}

/// Waits for the first process's end, and removes what is left of its group; an exec has none of its own.
fn end(init: BorrowedFd<'_>, cgroup: Option<&Cgroup>) -> io::Result<Exit> {
    let mut exit = wait_for(init)?;
    if let Some(cgroup) = cgroup {
        // Before the group goes, and the count with it.
        exit.oom_killed = cgroup.usage().oom_kills > 0;
        // The kernel has ended the other processes of the pid namespace; what is in the group still is an exec on its
        // way in. What can't be removed, a sweep will find: the exit status matters more.
        cgroup.kill();
        let _ = cgroup.remove();
    }
    Ok(exit)
}

/// A process that a monitor stays beside.
pub(crate) struct Watched<'a> {
    pub(crate) started: &'a Started,
    pub(crate) process: BorrowedFd<'a>,
    /// The container's; an exec has none of its own.
    pub(crate) cgroup: Option<&'a Cgroup>,
    pub(crate) state_dir: &'a Path,
    /// A client is on its way for which the container waits.
    pub(crate) awaits_client: bool,
    /// How long it may run with nobody attached.
    pub(crate) patience: Option<Patience>,
}

/// Keeps a process's output and answers its clients until it ends; then records that.
pub(crate) fn until_end(watched: &Watched<'_>, output: Output) -> io::Result<()> {
    let Output {
        near,
        mut log,
        listener,
        monitors,
    } = output;
    let Streams {
        readers,
        mut input,
        held: _held,
    } = near.into_streams()?;
    let mut streams = readers.map(Stream);
    let mut clients = Clients::new(listener, watched.awaits_client, &log);
    let mut patience = watched.patience;
    let mut buffer = vec![0; PAYLOAD_BYTES_MAX as usize];
    loop {
        let until = patience.and_then(|patience| patience.until(clients.unattended()));
        let ready = wait(watched.process, &streams, &clients, &log, &input, until)?;
        for (stream, ready) in streams.iter_mut().zip(ready.streams) {
            // Asked anew for each: what came through the first may have filled the log.
            if ready && hold(&clients, &log) == Hold::Nothing {
                stream.read_once(&mut buffer, &mut log);
            }
        }
        if ready.input {
            input.write();
        }
        clients.serve(
            ready.caller,
            &ready.clients,
            &watched.context(&log),
            &mut input,
        );
        if ready.ended {
            break;
        }
        if let Some(patience) = &mut patience {
            patience.look(clients.unattended(), watched.process);
        }
    }
    // What was written before the end may still lie in the streams. It is little, and nobody has to be waited for.
    if clients.hold(&log) != Hold::Nothing {
        log.stop_rotating();
    }
    for stream in &mut streams {
        let mut reads_left = LAST_READS_MAX;
        while reads_left > 0 && stream.read_once(&mut buffer, &mut log) {
            reads_left -= 1;
        }
    }
    let exit = end(watched.process, watched.cgroup)?;
    // Even if the record can't be written (a full disk, a removed folder), those who wait are told, and the rest is
    // cleaned up.
    let recorded = records::write_durably(watched.state_dir, protocol::EXIT, &exit);
    records::unlisten(watched.state_dir);
    clients.finish(&watched.context(&log), &exit);
    monitors.leave_and_remove();
    recorded
}

impl<'a> Watched<'a> {
    fn context<'b>(&'b self, log: &'b log::Writer) -> Context<'b>
    where
        'a: 'b,
    {
        Context {
            state_dir: self.state_dir,
            started: self.started,
            init: self.process,
            log,
        }
    }
}

/// Whether the output must lie in its streams for now.
fn hold(clients: &Clients, log: &log::Writer) -> Hold {
    if log.may_rotate() {
        clients.hold(log)
    } else {
        Hold::Nothing
    }
}

/// What has something to do.
struct Ready {
    ended: bool,
    streams: [bool; 2],
    input: bool,
    caller: bool,
    clients: Vec<PollFlags>,
}

/// Waits until there is something to do, or until the time comes that is given.
fn wait(
    process: BorrowedFd<'_>,
    streams: &[Stream; 2],
    clients: &Clients,
    log: &log::Writer,
    input: &Input,
    until: Option<Instant>,
) -> io::Result<Ready> {
    let mut watched = Vec::with_capacity(4 + clients.len());
    watched.push(PollFd::from_borrowed_fd(process, PollFlags::IN));
    let held = hold(clients, log);
    // One that is closed, or isn't read now, is left out: the kernel reports a hang-up whether it was asked for or not,
    // and so for ever.
    let places = streams.each_ref().map(|stream| {
        let (reader, _) = stream.0.as_ref().filter(|_| held == Hold::Nothing)?;
        watched.push(PollFd::from_borrowed_fd(reader.as_fd(), PollFlags::IN));
        Some(watched.len() - 1)
    });
    let input_place = input.waits_for().map(|writer| {
        watched.push(PollFd::from_borrowed_fd(writer, PollFlags::OUT));
        watched.len() - 1
    });
    let listener_place = watched.len();
    let client_places = clients.watch(&mut watched, log, input);
    let until = match held {
        Hold::Until(held) => Some(until.map_or(held, |until| until.min(held))),
        Hold::UntilRead | Hold::Nothing => until,
    };
    loop {
        let timeout = until.map(|until| {
            let left = until.saturating_duration_since(Instant::now());
            // A moment more, so that it is over then.
            Timespec::try_from(left + Duration::from_millis(1)).map_err(io::Error::other)
        });
        match poll(&mut watched, timeout.transpose()?.as_ref()) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let found =
        |place: Option<usize>| place.map_or(PollFlags::empty(), |place| watched[place].revents());
    let ready = |place: Option<usize>| !found(place).is_empty();
    Ok(Ready {
        ended: ready(Some(0)),
        streams: places.map(ready),
        input: ready(input_place),
        caller: ready(Some(listener_place)),
        clients: client_places.into_iter().map(found).collect(),
    })
}

/// One of the process's outputs, until it is closed on the other side.
struct Stream(Option<(File, FrameKind)>);

impl Stream {
    /// Moves what one read gives into the log; whether there was something.
    fn read_once(&mut self, buffer: &mut [u8], log: &mut log::Writer) -> bool {
        let Some((reader, kind)) = &mut self.0 else {
            return false;
        };
        match reader.read(buffer) {
            Ok(0) => self.0 = None,
            Ok(length) => {
                log.append(*kind, now_ms(), &buffer[..length]);
                return true;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // A terminal that was hung up says EIO.
            Err(_) => self.0 = None,
        }
        false
    }
}
