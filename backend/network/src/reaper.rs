//! What may wait: pairs whose namespace did not end by itself, and the bridge, the table and forwarding when nobody has
//! come for a while. Deleting an interface waits for every processor to pass a point of rest (RCU), some milliseconds in
//! which nobody else can change one; so it is not done in the way of a container. The thread lives while there is something
//! to wait for.

use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::network::{Inner, LEAVING, LINGER, Leaving, State, end, give_back};

/// How long to wait before what the kernel refused is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Starts the thread; `false` where the system has none to give.
pub(crate) fn start(network: &Arc<Inner>) -> bool {
    let network = Arc::clone(network);
    thread::Builder::new()
        .name("estiva-network".to_owned())
        .spawn(move || reap(&network))
        .is_ok()
}

fn reap(network: &Inner) {
    let mut state = network.state();
    loop {
        let now = Instant::now();
        let Some(next) = next(&state).filter(|_| !state.hurry) else {
            state.reaper_runs = false;
            return;
        };
        if next > now {
            let waited = network.bell.wait_timeout(state, next - now);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            continue;
        }
        let due: Vec<Leaving>;
        (due, state.leaving) = std::mem::take(&mut state.leaving)
            .into_iter()
            .partition(|leaving| leaving.since + LEAVING <= now);
        state.reaping.extend(due.iter().map(|one| one.veth.clone()));
        drop(state);
        let (gone, left): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|leaving| end(leaving).is_ok());
        state = network.state();
        state.reaping.clear();
        for leaving in gone {
            give_back(&mut state, &leaving.endpoint);
        }
        let again = Instant::now() + RETRY;
        state
            .leaving
            .extend(left.into_iter().map(|leaving| Leaving {
                since: again,
                ..leaving
            }));
        if is_over(&state, now) && network.settle(&mut state).is_err() {
            state.empty_since = Some(again);
        }
        network.bell.notify_all();
    }
}

/// When there is something to do next.
fn next(state: &State) -> Option<Instant> {
    let leaving = state.leaving.iter().map(|leaving| leaving.since + LEAVING);
    let over = state.empty_since.map(|since| since + LINGER);
    leaving.chain(over).min()
}

/// Whether nobody has come for long enough.
fn is_over(state: &State, now: Instant) -> bool {
    state.entries.is_empty() && state.empty_since.is_some_and(|since| since + LINGER <= now)
}
