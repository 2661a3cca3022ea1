//! The little of YAML that a rules file needs: maps, lists and plain values, each with its place.
//!
//! Reading is `saphyr-parser`'s (YAML 1.2). What a file of settings has no use for (aliases, tags, a second document, deep
//! nesting) is refused by name, so that nothing is taken for something else.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::Mistake;

/// Deepest nesting that is read: a rules file has a map, its rules, and their lists.
const DEPTH_MAX: usize = 8;

/// What is mostly meant where a star or an exclamation mark is YAML's.
const QUOTES: &str = "a value that begins with * or ! stands in quotes";

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: At,
}

/// A place in the file: both from 1, the column in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    pub(super) line: u32,
    pub(super) column: u32,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Nothing after the colon, `~` or `null`.
    Nothing,
    /// A word, a number, a text in quotes: all of them as text.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

impl Value {
    /// What it is, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Scalar(_) => "a value",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// A key with its place.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) at: At,
}

/// A list or map that is not complete yet.
struct Open {
    at: At,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map(Vec<(Key, Node)>, Option<Key>),
}

/// Reads a document. One without anything in it is [`Value::Nothing`].
///
/// # Errors
/// The first thing that can't be read, with its place.
pub(super) fn read(text: &str) -> Result<Node, Mistake> {
    let mut open: Vec<Open> = Vec::new();
    let mut root: Option<Node> = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let marker = error.marker();
            let at = at(marker.line(), marker.col());
            let mistake = Mistake::at(at, format!("expected YAML, but found: {}", error.info()));
            // A pattern such as *.pem is an alias to YAML, and one of nothing.
            match error.info().contains("anchor") {
                true => mistake.hint(QUOTES),
                false => mistake,
            }
        })?;
        let place = start(&span);
        let refuse = |what: &str| {
            let message = format!("expected a plain value, list or map, but found {what}");
            Err(Mistake::at(place, message).hint(QUOTES))
        };
        let node = match event {
            Event::Alias(_) => return refuse("an alias"),
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => return refuse("a tag"),
            Event::DocumentStart(_) if root.is_some() => {
                let message = "expected one document, but found a second one";
                return Err(Mistake::at(place, message));
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() == DEPTH_MAX => {
                let message = format!("expected at most {DEPTH_MAX} levels, but found more");
                return Err(Mistake::at(place, message));
            }
            Event::Scalar(text, style, ..) => Node {
                value: scalar(&text, style),
                at: place,
            },
            Event::SequenceStart(..) => {
                open.push(Open {
                    at: place,
                    items: Items::List(Vec::new()),
                });
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open {
                    at: place,
                    items: Items::Map(Vec::new(), None),
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(done) => close(done),
                None => continue,
            },
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => add(parent, node)?,
            None => root = Some(node),
        }
    }
    Ok(root.unwrap_or(Node {
        value: Value::Nothing,
        at: At { line: 1, column: 1 },
    }))
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" if style == ScalarStyle::Plain => Value::Nothing,
        text => Value::Scalar(text.to_owned()),
    }
}

fn close(open: Open) -> Node {
    let value = match open.items {
        Items::List(items) => Value::List(items),
        Items::Map(pairs, _) => Value::Map(pairs),
    };
    Node { value, at: open.at }
}

/// Puts a value into its list, or as a key or a key's value into its map.
fn add(parent: &mut Open, node: Node) -> Result<(), Mistake> {
    match &mut parent.items {
        Items::List(items) => items.push(node),
        Items::Map(pairs, key) => match key.take() {
            Some(key) => pairs.push((key, node)),
            None => {
                let Value::Scalar(name) = node.value else {
                    let message = format!("expected a key, but found {}", node.value.kind());
                    return Err(Mistake::at(node.at, message));
                };
                if let Some((first, _)) = pairs.iter().find(|(known, _)| known.name == name) {
                    let line = first.at.line;
                    let message =
                        format!("expected each key once, but found it in line {line} too");
                    return Err(Mistake::at(node.at, message).key(&name));
                }
                *key = Some(Key { name, at: node.at });
            }
        },
    }
    Ok(())
}

fn start(span: &Span) -> At {
    at(span.start.line(), span.start.col())
}

/// The parser counts columns from 0.
fn at(line: usize, column: usize) -> At {
    At {
        line: u32::try_from(line).unwrap_or(u32::MAX).max(1),
        column: u32::try_from(column).unwrap_or(u32::MAX).saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn values_have_their_places() {
        let node = read("# a comment\nrules:\n  one: 0.9 # why\n  two: [a, 'b']\n").unwrap();
        let Value::Map(top) = node.value else {
            panic!("{:?}", node.value)
        };
        let Value::Map(rules) = &top[0].1.value else {
            panic!("{:?}", top[0].1.value)
        };
        let (one, two) = (&rules[0], &rules[1]);
        assert_eq!((one.0.at.line, one.0.at.column), (3, 3));
        assert_eq!((one.1.at.line, one.1.at.column), (3, 8));
        assert!(matches!(&one.1.value, Value::Scalar(text) if text == "0.9"));
        let Value::List(items) = &two.1.value else {
            panic!("{:?}", two.1.value)
        };
        assert!(matches!(&items[1].value, Value::Scalar(text) if text == "b"));
    }

    #[test]
    fn nothing_is_told_from_an_empty_text() {
        for text in ["", "# only a comment\n", "~", "---\n", "\u{feff}"] {
            assert!(
                matches!(read(text).unwrap().value, Value::Nothing),
                "{text:?}"
            );
        }
        assert!(matches!(read("''").unwrap().value, Value::Scalar(_)));
    }

    #[test]
    fn what_settings_have_no_use_for_is_refused_by_name() {
        for (text, found) in [
            (
                "a: &x 1\nb: *x\n",
                "2:4: expected a plain value, list or map, but found an alias",
            ),
            ("a: !!str 1\n", "found a tag"),
            (
                "a: 1\n---\nb: 2\n",
                "expected one document, but found a second one",
            ),
            (
                "a: 1\na: 2\n",
                "2:1: a: expected each key once, but found it in line 1 too",
            ),
            ("[a]: 1\n", "expected a key, but found a list"),
            ("a: [1\n", "expected YAML, but found"),
            ("a:\n\tb: 1\n", "expected YAML, but found"),
        ] {
            let said = refused(text);
            assert!(said.contains(found), "{text:?}: {said}");
        }
    }

    #[test]
    fn patterns_that_want_quotes_are_told_so() {
        for text in [
            "a: *.pem\n",
            "a: [b, *.pem]\n",
            "a: !etc/ssl\n",
            "a: &b 1\nc: *b\n",
        ] {
            let hint = read(text).unwrap_err().hint;
            assert_eq!(hint.as_deref(), Some(QUOTES), "{text}");
        }
    }

    #[test]
    fn deep_nesting_ends_at_once() {
        for piece in ["[", "- ", "{a: ", "? "] {
            let said = refused(&piece.repeat(15_000));
            assert!(said.contains("expected "), "{piece}: {said}");
        }
        let said = refused("[[[[[[[[[1]]]]]]]]]");
        assert!(said.contains("at most 8 levels"), "{said}");
    }
}
