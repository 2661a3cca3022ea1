//! What of an image is looked at, and its place in the address: back and forward lead through it, a reload comes back to it.

use std::cell::RefCell;
use std::rc::Rc;

use yew::prelude::*;

use crate::services::address;
use crate::services::timer::Timer;
use crate::state::place::{Place, Way};

/// How long a place must rest before it is written in the place of the one before, in milliseconds: browsers refuse an
/// address that changes with each step of a slider.
const REST_MS: u32 = 300;

/// What is looked at, and the way to something else.
#[derive(Clone, PartialEq)]
pub struct PlaceHandle {
    /// What is looked at.
    pub place: Place,
    /// Changes whenever the path was led to from elsewhere, and is to be brought into sight.
    pub arrival: u32,
    /// Goes somewhere else.
    pub go: Callback<(Place, Way)>,
}

/// The place of the image that is shown.
#[hook]
pub fn use_place() -> PlaceHandle {
    let state = use_state(|| (Place::of_query(&address::query()), 0u32));
    // The newest place, also before it is drawn, and the address that waits to be written.
    let newest = use_mut_ref(|| (*state).clone());
    let waiting: Rc<RefCell<Option<Timer>>> = use_mut_ref(|| None);
    {
        let (state, newest, waiting) = (state.setter(), newest.clone(), waiting.clone());
        use_effect_with((), move |()| {
            let listener = address::on_travel(move || {
                let query = address::query();
                let (place, arrival) = newest.borrow().clone();
                let there = Place::of_query(&query);
                // A fragment that changes is told as travel too.
                if there != place {
                    waiting.borrow_mut().take();
                    let next = (there, arrival + 1);
                    *newest.borrow_mut() = next.clone();
                    state.set(next);
                }
            });
            move || drop(listener)
        });
    }
    {
        let waiting = waiting.clone();
        // A page that is left while an address waits: the next page's is not touched.
        use_effect_with((), move |()| move || drop(waiting.borrow_mut().take()));
    }
    let go = {
        let state = state.setter();
        Callback::from(move |(place, way): (Place, Way)| {
            let (before, arrival) = newest.borrow().clone();
            if place == before && way != Way::Lead {
                return;
            }
            let arrival = arrival + u32::from(way == Way::Lead);
            let was_waiting = waiting.borrow_mut().take().is_some();
            if way == Way::Quiet {
                let place = place.clone();
                *waiting.borrow_mut() = Timer::after(REST_MS, move || replace(&place));
            } else {
                if was_waiting {
                    replace(&before);
                }
                if place != before {
                    address::push_query(&place.query_within(&address::query()));
                }
            }
            *newest.borrow_mut() = (place.clone(), arrival);
            state.set((place, arrival));
        })
    };
    let (place, arrival) = (*state).clone();
    PlaceHandle { place, arrival, go }
}

/// Writes a place into the address, beside what else it says.
fn replace(place: &Place) {
    address::replace_query(&place.query_within(&address::query()));
}
