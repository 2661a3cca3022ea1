//! Something asked of the server: on its way, here, or refused; and asked again.

use std::future::Future;
use std::rc::Rc;

use estiva_shared::protocol::ErrorBody;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// How far an answer is.
#[derive(Debug, PartialEq)]
pub enum Load<T> {
    /// On its way.
    Loading,
    /// Here.
    Ready(Rc<T>),
    /// Refused.
    Failed(ErrorBody),
}

// By hand: what is behind the Rc need not be Clone.
impl<T> Clone for Load<T> {
    fn clone(&self) -> Self {
        match self {
            Load::Loading => Load::Loading,
            Load::Ready(value) => Load::Ready(value.clone()),
            Load::Failed(error) => Load::Failed(error.clone()),
        }
    }
}

/// An answer, and the way to ask again.
#[derive(Clone, Debug, PartialEq)]
pub struct Remote<T: PartialEq> {
    /// How far it is.
    pub load: Load<T>,
    /// Asks again; what is shown stays until the new answer is here.
    pub reload: Callback<()>,
}

/// Asks whenever `key` changes, or [`Remote::reload`] says so.
#[hook]
pub fn use_remote<K, T, F>(key: K, ask: impl Fn(K) -> F + 'static) -> Remote<T>
where
    K: Clone + PartialEq + 'static,
    T: PartialEq + 'static,
    F: Future<Output = Result<T, ErrorBody>> + 'static,
{
    let load = use_state(|| Load::Loading);
    let round = use_state(|| 0u32);
    // An answer that comes after a newer question was asked is not for this page any more.
    let newest = use_mut_ref(|| 0u32);
    {
        let load = load.clone();
        use_effect_with((key.clone(), *round), move |(key, _)| {
            *newest.borrow_mut() += 1;
            let number = *newest.borrow();
            let answer = ask(key.clone());
            spawn_local(async move {
                let answer = answer.await;
                if *newest.borrow() == number {
                    load.set(match answer {
                        Ok(value) => Load::Ready(Rc::new(value)),
                        Err(error) => Load::Failed(error),
                    });
                }
            });
        });
    }
    {
        let load = load.clone();
        use_effect_with(key, move |_| load.set(Load::Loading));
    }
    let reload = Callback::from(move |()| round.set(*round + 1));
    Remote {
        load: (*load).clone(),
        reload,
    }
}
