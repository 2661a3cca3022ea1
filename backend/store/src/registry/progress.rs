//! Telling how far each layer is, from the threads that move them to the one that asked.

use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use estiva_shared::image::Digest;
use estiva_shared::protocol::{LayerState, TransferEvent};

use super::error::RegistryError;

/// The least time between two reports of how many bytes of a layer are there.
const EVERY: Duration = Duration::from_millis(100);

/// Where events go. Nobody may listen any more: that is no fault.
#[derive(Clone)]
pub(super) struct Events {
    sender: Sender<TransferEvent>,
}

impl Events {
    pub(super) fn new(sender: Sender<TransferEvent>) -> Self {
        Self { sender }
    }

    pub(super) fn tell(&self, event: TransferEvent) {
        let _ = self.sender.send(event);
    }

    pub(super) fn layer(&self, digest: &Digest, state: LayerState) {
        self.tell(TransferEvent::Layer {
            digest: digest.to_string(),
            state,
        });
    }
}

/// That something is tried again.
pub(super) fn retrying(
    digest: Option<&Digest>,
    attempt: u32,
    wait: Duration,
    error: &RegistryError,
) -> TransferEvent {
    TransferEvent::Retrying {
        digest: digest.map(Digest::to_string),
        attempt,
        wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        message: error.to_string(),
    }
}

/// How far one layer is: counts, and tells now and then. What came last is told too where nothing follows it for a while,
/// so that nobody is shown an old number beside a registry that stalls.
pub(super) struct Meter<'a> {
    events: &'a Events,
    digest: Digest,
    state: &'a (dyn Fn(u64) -> LayerState + Sync),
    now: Mutex<Now>,
    ended: Condvar,
}

#[derive(Default)]
struct Now {
    done_bytes: u64,
    told_bytes: u64,
    is_over: bool,
}

impl<'a> Meter<'a> {
    /// Measures what `work` does. Nothing is told after it any more.
    pub(super) fn during<T>(
        events: &'a Events,
        digest: Digest,
        state: &'a (dyn Fn(u64) -> LayerState + Sync),
        work: impl FnOnce(&Self) -> T,
    ) -> T {
        events.layer(&digest, state(0));
        let meter = Self {
            events,
            digest,
            state,
            now: Mutex::default(),
            ended: Condvar::new(),
        };
        std::thread::scope(|scope| {
            scope.spawn(|| meter.tell_now_and_then());
            let _end = End(&meter);
            work(&meter)
        })
    }

    /// So many bytes more.
    pub(super) fn add(&self, bytes: u64) {
        self.lock().done_bytes += bytes;
    }

    /// So many bytes are there; fewer than before where it began again.
    pub(super) fn set(&self, bytes: u64) {
        self.lock().done_bytes = bytes;
    }

    /// Tells what is there at once.
    pub(super) fn tell(&self) {
        self.tell_locked(&mut self.lock());
    }

    fn tell_now_and_then(&self) {
        let mut now = self.lock();
        while !now.is_over {
            let waited = self.ended.wait_timeout(now, EVERY);
            now = waited.unwrap_or_else(PoisonError::into_inner).0;
            if !now.is_over && now.done_bytes != now.told_bytes {
                self.tell_locked(&mut now);
            }
        }
    }

    fn tell_locked(&self, now: &mut Now) {
        now.told_bytes = now.done_bytes;
        self.events
            .layer(&self.digest, (self.state)(now.done_bytes));
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the telling, after a panic too: the scope would wait for it for ever.
struct End<'a>(&'a Meter<'a>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn transferring(done_bytes: u64) -> LayerState {
        LayerState::Transferring {
            done_bytes,
            total_bytes: 10,
        }
    }

    #[test]
    fn what_came_last_is_told_though_nothing_follows_it_and_nothing_after_the_end() {
        let (sender, receiver) = mpsc::channel();
        let digest = Digest::of(b"layer");
        let next = || match receiver.recv_timeout(Duration::from_secs(30)) {
            Ok(TransferEvent::Layer { state, .. }) => state,
            other => panic!("expected a layer's state, but found: {other:?}"),
        };
        Meter::during(&Events::new(sender), digest, &transferring, |meter| {
            assert_eq!(next(), transferring(0));
            meter.set(3);
            meter.add(1);
            // No byte more comes, as from a registry that stalls.
            while next() != transferring(4) {}
            // It begins again.
            meter.set(2);
            assert_eq!(next(), transferring(2));
            meter.set(9);
        });
        assert!(receiver.try_iter().all(
            |event| matches!(event, TransferEvent::Layer { state, .. } if state == transferring(9))
        ));
        assert!(receiver.recv().is_err(), "nobody tells any more");
    }
}
