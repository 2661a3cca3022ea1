//! Places for connections: how many a listener holds at once, in all and from one address.
//!
//! A place goes with its connection, also where that has become a WebSocket and left the listener's hands.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of one listener.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    from_one_max: usize,
    taken: Arc<Taken>,
}

/// A place that is taken, by whoever has a copy.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    // Held, and never looked at.
    _held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    _permit: OwnedSemaphorePermit,
    address: Option<IpAddr>,
    taken: Arc<Taken>,
}

/// How many places each address has.
#[derive(Debug, Default)]
struct Taken(Mutex<HashMap<IpAddr, usize>>);

impl Places {
    /// So many in all, and so many from one address.
    pub(crate) fn new(max: usize, from_one_max: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(max)),
            from_one_max,
            taken: Arc::default(),
        }
    }

    /// Waits until a place is free. Nobody has it yet.
    pub(crate) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// Gives a free place to a connection; nothing where its address has all that one may have. A connection of this
    /// host's own socket has no address.
    pub(crate) fn take(
        &self,
        free: OwnedSemaphorePermit,
        address: Option<IpAddr>,
    ) -> Option<Place> {
        let address = address.map(one);
        if let Some(address) = address {
            let mut taken = self.taken.counts();
            let count = taken.entry(address).or_default();
            if *count >= self.from_one_max {
                return None;
            }
            *count += 1;
        }
        Some(Place {
            _held: Arc::new(Held {
                _permit: free,
                address,
                taken: Arc::clone(&self.taken),
            }),
        })
    }
}

impl Taken {
    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Numbers: no half-made change can stand in them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(address) = self.address else {
            return;
        };
        let mut counts = self.taken.counts();
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

/// What counts as one address: of IPv6 the first 64 bits, of which one customer has at least that many (RFC 6177).
fn one(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let mut octets = address.octets();
            octets[8..].fill(0);
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_address_leaves_places_to_others_and_gives_its_own_back() {
        let places = Places::new(10, 2);
        let mut all = Vec::new();
        let mut take = |address: &str| {
            let free = Arc::clone(&places.all).try_acquire_owned().unwrap();
            let place = places.take(free, Some(address.parse().unwrap()));
            let is_taken = place.is_some();
            all.extend(place);
            is_taken
        };
        assert!(take("192.0.2.1") && take("192.0.2.1"));
        assert!(!take("192.0.2.1") && !take("::ffff:192.0.2.1"));
        assert!(take("192.0.2.2"));
        assert!(take("2001:db8::1") && take("2001:db8::2") && !take("2001:db8::3"));
        assert!(take("2001:db8:0:1::1"));
        let copy = all[0].clone();
        all.clear();
        assert_eq!(places.all.available_permits(), 9);
        drop(copy);
        assert_eq!(places.all.available_permits(), 10);
        assert!(places.taken.counts().is_empty());
    }
}
