//! A rules file: `.dive-ci`, or the same with our own rules beside dive's.

use super::yaml::{self, Key, Node, Value};
use super::{Mistake, Rule, Rules, value};

/// The longest rules file that is read, in bytes: one with a thousand patterns has some 20 KB.
pub const RULES_BYTES_MAX: usize = 64 << 10;

/// Most mistakes that are told of one file.
const MISTAKES_MAX: usize = 20;

/// The key that the rules stand below.
const TOP: &str = "rules";

/// Reads a rules file. What it does not name keeps its default; what can't be read is told, in the order of the file, and the
/// rules should be used only where there is nothing to tell.
#[must_use]
pub fn read_rules(text: &str) -> (Rules, Vec<Mistake>) {
    let mut rules = Rules::default();
    let mut mistakes = Vec::new();
    if text.len() > RULES_BYTES_MAX {
        let found = text.len();
        let message =
            format!("expected rules of at most {RULES_BYTES_MAX} bytes, but found {found}");
        mistakes.push(Mistake::new(message));
        return (rules, mistakes);
    }
    match yaml::read(text) {
        Ok(node) => read_top(&node, &mut rules, &mut mistakes),
        Err(mistake) => mistakes.push(mistake),
    }
    mistakes.truncate(MISTAKES_MAX);
    (rules, mistakes)
}

fn read_top(node: &Node, rules: &mut Rules, mistakes: &mut Vec<Mistake>) {
    for (key, node) in map(node, "rules: and the rules below it", mistakes) {
        if key.name != TOP {
            let mistake = Mistake::at(key.at, "expected rules:, but found another key");
            mistakes.push(mistake.key(&key.name).hint(top_hint(&key.name)));
            continue;
        }
        let mut read = Vec::new();
        for (key, node) in map(node, "rules, each with its value", mistakes) {
            match read_rule(key, node, rules) {
                // Two spellings of one rule: the file may mean either value.
                Ok(rule) if read.contains(&rule) => {
                    let message = "expected each rule once, but found it in another spelling too";
                    mistakes.push(Mistake::at(key.at, message).key(&key.name));
                }
                Ok(rule) => read.push(rule),
                Err(mistake) => mistakes.push(mistake.or_at(node.at).key(&key.name)),
            }
        }
    }
}

fn read_rule(key: &Key, node: &Node, rules: &mut Rules) -> Result<Rule, Mistake> {
    let rule = Rule::of_key(&key.name).ok_or_else(|| Rule::unknown(&key.name).or_at(key.at))?;
    rules.set(rule, value::of_node(rule, node)?);
    Ok(rule)
}

/// The pairs of a map; nothing where there is nothing, and a mistake where there is something else.
fn map<'a>(node: &'a Node, expected: &str, mistakes: &mut Vec<Mistake>) -> &'a [(Key, Node)] {
    match &node.value {
        Value::Map(pairs) => pairs,
        Value::Nothing => &[],
        other => {
            let message = format!("expected {expected}, but found {}", other.kind());
            mistakes.push(Mistake::at(node.at, message));
            &[]
        }
    }
}

fn top_hint(key: &str) -> String {
    match Rule::of_key(key) {
        Some(rule) => format!("write {} below rules:, indented", rule.info().key),
        None => "a rules file has one key, rules:".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Limit;

    fn limits(text: &str) -> Vec<(&'static str, Option<Limit>)> {
        let (rules, mistakes) = read_rules(text);
        assert_eq!(mistakes, [], "{text}");
        let all = rules.iter();
        all.map(|(rule, limit)| (rule.info().key, limit.cloned()))
            .collect()
    }

    fn mistakes(text: &str) -> Vec<String> {
        let told = read_rules(text).1;
        told.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn dives_files_are_read_in_each_of_their_shapes() {
        let dives = |efficiency, wasted, percent| {
            vec![
                ("lowestEfficiency", Some(Limit::Ratio(efficiency))),
                ("highestWastedBytes", wasted),
                ("highestUserWastedPercent", percent),
                ("highestProblems", Some(Limit::Number(0))),
            ]
        };
        let whole = dives(
            0.95,
            Some(Limit::Number(20_000_000)),
            Some(Limit::Ratio(0.2)),
        );
        for text in [
            "rules:\n  # as in dive's README\n  lowestEfficiency: 0.95\n  highestWastedBytes: 20MB\n  highestUserWastedPercent: 0.20\n",
            "rules:\n  lowestEfficiency: \"0.95\"\n  highestWastedBytes: '20MB'\n  highestUserWastedPercent: .2",
            "---\r\nrules:\r\n    lowest-efficiency: 0.95\r\n    highest-wasted-bytes: 20000000\r\n    highest-user-wasted-percent: 0.20\r\n",
            "rules: {lowestEfficiency: 0.95, highestWastedBytes: 20 MB, highestUserWastedPercent: 0.2}",
            "\u{feff}rules:\n  highestUserWastedPercent: 0.2\n  highestWastedBytes: 20mb\n  lowestEfficiency: 95e-2\n...\n",
        ] {
            assert_eq!(limits(text), whole, "{text}");
        }
        for text in ["", "rules:\n", "# nothing\n", "rules: {}\n", "~"] {
            assert_eq!(
                limits(text),
                dives(0.9, None, Some(Limit::Ratio(0.1))),
                "{text}"
            );
        }
        for word in ["disabled", "off", "false", "'Disabled'", "~", "''", ""] {
            let text = format!("rules:\n  highestUserWastedPercent: {word}\n");
            assert_eq!(limits(&text), dives(0.9, None, None), "{text}");
        }
    }

    #[test]
    fn our_own_rules_stand_beside_dives() {
        let text = "rules:\n  lowestEfficiency: off\n  highestUserWastedPercent: off\n  highestImageBytes: 200 MB\n  highestLayers: 12\n  forbiddenFiles:\n    - '**/.env'\n    - id_rsa\n  requiredUser: not-root\n  allowedSetuid: []\n  forbiddenWaste: [deleted_file, a_cause_to_come]\n  highestReclaimablePercent: 5%\n  highestProblems: off\n";
        let list = |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned());
            Some(Limit::List(words.collect()))
        };
        assert_eq!(
            limits(text),
            [
                ("lowestEfficiency", None),
                ("highestWastedBytes", None),
                ("highestUserWastedPercent", None),
                ("highestReclaimablePercent", Some(Limit::Ratio(0.05))),
                ("highestImageBytes", Some(Limit::Number(200_000_000))),
                ("highestLayers", Some(Limit::Number(12))),
                ("forbiddenFiles", list(&["**/.env", "id_rsa"])),
                ("requiredUser", list(&["not-root"])),
                ("forbiddenWaste", list(&["deleted_file", "a_cause_to_come"])),
                ("allowedSetuid", list(&[])),
                ("highestProblems", None),
            ]
        );
    }

    #[test]
    fn a_mistake_has_its_place_and_the_others_are_told_too() {
        let text = "rules:\n  lowestEficiency: 0.95\n  highestWastedBytes: much\n  highestUserWastedPercent: [0.2]\n  forbiddenFiles:\n    - ok\n    - {a: b}\n    - '[a-'\n  highestLayers: 1.5\n";
        assert_eq!(
            mistakes(text),
            [
                "2:3: lowestEficiency: expected the name of a rule, but found another word",
                "3:23: highestWastedBytes: expected a number of bytes, such as 20MB or 20MiB, but found: much",
                "4:29: highestUserWastedPercent: expected a number from 0 to 1, such as 0.95, or a percentage, such as 95%, but found a list",
                "7:7: forbiddenFiles: expected a value, but found a map",
                "9:18: highestLayers: expected a number, such as 12, but found: 1.5",
            ]
        );
        let hint = read_rules(text).1[0].hint.clone();
        assert_eq!(hint.as_deref(), Some("did you mean lowestEfficiency?"));
    }

    #[test]
    fn what_is_no_rules_file_is_said_to_be_none() {
        for (text, said) in [
            (
                "lowestEfficiency: 0.9\n",
                "1:1: lowestEfficiency: expected rules:, but found another key",
            ),
            (
                "- a\n",
                "1:1: expected rules: and the rules below it, but found a list",
            ),
            (
                "rules: 3\n",
                "1:8: expected rules, each with its value, but found a value",
            ),
            (
                "rules:\n  highestLayers: 3\n  highest-layers: 4\n",
                "3:3: highest-layers: expected each rule once, but found it in another spelling too",
            ),
            (
                "FROM alpine\n",
                "1:1: expected rules: and the rules below it, but found a value",
            ),
        ] {
            assert_eq!(mistakes(text), [said], "{text}");
        }
        let hint = read_rules("lowestEfficiency: 0.9\n").1[0].hint.clone();
        assert_eq!(
            hint.as_deref(),
            Some("write lowestEfficiency below rules:, indented")
        );
        let long = "#".repeat(RULES_BYTES_MAX + 1);
        assert!(mistakes(&long)[0].contains("at most 65536 bytes, but found 65537"));
    }
}
