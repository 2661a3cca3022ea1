//! The connections of one pull or push: they notice silence, can be given up at any moment, and lead only where the
//! registry may send us.
//!
//! The HTTP client's own sockets block until a time that is set for a whole exchange; a layer of gigabytes has none. So
//! the sockets are ours: each wait is cut into slices, after which silence is counted and the caller's wish asked for.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, time,
};

use super::Cancel;
use super::address::Nearness;

/// After how long a wait asks whether it is still wanted.
const SLICE: Duration = Duration::from_millis(100);

/// The least time for one of several addresses.
const ADDRESS_TIME_MIN: Duration = Duration::from_millis(200);

/// Why a connection ended, where we ended it. Travels inside of an [`io::Error`].
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("it was given up")]
    Cancelled,
    #[error("no byte came for {} s", .0.as_secs_f32())]
    Silent(Duration),
    #[error("less than {bytes_min} bytes came in {} s", .time.as_secs_f32())]
    Slow { bytes_min: u64, time: Duration },
    #[error("it leads to an address that only this host or its own network can reach: {0}")]
    TooNear(std::net::IpAddr),
    #[error("can't connect to {address}: {source}")]
    Connect {
        address: std::net::SocketAddr,
        source: io::Error,
    },
}

impl From<Ended> for Error {
    fn from(ended: Ended) -> Self {
        Self::Io(io::Error::other(ended))
    }
}

/// Nothing is known of the registry's address.
const UNKNOWN: u8 = u8::MAX;

/// What all connections of one operation share.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) cancel: Cancel,
    /// [`Nearness`] of the registry itself, as a number; [`UNKNOWN`] until it was reached without a proxy.
    registry: AtomicU8,
    /// Host and port of the proxy, where there is one.
    proxy: Option<(String, u16)>,
}

impl Watch {
    pub(super) fn new(cancel: Cancel, proxy: Option<(String, u16)>) -> Self {
        Self {
            cancel,
            registry: AtomicU8::new(UNKNOWN),
            proxy,
        }
    }

    /// Whether the registry may send us so near.
    pub(super) fn allows(&self, nearness: Nearness) -> bool {
        let registry = match self.registry.load(Ordering::Relaxed) {
            UNKNOWN => Nearness::Public as u8,
            known => known,
        };
        nearness != Nearness::Link && nearness as u8 <= registry
    }

    /// The registry's own address, or its name, is this near. Of several addresses the farthest counts: a name that means
    /// another one a moment later gains nothing.
    pub(super) fn reached(&self, nearness: Nearness) {
        self.registry.fetch_min(nearness as u8, Ordering::Relaxed);
    }
}

/// Opens connections.
pub(super) struct Dial {
    pub(super) watch: Arc<Watch>,
    /// How long a connection may be silent.
    pub(super) silence_max: Duration,
    /// It leads where the registry said, and not to the registry itself.
    pub(super) onward: bool,
}

impl Dial {
    fn is_proxy(&self, details: &ConnectionDetails<'_>) -> bool {
        let uri = details.uri;
        self.watch.proxy.as_ref().is_some_and(|(host, port)| {
            uri.host() == Some(host) && uri.port_u16().is_none_or(|found| found == *port)
        })
    }

    fn open(&self, details: &ConnectionDetails<'_>) -> Result<TcpStream, Error> {
        let is_proxy = self.is_proxy(details);
        let limit = details.timeout.after;
        let count = u32::try_from(details.addrs.len()).unwrap_or(1).max(1);
        let each = (*limit / count).max(ADDRESS_TIME_MIN);
        let mut first_fault = None;
        for address in &details.addrs {
            if self.watch.cancel.is_cancelled() {
                return Err(Ended::Cancelled.into());
            }
            let nearness = Nearness::of(address.ip());
            // Checked at the very address that is used, so that a name can't mean another one a moment later.
            if self.onward && !is_proxy && !self.watch.allows(nearness) {
                return Err(Ended::TooNear(address.ip()).into());
            }
            match TcpStream::connect_timeout(address, each) {
                Ok(stream) => {
                    if !self.onward && !is_proxy {
                        self.watch.reached(nearness);
                    }
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(SLICE))?;
                    stream.set_write_timeout(Some(SLICE))?;
                    return Ok(stream);
                }
                Err(source) => {
                    let address = *address;
                    first_fault.get_or_insert(Ended::Connect { address, source });
                }
            }
        }
        Err(first_fault.map_or(Error::HostNotFound, Error::from))
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Dial")
    }
}

impl<In: Transport> Connector<In> for Dial {
    type Out = Either<In, Socket>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        // A tunnel through a proxy, whose own socket came from here.
        if let Some(tunnel) = chained {
            return Ok(Some(Either::A(tunnel)));
        }
        let config = details.config;
        Ok(Some(Either::B(Socket {
            stream: self.open(details)?,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            watch: Arc::clone(&self.watch),
            silence_max: self.silence_max,
        })))
    }
}

/// One connection.
pub(super) struct Socket {
    stream: TcpStream,
    buffers: LazyBuffers,
    watch: Arc<Watch>,
    silence_max: Duration,
}

impl Socket {
    /// Refuses to wait on, where it has been long enough.
    fn check(&self, since: Instant, timeout: NextTimeout) -> Result<(), Error> {
        if self.watch.cancel.is_cancelled() {
            return Err(Ended::Cancelled.into());
        }
        let waited = since.elapsed();
        if matches!(timeout.after, time::Duration::Exact(limit) if waited >= limit.max(SLICE)) {
            return Err(Error::Timeout(timeout.reason));
        }
        if waited >= self.silence_max {
            return Err(Ended::Silent(self.silence_max).into());
        }
        Ok(())
    }
}

/// Whether a system call only reports the end of its slice, or a signal.
fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let (mut done, mut since) = (0, Instant::now());
        while done < amount {
            let output = &self.buffers.output()[done..amount];
            match self.stream.write(output) {
                Ok(0) => return Err(Error::Io(io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    done += count;
                    since = Instant::now();
                }
                Err(error) if is_pause(&error) => {}
                Err(error) => return Err(Error::Io(error)),
            }
            self.check(since, timeout)?;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let since = Instant::now();
        loop {
            let input = self.buffers.input_append_buf();
            match self.stream.read(input) {
                Ok(count) => {
                    self.buffers.input_appended(count);
                    return Ok(count > 0);
                }
                Err(error) if is_pause(&error) => self.check(since, timeout)?,
                Err(error) => return Err(Error::Io(error)),
            }
        }
    }

    fn is_open(&mut self) -> bool {
        // Between two exchanges nothing may come: neither bytes nor an end.
        let is_quiet = self.stream.set_nonblocking(true).is_ok()
            && matches!(self.stream.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).is_ok() && is_quiet
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Socket({:?})", self.stream.peer_addr())
    }
}
