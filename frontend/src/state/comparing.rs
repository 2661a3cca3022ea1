//! The compare page: how far each of its two sides is, and what came of comparing them.
//!
//! An answer belongs to the question with the same number; one to an older question is passed over.

use std::rc::Rc;

use yew::Reducible;

use super::by_address::ByAddress;
use estiva_worker::comparison::{Compared, Which};
use estiva_worker::summary::Summary;

/// One side.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Side {
    /// Nothing is chosen.
    #[default]
    Empty,
    /// It is being read.
    Reading {
        /// What it is called.
        name: String,
        /// Bytes read and in all; none while the server reads it.
        progress: Option<(u64, u64)>,
    },
    /// It is open.
    Open {
        /// What it is called.
        name: String,
        /// The images in it.
        images: Vec<ByAddress<Summary>>,
        /// The one that is compared.
        chosen: usize,
    },
    /// It could not be read.
    Failed {
        /// What it is called.
        name: String,
        /// Why.
        message: String,
    },
}

/// What came of comparing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Outcome {
    /// A side is missing.
    #[default]
    Waiting,
    /// It is under way.
    Comparing,
    /// It is here.
    Ready(ByAddress<Compared>),
    /// It could not be done.
    Failed(String),
}

/// Both images that are compared: each is told from another by its address.
pub type Pair = (ByAddress<Summary>, ByAddress<Summary>);

/// The page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparing {
    sides: [Side; 2],
    numbers: [u32; 2],
    /// Times are left aside.
    pub semantic: bool,
    /// What came of it.
    pub outcome: Outcome,
    asked: u32,
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq)]
pub enum CompareAction {
    /// A side has a question of this number under way, or an answer to it.
    Side(Which, u32, Side),
    /// Another image of a side's file.
    Choose(Which, usize),
    /// Times are left aside, or not.
    Semantic(bool),
    /// The question of this number is under way.
    Ask(u32),
    /// Its answer.
    Answer(u32, Result<ByAddress<Compared>, String>),
}

impl Comparing {
    /// One of the sides.
    pub fn side(&self, which: Which) -> &Side {
        &self.sides[which.index()]
    }

    /// Both images, once both are there.
    pub fn pair(&self) -> Option<Pair> {
        let image = |side: &Side| match side {
            Side::Open { images, chosen, .. } => images.get(*chosen).cloned(),
            _ => None,
        };
        Some((image(&self.sides[0])?, image(&self.sides[1])?))
    }

    /// The places of both in their files.
    pub fn places(&self) -> (usize, usize) {
        let place = |side: &Side| match side {
            Side::Open { chosen, .. } => *chosen,
            _ => 0,
        };
        (place(&self.sides[0]), place(&self.sides[1]))
    }
}

impl Reducible for Comparing {
    type Action = CompareAction;

    fn reduce(self: Rc<Self>, action: CompareAction) -> Rc<Self> {
        let mut next = Rc::unwrap_or_clone(self);
        match action {
            CompareAction::Side(which, number, side) => {
                let at = which.index();
                if number < next.numbers[at] {
                    return Rc::new(next);
                }
                next.numbers[at] = number;
                next.sides[at] = side;
                if next.pair().is_none() {
                    next.outcome = Outcome::Waiting;
                }
            }
            CompareAction::Choose(which, place) => {
                if let Side::Open { images, chosen, .. } = &mut next.sides[which.index()] {
                    *chosen = place.min(images.len().saturating_sub(1));
                }
            }
            CompareAction::Semantic(semantic) => next.semantic = semantic,
            CompareAction::Ask(number) => {
                next.asked = number;
                // What is shown stays while only the question changes.
                if !matches!(next.outcome, Outcome::Ready(_)) {
                    next.outcome = Outcome::Comparing;
                }
            }
            CompareAction::Answer(number, answer)
                if number == next.asked && next.pair().is_some() =>
            {
                next.outcome = match answer {
                    Ok(compared) => Outcome::Ready(compared),
                    Err(message) => Outcome::Failed(message),
                };
            }
            CompareAction::Answer(..) => {}
        }
        Rc::new(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(actions: Vec<CompareAction>) -> Comparing {
        let view = actions
            .into_iter()
            .fold(Rc::new(Comparing::default()), |view, action| {
                view.reduce(action)
            });
        Rc::unwrap_or_clone(view)
    }

    fn reading(name: &str) -> Side {
        Side::Reading {
            name: name.into(),
            progress: None,
        }
    }

    #[test]
    fn an_answer_to_an_older_question_is_passed_over() {
        let view = after(vec![
            CompareAction::Side(Which::A, 1, reading("first")),
            CompareAction::Side(Which::A, 2, reading("second")),
            CompareAction::Side(
                Which::A,
                1,
                Side::Failed {
                    name: "first".into(),
                    message: "late".into(),
                },
            ),
        ]);
        assert_eq!(view.side(Which::A), &reading("second"));
        assert_eq!(view.side(Which::B), &Side::Empty);
        assert!(view.pair().is_none());
        let view = after(vec![
            CompareAction::Ask(2),
            CompareAction::Answer(1, Err("old".into())),
        ]);
        assert_eq!(view.outcome, Outcome::Comparing);
    }
}
