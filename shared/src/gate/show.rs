//! Results in words, the same in every output: what was found, what was asked for, where.

use super::{Measure, Place, Rule, RuleResult, Status, Unit};
use crate::text::{escape_name, human_bytes};

/// Longest list that is shown, in characters.
const LIST_CHARS_MAX: usize = 80;

impl RuleResult {
    /// What was found, such as `0.83`, `20 MB` or `2 files`; a dash where the rule is disabled. Names in it are escaped.
    #[must_use]
    pub fn measured_text(&self) -> String {
        let Some(measured) = &self.measured else {
            return "-".to_owned();
        };
        match self.is_told_apart() {
            true => amount(measured, self.unit),
            false => exact(measured, self.unit),
        }
    }

    /// What was asked for, such as `at least 0.9`, `none of **/.env` or `disabled`. Names in it are escaped.
    #[must_use]
    pub fn limit_text(&self) -> String {
        let Some(limit) = &self.limit else {
            return "disabled".to_owned();
        };
        let words = match self.rule() {
            Some(Rule::LowestEfficiency) => "at least",
            Some(Rule::ForbiddenFiles | Rule::ForbiddenFilesInTree) => "none of",
            Some(Rule::ForbiddenUser | Rule::ForbiddenWaste) => "none of",
            Some(Rule::RequiredUser) => "one of",
            Some(Rule::AllowedSetuid) => "only",
            _ => "at most",
        };
        match limit {
            Measure::List(list) if list.is_empty() => "none".to_owned(),
            Measure::List(list) if list.len() == 1 && self.rule() == Some(Rule::RequiredUser) => {
                cut(&list[0], LIST_CHARS_MAX)
            }
            Measure::List(list) => format!("{words} {}", cut(&list.join(", "), LIST_CHARS_MAX)),
            limit if self.is_told_apart() => format!("{words} {}", amount(limit, self.unit)),
            limit => format!("{words} {}", exact(limit, self.unit)),
        }
    }

    /// Whether what was found and what was asked for look different where they must: rounded alike, the two would say that
    /// nothing is wrong.
    fn is_told_apart(&self) -> bool {
        let shown =
            |measure: &Option<Measure>| measure.as_ref().map(|measure| amount(measure, self.unit));
        self.status != Status::Fail || shown(&self.measured) != shown(&self.limit)
    }

    /// `expected …, but found …`, as a sentence without its dot.
    #[must_use]
    pub fn message(&self) -> String {
        format!(
            "expected {}, but found {}",
            self.limit_text(),
            self.measured_text()
        )
    }
}

impl Place {
    /// `path (layer 3, deleted_file)`, with what is known of it. Names in it are escaped; `length_max` cuts the path and the
    /// note, in characters each.
    #[must_use]
    pub fn text(&self, length_max: usize) -> String {
        let mut about = Vec::new();
        let mut text = String::new();
        match (&self.path, self.layer) {
            (Some(path), layer) => {
                text = cut(path, length_max);
                about.extend(layer.map(|layer| format!("layer {layer}")));
            }
            (None, Some(layer)) => text = format!("layer {layer}"),
            (None, None) => {}
        }
        if let Some(note) = &self.note {
            let note = cut(note, length_max);
            if text.is_empty() {
                text = note;
            } else {
                about.push(note);
            }
        }
        match about.is_empty() {
            true => text,
            false => format!("{text} ({})", about.join(", ")),
        }
    }
}

/// A text from outside, escaped, and cut in its middle where it is longer.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    let shown = escape_name(text);
    let length = shown.chars().count();
    if length <= chars_max {
        return shown.into_owned();
    }
    // The end tells files apart, the start folders.
    let kept = chars_max.saturating_sub(1);
    let start: String = shown.chars().take(kept / 2).collect();
    let end: String = shown.chars().skip(length - (kept - kept / 2)).collect();
    format!("{start}…{end}")
}

fn amount(measure: &Measure, unit: Unit) -> String {
    match (measure, unit) {
        (Measure::Number(number), Unit::Bytes) => human_bytes(*number),
        (Measure::Number(number), _) => counted(*number, unit),
        (Measure::Ratio(ratio), _) => trimmed(format!("{ratio:.4}")),
        (Measure::Text(text), _) => cut(text, LIST_CHARS_MAX),
        (Measure::List(list), _) => cut(&list.join(", "), LIST_CHARS_MAX),
    }
}

fn exact(measure: &Measure, unit: Unit) -> String {
    match (measure, unit) {
        (Measure::Number(number), Unit::Bytes) => format!("{number} B"),
        (Measure::Ratio(ratio), _) => ratio.to_string(),
        _ => amount(measure, unit),
    }
}

fn counted(number: u64, unit: Unit) -> String {
    let (one, many) = match unit {
        Unit::Layers => ("layer", "layers"),
        Unit::Files => ("file", "files"),
        Unit::Problems => ("problem", "problems"),
        Unit::Ratio | Unit::Bytes | Unit::Users => ("", ""),
    };
    let word = if number == 1 { one } else { many };
    format!("{number} {word}").trim_end().to_owned()
}

/// `0.9000` is `0.9`, and `1.0000` is `1`.
fn trimmed(number: String) -> String {
    number
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(
        rule: Rule,
        unit: Unit,
        status: Status,
        measured: Measure,
        limit: Measure,
    ) -> RuleResult {
        RuleResult {
            rule: rule.info().key.to_owned(),
            status,
            unit,
            measured: Some(measured),
            limit: Some(limit),
            note: None,
            places: Vec::new(),
            places_total: 0,
        }
    }

    #[test]
    fn what_is_rounded_alike_is_told_exactly_where_it_fails() {
        let number = |measured, limit| {
            let (measured, limit) = (Measure::Number(measured), Measure::Number(limit));
            result(
                Rule::HighestImageBytes,
                Unit::Bytes,
                Status::Fail,
                measured,
                limit,
            )
            .message()
        };
        assert_eq!(
            number(30_000_000, 20_000_000),
            "expected at most 20 MB, but found 30 MB"
        );
        assert_eq!(
            number(20_000_001, 20_000_000),
            "expected at most 20000000 B, but found 20000001 B"
        );
        let ratio = |measured, limit| {
            let (measured, limit) = (Measure::Ratio(measured), Measure::Ratio(limit));
            result(
                Rule::LowestEfficiency,
                Unit::Ratio,
                Status::Fail,
                measured,
                limit,
            )
            .message()
        };
        assert_eq!(ratio(0.5, 0.9), "expected at least 0.9, but found 0.5");
        assert_eq!(
            ratio(0.899999, 0.9),
            "expected at least 0.9, but found 0.899999"
        );
    }

    #[test]
    fn limits_are_said_in_the_words_of_their_rule() {
        let list = |rule, unit, words: &[&str]| {
            let list = words.iter().map(|word| (*word).to_owned()).collect();
            result(
                rule,
                unit,
                Status::Fail,
                Measure::Number(1),
                Measure::List(list),
            )
            .message()
        };
        assert_eq!(
            list(Rule::ForbiddenFiles, Unit::Files, &["**/.env", "*.pem"]),
            "expected none of **/.env, *.pem, but found 1 file"
        );
        assert_eq!(
            list(Rule::AllowedSetuid, Unit::Files, &[]),
            "expected none, but found 1 file"
        );
        let user = result(
            Rule::RequiredUser,
            Unit::Users,
            Status::Fail,
            Measure::Text("root\u{202e}".into()),
            Measure::List(vec!["not-root".into()]),
        );
        assert_eq!(user.message(), "expected not-root, but found root\\u{202e}");
        let none = RuleResult {
            measured: None,
            limit: None,
            status: Status::Skipped,
            ..user
        };
        assert_eq!(
            (none.measured_text(), none.limit_text()),
            ("-".into(), "disabled".into())
        );
    }

    #[test]
    fn places_say_what_is_known_and_long_names_keep_both_ends() {
        let place = Place {
            layer: Some(3),
            path: Some("usr/share/a\nb".into()),
            note: Some("deleted_file".into()),
            ..Place::default()
        };
        assert_eq!(place.text(80), "usr/share/a\\u{a}b (layer 3, deleted_file)");
        assert_eq!(place.text(9), "usr/…{a}b (layer 3, dele…file)");
        let layer = Place {
            layer: Some(3),
            ..Place::default()
        };
        assert_eq!(layer.text(80), "layer 3");
        let note = Place {
            note: Some("root".into()),
            ..Place::default()
        };
        assert_eq!(note.text(80), "root");
        assert_eq!(Place::default().text(80), "");
    }
}
