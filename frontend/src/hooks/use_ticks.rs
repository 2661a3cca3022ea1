//! What is ticked to be left out of the image that is looked at, for every view that has boxes.

use estiva_shared::image::LeftOut;
use yew::prelude::*;

use super::PlaceHandle;
use crate::state::place::{Place, Way};
use crate::state::ticked::{Tick, tick_of, turned};

/// What is ticked, and the way to tick.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ticks {
    /// What is left out; none where nothing can be ticked.
    pub ticked: Option<Vec<LeftOut>>,
    /// Turns one over.
    pub turn: Callback<LeftOut>,
}

impl Ticks {
    /// What the box of this shows; none where there are no boxes.
    pub fn of(&self, one: &LeftOut) -> Option<Tick> {
        self.ticked.as_ref().map(|ticked| tick_of(ticked, one))
    }
}

/// The ticks of the place that is looked at, for [`use_ticks`] below.
#[hook]
pub fn use_ticks_of(place: &PlaceHandle) -> Ticks {
    let newest = use_mut_ref(|| place.clone());
    *newest.borrow_mut() = place.clone();
    // The same from render to render: rows that did not change are not drawn anew.
    let turn = use_callback((), move |one: LeftOut, ()| {
        let PlaceHandle { place, go, .. } = newest.borrow().clone();
        let next = turned(place.without.as_deref().unwrap_or_default(), one);
        if let Some(next) = next {
            let next = Place {
                without: Some(next),
                ..place
            };
            go.emit((next, Way::Quiet));
        }
    });
    Ticks {
        ticked: place.place.without.clone(),
        turn,
    }
}

/// The ticks of the image that this is a view of.
#[hook]
pub fn use_ticks() -> Ticks {
    use_context::<Ticks>().unwrap_or_default()
}
