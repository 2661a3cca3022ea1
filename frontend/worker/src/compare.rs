//! The worker's part for two images: it holds both sides and what differs between them.

use estiva_shared::image::{CompareOptions, Comparison, compare};
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, File};

use super::{Answer, Reader};
use crate::comparison::{Compared, Wanted, Which, tree};

/// What is asked of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "compare", rename_all = "snake_case")]
pub enum CompareAsk {
    /// Take an archive apart for one side; the file goes along.
    Archive {
        /// The side.
        which: Which,
    },
    /// Take the server's analysis for one side; its JSON goes along as a file.
    Analysis {
        /// The side.
        which: Which,
    },
    /// Compare an image of each side.
    Compare {
        /// The image of A, by its place in the answer.
        a: usize,
        /// The image of B.
        b: usize,
        /// Leave times aside.
        semantic: bool,
    },
    /// Make a tree of the differences that are wanted.
    Tree {
        /// Which are.
        wanted: Wanted,
    },
}

/// Both sides, and what differs between them.
#[derive(Default)]
pub struct Comparer {
    sides: [Reader; 2],
    comparison: Option<Comparison>,
}

impl Comparer {
    /// Does what is asked.
    pub fn take(
        &mut self,
        id: u64,
        ask: CompareAsk,
        file: JsValue,
        answer: &mut dyn FnMut(Answer),
    ) {
        let failed = |message: &str| Answer::Failed {
            id,
            message: message.to_owned(),
        };
        match ask {
            CompareAsk::Archive { which } => match file.dyn_into::<File>() {
                Ok(file) => {
                    self.comparison = None;
                    self.sides[which.index()].open_archive(id, file, answer);
                }
                Err(_) => answer(failed("expected a file with the message, but found none")),
            },
            CompareAsk::Analysis { which } => match file.dyn_into::<Blob>() {
                Ok(file) => {
                    self.comparison = None;
                    answer(self.sides[which.index()].open_analysis(id, &file));
                }
                Err(_) => answer(failed("expected a file with the message, but found none")),
            },
            CompareAsk::Compare { a, b, semantic } => {
                let [one, two] = &self.sides;
                let (Some(a), Some(b)) = (one.images().get(a), two.images().get(b)) else {
                    return answer(failed(
                        "expected two images that are open, but one was closed",
                    ));
                };
                let comparison = compare(a, b, CompareOptions { semantic });
                let compared = Box::new(Compared::of(&comparison));
                self.comparison = Some(comparison);
                answer(Answer::Compared { id, compared });
            }
            CompareAsk::Tree { wanted } => answer(match &self.comparison {
                Some(comparison) => Answer::Differences {
                    id,
                    packed: tree(&comparison.files, wanted).pack(),
                },
                None => failed("expected two images that were compared, but found none"),
            }),
        }
    }
}
