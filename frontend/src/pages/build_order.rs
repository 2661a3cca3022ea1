//! What is to be built, as chosen and typed: it outlives the page that shows it, and changes by actions alone.
//!
//! A folder takes its time to be read, and meanwhile one goes on choosing and typing. So a change is never made from a
//! remembered state, and what a reading found counts only while it is the one that is waited for.

use std::rc::Rc;

use estiva_shared::protocol::NetworkMode;
use yew::prelude::*;

use crate::services::folder::{Folder, FolderError, Reading};

/// Where the files come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Source {
    /// A folder that was dropped or chosen; none yet at first.
    #[default]
    Unset,
    /// This folder.
    Folder(Rc<Folder>),
    /// A folder under the server's context root.
    Server(String),
    /// Nowhere.
    Nothing,
}

/// What is to be built.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub(super) source: Source,
    /// A folder that is being read, with its files so far.
    pub(super) reading: Option<(Reading, usize)>,
    /// Why the last folder could not be taken.
    pub(super) trouble: Option<FolderError>,
    pub(super) text: AttrValue,
    // The text was typed since the last choice of a place.
    is_typed: bool,
    pub(super) tag: String,
    pub(super) target: String,
    pub(super) args: String,
    pub(super) no_cache: bool,
    pub(super) network: NetworkMode,
    pub(super) trust_host_ca: bool,
    // Ask the registry for newer bases.
    pub(super) pull: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            source: Source::Unset,
            reading: None,
            trouble: None,
            text: AttrValue::default(),
            is_typed: false,
            tag: String::new(),
            target: String::new(),
            args: String::new(),
            no_cache: false,
            network: NetworkMode::Bridge,
            trust_host_ca: false,
            pull: false,
        }
    }
}

/// What changes an order.
#[derive(Debug)]
pub enum OrderAction {
    /// The files come from elsewhere.
    Choose(Source),
    /// A folder is being read; another one is not waited for any more.
    Read(Reading),
    /// So many files of it are there.
    Counted(Reading, usize),
    /// It is there, or can't be taken.
    Taken(Reading, Result<Folder, FolderError>),
    /// It is not waited for any more.
    StopReading,
    /// The Dockerfile's text was typed.
    Text(String),
    /// Anything else was typed or chosen.
    Set(fn(&mut Order, String), String),
    /// A box was ticked or cleared.
    Tick(fn(&mut Order, bool), bool),
    /// Another network was chosen.
    Network(NetworkMode),
}

impl Order {
    fn is_reading(&self, which: &Reading) -> bool {
        self.reading
            .as_ref()
            .is_some_and(|(reading, _)| reading == which)
    }

    fn stop_reading(&mut self) {
        if let Some((reading, _)) = self.reading.take() {
            reading.stop();
        }
    }

    fn choose(&mut self, source: Source) {
        self.stop_reading();
        self.trouble = None;
        if matches!(self.source, Source::Folder(_)) {
            // A folder's Dockerfile goes with it: left here, it would be built in place of the next one's.
            self.text = AttrValue::default();
            self.target.clear();
        }
        self.source = source;
        self.is_typed = false;
    }

    fn take(&mut self, folder: Folder) {
        // What was typed while the folder was read is newer than what lies in it.
        if !self.is_typed {
            self.text = folder.dockerfile.clone().unwrap_or_default().into();
            // A stage belongs to its Dockerfile.
            self.target.clear();
        }
        if self.tag.is_empty() {
            self.tag = tag_of(&folder.name);
        }
        self.source = Source::Folder(Rc::new(folder));
    }
}

impl Reducible for Order {
    type Action = OrderAction;

    fn reduce(self: Rc<Self>, action: OrderAction) -> Rc<Self> {
        let mut next = Rc::unwrap_or_clone(self);
        match action {
            OrderAction::Choose(source) => next.choose(source),
            OrderAction::Read(reading) => {
                next.stop_reading();
                next.trouble = None;
                next.is_typed = false;
                next.reading = Some((reading, 0));
            }
            OrderAction::Counted(reading, count) if next.is_reading(&reading) => {
                next.reading = Some((reading, count));
            }
            OrderAction::Taken(reading, taken) if next.is_reading(&reading) => {
                next.reading = None;
                match taken {
                    Ok(folder) => next.take(folder),
                    Err(trouble) => next.trouble = Some(trouble),
                }
            }
            // What an older reading found is not wanted any more.
            OrderAction::Counted(..) | OrderAction::Taken(..) => {}
            OrderAction::StopReading => next.stop_reading(),
            OrderAction::Text(text) => {
                next.text = text.into();
                next.is_typed = true;
            }
            OrderAction::Set(set, value) => set(&mut next, value),
            OrderAction::Tick(set, ticked) => set(&mut next, ticked),
            OrderAction::Network(network) => next.network = network,
        }
        Rc::new(next)
    }
}

/// A folder's name as an image's: what the reference grammar allows, in lower case.
fn tag_of(folder: &str) -> String {
    let name: String = folder
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
        .collect();
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(actions: Vec<OrderAction>) -> Order {
        let order = actions
            .into_iter()
            .fold(Rc::new(Order::default()), |order, action| {
                order.reduce(action)
            });
        Rc::unwrap_or_clone(order)
    }

    fn folder(name: &str, dockerfile: &str) -> Folder {
        Folder {
            name: name.into(),
            dockerfile: Some(dockerfile.into()),
            ..Folder::default()
        }
    }

    /// A folder that was still being read came in over whatever was chosen since, and took what was typed with it.
    #[test]
    fn what_was_chosen_while_a_folder_was_read_stays() {
        let slow = Reading::default();
        let order = after(vec![
            OrderAction::Read(slow.clone()),
            OrderAction::Choose(Source::Server("api".into())),
            OrderAction::Counted(slow.clone(), 7),
            OrderAction::Taken(slow, Ok(folder("slow", "FROM slow"))),
        ]);
        assert_eq!(order.source, Source::Server("api".into()));
        assert!(order.reading.is_none() && order.text.is_empty() && order.tag.is_empty());
    }

    #[test]
    fn the_folder_that_was_dropped_last_is_taken_whichever_is_read_first() {
        let (first, second) = (Reading::default(), Reading::default());
        let order = after(vec![
            OrderAction::Read(first.clone()),
            OrderAction::Read(second.clone()),
            OrderAction::Taken(second, Ok(folder("Second One", "FROM second"))),
            OrderAction::Taken(first, Ok(folder("first", "FROM first"))),
        ]);
        assert_eq!(
            (order.text.as_str(), order.tag.as_str()),
            ("FROM second", "secondone")
        );
    }

    #[test]
    fn what_was_typed_while_a_folder_was_read_stays() {
        let reading = Reading::default();
        let order = after(vec![
            OrderAction::Read(reading.clone()),
            OrderAction::Text("FROM typed".into()),
            OrderAction::Set(|order, text| order.tag = text, "mine".into()),
            OrderAction::Taken(reading, Ok(folder("other", "FROM folder"))),
        ]);
        assert_eq!(
            (order.text.as_str(), order.tag.as_str()),
            ("FROM typed", "mine")
        );
        assert!(matches!(order.source, Source::Folder(_)));
    }

    #[test]
    fn a_folders_dockerfile_goes_with_it() {
        let reading = Reading::default();
        let order = after(vec![
            OrderAction::Text("FROM before".into()),
            OrderAction::Read(reading.clone()),
            OrderAction::Taken(reading, Ok(folder("a", "FROM a AS one"))),
            OrderAction::Set(|order, text| order.target = text, "one".into()),
            OrderAction::Choose(Source::Nothing),
        ]);
        assert!(order.text.is_empty() && order.target.is_empty());
    }

    #[test]
    fn a_stopped_reading_leaves_all_as_it_was() {
        let reading = Reading::default();
        let order = after(vec![
            OrderAction::Choose(Source::Nothing),
            OrderAction::Read(reading.clone()),
            OrderAction::StopReading,
            OrderAction::Taken(reading, Err(FolderError::Stopped)),
        ]);
        assert_eq!(order.source, Source::Nothing);
        assert!(order.trouble.is_none());
    }
}
