//! Who listens for interfaces that come while somebody is attached: a VPN that is started, a cable, another namespace's
//! veth pair. Published ports answer on them, and answers to containers come in by them, once they forward; they would wait
//! for the next attachment otherwise. The thread lives as long as its [`Watch`].

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Weak;
use std::thread;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::forwarding::{is_link_local, is_uplink};
use crate::network::Inner;
use crate::route::{Listener, Route};

/// Ends the thread when it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Its other end hangs up then.
    _end: UnixStream,
}

impl Watch {
    /// Starts the thread in this one's network namespace. What changes from here on, it notices.
    pub(crate) fn start(network: Weak<Inner>) -> io::Result<Self> {
        let listener = Listener::open()?;
        let (near, far) = UnixStream::pair()?;
        thread::Builder::new()
            .name("estiva-uplinks".to_owned())
            .spawn(move || watch(&listener, &far, &network))?;
        Ok(Self { _end: near })
    }
}

/// Returns at the watch's end, and where the kernel has no more to say.
fn watch(listener: &Listener, end: &UnixStream, network: &Weak<Inner>) {
    loop {
        let mut wanted = [
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(end.as_fd(), PollFlags::empty()),
        ];
        match poll(&mut wanted, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            Err(_) => return,
            Ok(_) => {}
        }
        if wanted[1].any() != Some(false) {
            return;
        }
        let Ok(concerned) = concerned(listener) else {
            return;
        };
        if concerned {
            match network.upgrade() {
                Some(network) => network.look_again(),
                None => return,
            }
        }
    }
}

/// Whether what changed decides which interfaces forward. Ends of containers, ours and other engines', come and go by the
/// hundred, and decide nothing.
fn concerned(listener: &Listener) -> io::Result<bool> {
    let (mut raised, mut addressed) = (false, BTreeSet::new());
    let complete = listener.changes(
        |link| raised |= is_uplink(&link) && link.controller.is_none(),
        |address| {
            if !is_link_local(&address) {
                addressed.insert(address.index);
            }
        },
    )?;
    if raised || !complete {
        return Ok(true);
    }
    if addressed.is_empty() {
        return Ok(false);
    }
    let links = Route::open()?.links()?;
    let mut uplinks = links.iter().filter(|link| is_uplink(link));
    Ok(uplinks.any(|link| addressed.contains(&link.index)))
}
