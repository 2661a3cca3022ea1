//! What of an image is looked at, as it stands in the page's address: the view, the layer, the path, the search.
//!
//! Only what differs from the first look is written, so that an address is as short as can be. What can't be read in one is
//! left out: an address may be old, or typed.

use estiva_shared::image::{Change, LeftOut};

use super::ticked::{self, TICKED_MAX};
use estiva_worker::tree::{Bits, Find, Kind, Look, Order, Syntax};

/// The view that an image opens with.
pub const FIRST_VIEW: &str = "files";

/// What of an image is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name of the view.
    pub view: String,
    /// The layer after which the tree is shown; none for the last.
    pub layer: Option<usize>,
    /// Only what that layer did.
    pub changes: bool,
    /// The path that is chosen in the tree.
    pub path: String,
    /// The folder that the map shows; empty for the root.
    pub folder: String,
    /// The order in the tree.
    pub order: Order,
    /// What is searched for.
    pub find: Find,
    /// The file that is open; empty for none.
    pub file: String,
    /// How it is looked at; empty for the way that shows most of it.
    pub tab: String,
    /// The line, from 1, or the offset that is looked at.
    pub at: Option<u64>,
    /// The layer whose version it is compared with.
    pub against: Option<usize>,
    /// What the image is weighed without; none where that is not asked.
    pub without: Option<Vec<LeftOut>>,
}

impl Default for Place {
    fn default() -> Self {
        Place {
            view: FIRST_VIEW.to_owned(),
            layer: None,
            changes: false,
            path: String::new(),
            folder: String::new(),
            order: Order::default(),
            find: Find::default(),
            file: String::new(),
            tab: String::new(),
            at: None,
            against: None,
            without: None,
        }
    }
}

/// How a change of place is written into the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In the place of what was there: a step of a slider, a key in the tree.
    Quiet,
    /// As a step that the browser's Back takes back.
    Step,
    /// As a step, with the path brought into sight.
    Lead,
}

impl Place {
    /// The tree that is looked at, of an image with so many layers.
    pub fn look(&self, layers: usize) -> Look {
        let last = layers.saturating_sub(1);
        Look {
            layer: self.layer.unwrap_or(last).min(last),
            changes: self.changes,
            order: self.order,
            find: self.find.clone(),
        }
    }

    /// With a file opened, which is then the chosen path too, or with none.
    pub fn with_file(self, layer: Option<usize>, path: &str) -> Place {
        let chosen = match path {
            "" => self.path,
            path => path.to_owned(),
        };
        Place {
            layer,
            path: chosen,
            file: path.to_owned(),
            tab: String::new(),
            at: None,
            against: None,
            ..self
        }
    }

    /// The address's query, without its `?`; empty for the first look.
    pub fn query(&self) -> String {
        let find = &self.find;
        let first = Place::default();
        let number = |value: Option<usize>| value.map(|value| value.to_string());
        let parts = [
            ("view", (self.view != first.view).then(|| self.view.clone())),
            ("layer", number(self.layer)),
            ("changes", self.changes.then(|| "1".to_owned())),
            ("path", given(&self.path)),
            ("in", given(&self.folder)),
            (
                "order",
                word(
                    ORDERS,
                    Some(self.order).filter(|order| *order != first.order),
                ),
            ),
            ("find", given(&find.text)),
            (
                "as",
                word(
                    SYNTAXES,
                    Some(find.syntax).filter(|syntax| *syntax != first.find.syntax),
                ),
            ),
            ("kind", word(KINDS, find.kind)),
            ("change", word(CHANGES, find.change)),
            ("by", number(find.layer)),
            ("owner", given(&find.owner)),
            ("mode", word(BITS, find.bits)),
            (
                "min",
                (find.min_bytes > 0).then(|| find.min_bytes.to_string()),
            ),
            ("file", given(&self.file)),
            ("tab", given(&self.tab)),
            ("at", self.at.map(|at| at.to_string())),
            ("against", number(self.against)),
        ];
        // One part for each thing; an empty one where there is none yet.
        let without = self.without.iter().flat_map(|without| {
            let words = without.iter().map(ticked::word);
            let none = without.is_empty().then(String::new);
            words.chain(none).map(|word| ("without", Some(word)))
        });
        let parts = parts
            .into_iter()
            .chain(without)
            .filter_map(|(name, value)| Some(format!("{name}={}", escape(&value?))));
        parts.collect::<Vec<_>>().join("&")
    }

    /// The query with this place, of an address that has one already: what is not a place's, such as which image is meant,
    /// stays as it is.
    pub fn query_within(&self, query: &str) -> String {
        let others = query.trim_start_matches('?').split('&').filter(|part| {
            let name = part.split('=').next().unwrap_or_default();
            !part.is_empty() && !NAMES.contains(&name)
        });
        let own = self.query();
        let parts = others.chain((!own.is_empty()).then_some(own.as_str()));
        parts.collect::<Vec<_>>().join("&")
    }

    /// The place of an address's query, with or without its `?`.
    pub fn of_query(query: &str) -> Place {
        let mut place = Place::default();
        for part in query.trim_start_matches('?').split('&') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = unescape(value);
            match name {
                "view" if !value.is_empty() => place.view = value,
                "layer" => place.layer = value.parse().ok(),
                "changes" => place.changes = value == "1",
                "path" => place.path = value,
                "in" => place.folder = value,
                "order" => place.order = meant(ORDERS, &value).unwrap_or_default(),
                "find" => place.find.text = value,
                "as" => place.find.syntax = meant(SYNTAXES, &value).unwrap_or_default(),
                "kind" => place.find.kind = meant(KINDS, &value),
                "change" => place.find.change = meant(CHANGES, &value),
                "by" => place.find.layer = value.parse().ok(),
                "owner" => place.find.owner = value,
                "mode" => place.find.bits = meant(BITS, &value),
                "min" => place.find.min_bytes = value.parse().unwrap_or_default(),
                "file" => place.file = value,
                "tab" => place.tab = value,
                "at" => place.at = value.parse().ok(),
                "against" => place.against = value.parse().ok(),
                "without" => {
                    let without = place.without.get_or_insert_default();
                    let word = ticked::meant(&value).filter(|_| without.len() < TICKED_MAX);
                    without.extend(word);
                }
                _ => {}
            }
        }
        place
    }
}

/// The names of a place's parts in the address.
const NAMES: &[&str] = &[
    "view", "layer", "changes", "path", "in", "order", "find", "as", "kind", "change", "by",
    "owner", "mode", "min", "file", "tab", "at", "against", "without",
];

/// The words of the address, which are those of the page's lists too.
pub const ORDERS: &[(&str, Order)] = &[("name", Order::Name), ("size", Order::Size)];
/// See [`ORDERS`].
pub const SYNTAXES: &[(&str, Syntax)] = &[
    ("text", Syntax::Text),
    ("glob", Syntax::Glob),
    ("regex", Syntax::Regex),
];
/// See [`ORDERS`].
pub const KINDS: &[(&str, Kind)] = &[
    ("file", Kind::File),
    ("folder", Kind::Folder),
    ("link", Kind::Link),
    ("special", Kind::Special),
];
/// See [`ORDERS`].
pub const CHANGES: &[(&str, Change)] = &[
    ("added", Change::Added),
    ("changed", Change::Changed),
    ("removed", Change::Removed),
];
/// See [`ORDERS`].
pub const BITS: &[(&str, Bits)] = &[("setid", Bits::SetId), ("writable", Bits::Writable)];

/// What a word of a list means.
pub fn meant<T: Copy>(list: &[(&str, T)], word: &str) -> Option<T> {
    list.iter()
        .find(|(name, _)| *name == word)
        .map(|(_, value)| *value)
}

/// The word for something of a list.
pub fn word<T: PartialEq>(list: &[(&str, T)], value: Option<T>) -> Option<String> {
    let value = value?;
    list.iter()
        .find(|(_, other)| *other == value)
        .map(|(name, _)| (*name).to_owned())
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A text as a query holds it (RFC 3986, section 2).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => {
                escaped.push(char::from(byte))
            }
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_from_its_address() {
        let find = Find {
            text: "50% of a+b & c=d?#é".into(),
            syntax: Syntax::Glob,
            kind: Some(Kind::Special),
            change: Some(Change::Removed),
            layer: Some(3),
            owner: "0:0".into(),
            bits: Some(Bits::Writable),
            min_bytes: 1_000_000,
        };
        let place = Place {
            view: "map".into(),
            layer: Some(7),
            changes: true,
            path: "usr/lib/\u{202e}x \n".into(),
            folder: "usr".into(),
            order: Order::Size,
            find,
            file: "usr/lib/a&b".into(),
            tab: "hex".into(),
            at: Some(u64::MAX),
            against: Some(2),
            without: Some(vec![LeftOut::Path("a&b=c/d%".into())]),
        };
        assert_eq!(Place::of_query(&format!("?{}", place.query())), place);
        let named = |part: &'static str| part.split('=').next().unwrap_or_default();
        let query = Box::leak(place.query().into_boxed_str());
        assert_eq!(query.split('&').map(named).collect::<Vec<_>>(), NAMES);
        assert_eq!(Place::default().query(), "");
        assert_eq!(Place::of_query(""), Place::default());
    }

    #[test]
    fn what_is_left_out_stands_part_by_part_and_also_where_it_is_nothing_yet() {
        let without = |without: Vec<LeftOut>| Place {
            without: Some(without),
            ..Place::default()
        };
        let none = without(Vec::new());
        assert_eq!(none.query(), "without=");
        assert_eq!(Place::of_query("without="), none);
        let some = without(vec![LeftOut::Layer(2), LeftOut::Path("usr/lib".into())]);
        assert_eq!(some.query(), "without=layer:2&without=/usr/lib");
        assert_eq!(Place::of_query(&some.query()), some);
        assert_eq!(
            some.query_within("?without=/old&image=x"),
            format!("image=x&{}", some.query())
        );
        let many = "without=/a&".repeat(2 * TICKED_MAX);
        let kept = Place::of_query(&many).without.map(|without| without.len());
        assert_eq!(kept, Some(TICKED_MAX));
    }

    #[test]
    fn a_file_is_opened_at_its_beginning_and_stays_chosen_once_it_is_closed() {
        let place = Place {
            tab: "hex".into(),
            at: Some(9),
            against: Some(1),
            ..Place::default()
        };
        let opened = place.with_file(Some(2), "etc/x");
        assert_eq!(opened.query(), "layer=2&path=etc/x&file=etc/x");
        assert_eq!(opened.with_file(Some(2), "").query(), "layer=2&path=etc/x");
    }

    #[test]
    fn what_else_the_address_says_stays() {
        let place = Place {
            layer: Some(2),
            ..Place::default()
        };
        let query = "?image=sha256%3Aab~2&view=map&layer=1&x";
        assert_eq!(place.query_within(query), "image=sha256%3Aab~2&x&layer=2");
        assert_eq!(
            Place::default().query_within(query),
            "image=sha256%3Aab~2&x"
        );
        assert_eq!(Place::default().query_within("?view=map"), "");
        assert_eq!(place.query_within(""), "layer=2");
    }

    #[test]
    fn only_what_differs_is_written() {
        let place = Place {
            layer: Some(2),
            path: "usr/lib".into(),
            ..Place::default()
        };
        assert_eq!(place.query(), "layer=2&path=usr/lib");
    }

    #[test]
    fn what_can_not_be_read_is_left_out() {
        let place = Place::of_query("layer=x&kind=house&min=-1&order=&%zz&view=&other=1&path=%4");
        assert_eq!(
            place,
            Place {
                path: "%4".into(),
                ..Place::default()
            }
        );
    }

    #[test]
    fn a_layer_beyond_the_last_is_the_last() {
        let place = Place {
            layer: Some(9),
            ..Place::default()
        };
        assert_eq!(
            (
                place.look(3).layer,
                Place::default().look(3).layer,
                place.look(0).layer
            ),
            (2, 2, 0)
        );
    }
}
