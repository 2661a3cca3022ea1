//! Several layers at once: a few threads take them one after the other, and the first fault ends all.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};

use estiva_shared::protocol::TransferEvent;

use super::Cancel;
use super::error::RegistryError;
use super::progress::Events;

/// Layers that are moved at once: what Docker has as its default, and what registries expect of one client.
const LAYERS_AT_ONCE: usize = 3;

/// Ends what belongs to one operation.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// A wish to give up that this or the caller has.
    pub(super) fn or(&self, cancel: &Cancel) -> Cancel {
        let (stop, cancel) = (Arc::clone(&self.0), cancel.clone());
        Cancel::new(move || stop.load(Ordering::Relaxed) || cancel.is_cancelled())
    }

    fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Works on each item, and passes the events on to the caller's thread. Answers the results in the items' order.
pub(super) fn each<Item: Sync, Out: Send>(
    items: &[Item],
    stop: &Stop,
    events: &mut dyn FnMut(TransferEvent),
    work: impl Fn(&Item, &Events) -> Result<Out, RegistryError> + Sync,
) -> Result<Vec<Out>, RegistryError> {
    let queue: Mutex<VecDeque<(usize, &Item)>> = Mutex::new(items.iter().enumerate().collect());
    let results: Mutex<Vec<(usize, Out)>> = Mutex::default();
    let fault: Mutex<Option<RegistryError>> = Mutex::default();
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        for _ in 0..LAYERS_AT_ONCE.min(items.len()) {
            let sender = Events::new(sender.clone());
            let (queue, results, fault, work) = (&queue, &results, &fault, &work);
            scope.spawn(move || {
                while let Some((place, item)) = take(queue) {
                    match work(item, &sender) {
                        Ok(out) => lock(results).push((place, out)),
                        Err(error) => {
                            keep(&mut lock(fault), error);
                            stop.now();
                            return;
                        }
                    }
                    if lock(fault).is_some() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for event in receiver {
            events(event);
        }
    });
    if let Some(error) = fault.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(place, _)| *place);
    Ok(results.into_iter().map(|(_, out)| out).collect())
}

/// The fault that is told is the first one; that others were given up for it says nothing.
fn keep(fault: &mut Option<RegistryError>, error: RegistryError) {
    match fault {
        None | Some(RegistryError::Cancelled) => *fault = Some(error),
        Some(_) => {}
    }
}

fn take<T>(queue: &Mutex<VecDeque<T>>) -> Option<T> {
    lock(queue).pop_front()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
