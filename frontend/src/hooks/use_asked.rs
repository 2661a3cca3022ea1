//! What the worker knows of an image and a wish that changes faster than it answers: a slider, boxes that are ticked.

use std::cell::RefCell;
use std::rc::Rc;

use yew::prelude::*;

use crate::state::by_address::ByAddress;
use estiva_worker::summary::Summary;

/// A wish, and where the answer is to go.
pub type Asking<W, A> = Callback<(W, Callback<Result<A, String>>)>;

/// The answer to a wish; the one before it, or why there is none, until it is here. Nothing is asked with no wish.
#[hook]
pub fn use_asked<W, A>(
    image: ByAddress<Summary>,
    wish: Option<W>,
    asking: Asking<W, A>,
) -> Option<Result<ByAddress<A>, String>>
where
    W: Clone + PartialEq + 'static,
    A: 'static,
{
    let shown = use_state(|| None::<Answered<A>>);
    let waiting = use_mut_ref(Waiting::<W>::default);
    {
        let shown = shown.setter();
        use_effect_with((image.clone(), wish), move |(image, wish)| {
            waiting.borrow_mut().wish.clone_from(wish);
            let flow = Flow {
                waiting,
                image: image.clone(),
                asking,
                shown,
            };
            flow.ask();
        });
    }
    let (of, answer) = (*shown).clone()?;
    (of == image).then_some(answer)
}

type Answered<A> = (ByAddress<Summary>, Result<ByAddress<A>, String>);

/// One question at a time: the last wish is asked when the one before is answered.
struct Waiting<W> {
    is_asked: bool,
    wish: Option<W>,
}

impl<W> Default for Waiting<W> {
    fn default() -> Self {
        Self {
            is_asked: false,
            wish: None,
        }
    }
}

struct Flow<W, A> {
    waiting: Rc<RefCell<Waiting<W>>>,
    image: ByAddress<Summary>,
    asking: Asking<W, A>,
    shown: UseStateSetter<Option<Answered<A>>>,
}

impl<W: 'static, A: 'static> Flow<W, A> {
    fn ask(self) {
        let wish = {
            let mut waiting = self.waiting.borrow_mut();
            if waiting.is_asked {
                return;
            }
            let Some(wish) = waiting.wish.take() else {
                return;
            };
            waiting.is_asked = true;
            wish
        };
        let asking = self.asking.clone();
        let flow = RefCell::new(Some(self));
        let reply = Callback::from(move |answer: Result<A, String>| {
            // One answer for each question.
            let Some(flow) = flow.take() else { return };
            flow.waiting.borrow_mut().is_asked = false;
            let answer = answer.map(ByAddress::new);
            flow.shown.set(Some((flow.image.clone(), answer)));
            flow.ask();
        });
        asking.emit((wish, reply));
    }
}
