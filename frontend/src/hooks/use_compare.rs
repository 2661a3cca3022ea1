//! Two images that are compared: each read by one worker, which has to hold both to compare them.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, File};
use yew::prelude::*;

use crate::services::analyser::{Analyser, Reply};
use crate::services::api;
use crate::state::by_address::ByAddress;
use crate::state::comparing::{CompareAction, Comparing, Side};
use estiva_worker::comparison::{Wanted, Which};
use estiva_worker::difference_tree::DifferenceTree;
use estiva_worker::{Answer, CompareAsk};

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A file, read in this browser.
    File(File),
    /// An image of the store, by its name or id.
    Image(String),
}

impl Source {
    fn name(&self) -> String {
        match self {
            Source::File(file) => file.name(),
            Source::Image(name) => name.clone(),
        }
    }
}

/// Takes a tree of differences, or why there is none.
pub type TreeReply = Callback<Result<ByAddress<DifferenceTree>, String>>;

/// Two images that are compared, and what can be done with them.
#[derive(Clone, PartialEq)]
pub struct CompareHandle {
    /// How far it is.
    pub view: UseReducerHandle<Comparing>,
    /// Reads an image for a side.
    pub open: Callback<(Which, Source)>,
    /// Takes a side's image out, or stops reading it.
    pub close: Callback<Which>,
    /// Asks for the tree of the differences that are wanted.
    pub tree: Callback<(Wanted, TreeReply)>,
}

/// What the callbacks share.
#[derive(Clone)]
struct Work {
    analyser: Analyser,
    view: UseReducerDispatcher<Comparing>,
    inner: Rc<RefCell<Inner>>,
}

#[derive(Default)]
struct Inner {
    sources: [Option<Source>; 2],
    numbers: [u32; 2],
    reading: [bool; 2],
}

/// Owns both sides; called once, by the page.
#[hook]
pub fn use_compare() -> CompareHandle {
    let view = use_reducer(Comparing::default);
    let analyser = use_memo((), |()| Analyser::default());
    let inner = use_memo((), |()| Rc::new(RefCell::new(Inner::default())));
    let work = Work {
        analyser: (*analyser).clone(),
        view: view.dispatcher(),
        inner: (*inner).clone(),
    };
    {
        let (work, places) = (work.clone(), view.places());
        let asked = use_mut_ref(|| 0_u32);
        use_effect_with((view.pair(), view.semantic), move |(pair, semantic)| {
            if pair.is_some() {
                *asked.borrow_mut() += 1;
                work.compare(*asked.borrow(), places, *semantic);
            }
        });
    }
    let open = {
        let work = work.clone();
        use_callback((), move |(which, source), ()| work.open(which, source))
    };
    let close = {
        let work = work.clone();
        use_callback((), move |which, ()| work.close(which))
    };
    let tree = use_callback((), move |(wanted, reply): (Wanted, TreeReply), ()| {
        work.tree(wanted, reply)
    });
    CompareHandle {
        view,
        open,
        close,
        tree,
    }
}

impl Work {
    fn open(&self, which: Which, source: Source) {
        let name = source.name();
        let number = self.next(which, Some(source.clone()), true);
        self.tell(which, number, reading(&name, None));
        let this = self.clone();
        match source {
            Source::File(file) => {
                this.read(
                    which,
                    number,
                    name,
                    CompareAsk::Archive { which },
                    file.into(),
                );
            }
            Source::Image(image) => spawn_local(async move {
                match api::analysis(&image).await {
                    Ok(analysis) if this.is_newest(which, number) => {
                        this.read(
                            which,
                            number,
                            name,
                            CompareAsk::Analysis { which },
                            analysis,
                        );
                    }
                    Ok(_) => {}
                    Err(error) => this.fail(which, number, name, error.message),
                }
            }),
        }
    }

    fn read(&self, which: Which, number: u32, name: String, ask: CompareAsk, file: Blob) {
        let this = self.clone();
        let reply = Callback::from(move |reply| match reply {
            Reply::Answer(Answer::Progress {
                done_bytes,
                total_bytes,
                ..
            }) => this.tell(
                which,
                number,
                reading(&name, Some((done_bytes, total_bytes))),
            ),
            Reply::Answer(Answer::Images { images, .. }) => {
                this.inner.borrow_mut().reading[which.index()] = false;
                let images = images.into_iter().map(ByAddress::new).collect();
                let side = Side::Open {
                    name: name.clone(),
                    images,
                    chosen: 0,
                };
                this.tell(which, number, side);
            }
            Reply::Answer(Answer::Failed { message, .. }) => {
                this.fail(which, number, name.clone(), message);
            }
            Reply::Answer(_) => {}
            Reply::Crashed(message) => {
                this.fail(which, number, name.clone(), message);
                this.open_again(which.other());
            }
        });
        self.analyser.compare(ask, Some(file), reply);
    }

    fn fail(&self, which: Which, number: u32, name: String, message: String) {
        if self.is_newest(which, number) {
            let mut inner = self.inner.borrow_mut();
            inner.sources[which.index()] = None;
            inner.reading[which.index()] = false;
        }
        self.tell(which, number, Side::Failed { name, message });
    }

    /// Takes a side out. A worker can't hear while it reads, so it is ended, and the other side read again.
    fn close(&self, which: Which) {
        let was_reading = self.inner.borrow().reading[which.index()];
        let number = self.next(which, None, false);
        self.tell(which, number, Side::Empty);
        if was_reading {
            self.analyser.cancel();
            self.open_again(which.other());
        }
    }

    /// Reads a side again that the worker's end took along.
    fn open_again(&self, which: Which) {
        let source = self.inner.borrow().sources[which.index()].clone();
        if let Some(source) = source {
            self.open(which, source);
        }
    }

    fn compare(&self, number: u32, (a, b): (usize, usize), semantic: bool) {
        self.view.dispatch(CompareAction::Ask(number));
        let view = self.view.clone();
        let reply = Callback::from(move |reply| {
            let answer = match reply {
                Reply::Answer(Answer::Compared { compared, .. }) => Ok(ByAddress::new(*compared)),
                Reply::Answer(Answer::Failed { message, .. }) | Reply::Crashed(message) => {
                    Err(message)
                }
                Reply::Answer(_) => return,
            };
            view.dispatch(CompareAction::Answer(number, answer));
        });
        let ask = CompareAsk::Compare { a, b, semantic };
        self.analyser.compare(ask, None, reply);
    }

    fn tree(&self, wanted: Wanted, reply: TreeReply) {
        let reply = Callback::from(move |answer| {
            reply.emit(match answer {
                Reply::Answer(Answer::Differences { packed, .. }) => {
                    DifferenceTree::unpack(&packed)
                        .map(ByAddress::new)
                        .ok_or_else(|| "expected a tree, but found other bytes".to_owned())
                }
                Reply::Answer(Answer::Failed { message, .. }) | Reply::Crashed(message) => {
                    Err(message)
                }
                Reply::Answer(_) => return,
            });
        });
        self.analyser
            .compare(CompareAsk::Tree { wanted }, None, reply);
    }

    fn next(&self, which: Which, source: Option<Source>, reading: bool) -> u32 {
        let mut inner = self.inner.borrow_mut();
        let at = which.index();
        inner.sources[at] = source;
        inner.reading[at] = reading;
        inner.numbers[at] += 1;
        inner.numbers[at]
    }

    fn is_newest(&self, which: Which, number: u32) -> bool {
        self.inner.borrow().numbers[which.index()] == number
    }

    fn tell(&self, which: Which, number: u32, side: Side) {
        self.view.dispatch(CompareAction::Side(which, number, side));
    }
}

fn reading(name: &str, progress: Option<(u64, u64)>) -> Side {
    Side::Reading {
        name: name.to_owned(),
        progress,
    }
}
