//! A map of an image's files, as the worker lays it out.

use yew::prelude::*;

use crate::services::analyser::FilesAsk;
use crate::state::by_address::ByAddress;
use crate::state::summary::Summary;
use crate::state::treemap::{Map, MapWish};

/// The map that is wished for; the one before it, or why there is none, until it is here. None is asked for with no wish.
#[hook]
pub fn use_map(
    image: ByAddress<Summary>,
    wish: Option<MapWish>,
    files: Callback<FilesAsk>,
) -> Option<Result<ByAddress<Map>, String>> {
    let shown = use_state(|| None::<(ByAddress<Summary>, Result<ByAddress<Map>, String>)>);
    // One question at a time: the slider's last position is asked for when the one before is answered.
    let waiting = use_mut_ref(|| (0u32, false, None::<MapWish>));
    {
        let shown = shown.setter();
        use_effect_with((image.clone(), wish), move |(image, wish)| {
            waiting.borrow_mut().2.clone_from(wish);
            ask(&waiting, image, &files, &shown);
        });
    }
    let (of, map) = (*shown).clone()?;
    (of == image).then_some(map)
}

type Waiting = std::rc::Rc<std::cell::RefCell<(u32, bool, Option<MapWish>)>>;
type Shown = UseStateSetter<Option<(ByAddress<Summary>, Result<ByAddress<Map>, String>)>>;

fn ask(waiting: &Waiting, image: &ByAddress<Summary>, files: &Callback<FilesAsk>, shown: &Shown) {
    let wish = {
        let mut waiting = waiting.borrow_mut();
        if waiting.1 {
            return;
        }
        let Some(wish) = waiting.2.take() else {
            return;
        };
        waiting.1 = true;
        wish
    };
    let reply = {
        let (waiting, image, files, shown) =
            (waiting.clone(), image.clone(), files.clone(), shown.clone());
        Callback::from(move |map: Result<Map, String>| {
            waiting.borrow_mut().1 = false;
            shown.set(Some((image.clone(), map.map(ByAddress::new))));
            ask(&waiting, &image, &files, &shown);
        })
    };
    files.emit(FilesAsk::Map(wish, reply));
}
