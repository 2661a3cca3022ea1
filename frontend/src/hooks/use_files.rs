//! The rows of an image's files that are in sight, as the worker gives them.
//!
//! One question is under way at a time; what is wished for meanwhile is gathered, so that neither a slider nor a scroll bar
//! asks faster than is answered. Keys are never dropped.

use std::cell::RefCell;
use std::rc::Rc;

use yew::prelude::*;

use crate::services::analyser::FilesAsk;
use crate::state::by_address::ByAddress;
use estiva_worker::summary::Summary;
use estiva_worker::tree::{Act, Look, Sight, Wish};

/// Rows that are asked for at once: some screens of them, so that most scrolling needs no question.
pub const ROWS_ASKED: usize = 160;

/// The rows in sight, and what can be done with them.
#[derive(Clone, PartialEq)]
pub struct FilesHandle {
    /// What is in sight; none before the first answer.
    pub sight: Option<ByAddress<Sight>>,
    /// Why there is none.
    pub failure: Option<AttrValue>,
    /// Does something.
    pub act: Callback<Act>,
    /// Wants the rows around this one.
    pub show: Callback<usize>,
}

#[derive(Default)]
struct Pipe {
    look: Look,
    acts: Vec<Act>,
    start: usize,
    paths: bool,
    is_wanted: bool,
    is_asked: bool,
    // Answers about what was open before are not for this page any more.
    epoch: u32,
}

/// The files of an image as they are looked at; with `paths`, rows say their whole paths.
#[hook]
pub fn use_files(
    image: ByAddress<Summary>,
    look: Look,
    paths: bool,
    files: Callback<FilesAsk>,
) -> FilesHandle {
    let sight = use_state(|| None::<ByAddress<Sight>>);
    let failure = use_state_eq(|| None::<AttrValue>);
    let pipe = use_mut_ref(Pipe::default);
    let flow = Flow {
        pipe: pipe.clone(),
        files: files.clone(),
        sight: sight.setter(),
        failure: failure.setter(),
    };
    {
        let (flow, look) = (flow.clone(), look.clone());
        use_effect_with(image, move |_| {
            flow.sight.set(None);
            flow.failure.set(None);
            let mut pipe = flow.pipe.borrow_mut();
            *pipe = Pipe {
                look,
                paths,
                epoch: pipe.epoch + 1,
                ..Pipe::default()
            };
            drop(pipe);
            flow.want();
            let pipe = flow.pipe.clone();
            move || pipe.borrow_mut().epoch += 1
        });
    }
    {
        let flow = flow.clone();
        use_effect_with((look, paths), move |(look, paths)| {
            let is_other = {
                let pipe = flow.pipe.borrow();
                pipe.look != *look || pipe.paths != *paths
            };
            if is_other {
                let mut pipe = flow.pipe.borrow_mut();
                (pipe.look, pipe.paths) = (look.clone(), *paths);
                drop(pipe);
                flow.want();
            }
        });
    }
    // The same from render to render: rows that did not change are not drawn anew.
    let act = {
        let flow = flow.clone();
        use_callback(files.clone(), move |act, _| {
            flow.pipe.borrow_mut().acts.push(act);
            flow.want();
        })
    };
    let show = use_callback(files, move |row: usize, _| {
        flow.pipe.borrow_mut().start = row.saturating_sub(ROWS_ASKED / 2);
        flow.want();
    });
    FilesHandle {
        sight: (*sight).clone(),
        failure: (*failure).clone(),
        act,
        show,
    }
}

/// What a question and its answer need.
#[derive(Clone)]
struct Flow {
    pipe: Rc<RefCell<Pipe>>,
    files: Callback<FilesAsk>,
    sight: UseStateSetter<Option<ByAddress<Sight>>>,
    failure: UseStateSetter<Option<AttrValue>>,
}

impl Flow {
    fn want(&self) {
        self.pipe.borrow_mut().is_wanted = true;
        self.ask();
    }

    /// Asks, unless something is asked already.
    fn ask(&self) {
        let (wish, epoch) = {
            let mut pipe = self.pipe.borrow_mut();
            if pipe.is_asked || !pipe.is_wanted {
                return;
            }
            (pipe.is_asked, pipe.is_wanted) = (true, false);
            let wish = Wish {
                look: pipe.look.clone(),
                acts: std::mem::take(&mut pipe.acts),
                start: pipe.start,
                count: ROWS_ASKED,
                paths: pipe.paths,
            };
            (wish, pipe.epoch)
        };
        let flow = self.clone();
        let reply = Callback::from(move |answer| flow.take(epoch, answer));
        self.files.emit(FilesAsk::Rows(wish, reply));
    }

    fn take(&self, epoch: u32, answer: Result<Sight, String>) {
        {
            let mut pipe = self.pipe.borrow_mut();
            if pipe.epoch != epoch {
                return;
            }
            pipe.is_asked = false;
            if let Ok(sight) = &answer
                && sight.moved
            {
                pipe.start = sight.start;
            }
        }
        match answer {
            Ok(sight) => {
                self.failure.set(None);
                self.sight.set(Some(ByAddress::new(sight)));
            }
            Err(message) => self.failure.set(Some(message.into())),
        }
        self.ask();
    }
}
