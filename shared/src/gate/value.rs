//! A rule's value: text to a limit. Sizes are read as dive reads them: `20MB` is 20,000,000 bytes and `20MiB` 20,971,520.

use super::mistake::quoted;
use super::rules::nearest;
use super::yaml::{Node, Value};
use super::{Form, Limit, Mistake, Rule, paths, user};
use crate::image::WASTE_CAUSES;

/// Most values of one rule's list.
const LIST_MAX: usize = 1000;

/// Longest name of a user or cause, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// What allows no setuid program at all, as a word.
const NONE: &str = "none";

/// The known cause that a misspelt one is near to.
pub(super) fn nearest_cause(name: &str) -> Option<&'static str> {
    nearest(name, WASTE_CAUSES.into_iter())
}

/// The limit that a value of a file says; none where it disables the rule.
pub(super) fn of_node(rule: Rule, node: &Node) -> Result<Option<Limit>, Mistake> {
    let is_list = is_list(rule.info().form);
    match &node.value {
        Value::Nothing => Ok(None),
        Value::Scalar(text) => limit(rule, text),
        Value::List(items) if is_list => {
            let mut words = Vec::with_capacity(items.len().min(LIST_MAX));
            for item in items {
                let Value::Scalar(text) = &item.value else {
                    let message = format!("expected a value, but found {}", item.value.kind());
                    return Err(Mistake::at(item.at, message));
                };
                words.push(word(rule, text).map_err(|mistake| mistake.or_at(item.at))?);
            }
            list(rule, words)
        }
        other => {
            let expected = expected(rule.info().form);
            let found = other.kind();
            Err(Mistake::new(format!(
                "expected {expected}, but found {found}"
            )))
        }
    }
}

/// The limit that an option's value says: as [`limit`], with commas between the values of a list.
pub(super) fn option(rule: Rule, text: &str) -> Result<Option<Limit>, Mistake> {
    if !is_list(rule.info().form) || !text.contains(',') {
        return limit(rule, text);
    }
    let words = text.split(',').map(|part| word(rule, part));
    list(rule, words.collect::<Result<_, _>>()?)
}

/// The limit that one text says; none where it disables the rule.
pub(super) fn limit(rule: Rule, text: &str) -> Result<Option<Limit>, Mistake> {
    if is_disabled(text) {
        return Ok(None);
    }
    let form = rule.info().form;
    let wrong = || {
        let expected = expected(form);
        Mistake::new(format!("expected {expected}, but found: {}", quoted(text)))
    };
    let limit = match form {
        Form::Ratio => Limit::Ratio(ratio(text).ok_or_else(wrong)?),
        Form::Bytes => Limit::Number(bytes(text).ok_or_else(wrong)?),
        Form::Count => Limit::Number(text.trim().parse().map_err(|_| wrong())?),
        Form::Globs if rule == Rule::AllowedSetuid && text.trim() == NONE => {
            Limit::List(Vec::new())
        }
        Form::Globs | Form::Users | Form::Causes => return list(rule, vec![word(rule, text)?]),
    };
    Ok(Some(limit))
}

fn is_list(form: Form) -> bool {
    matches!(form, Form::Globs | Form::Users | Form::Causes)
}

/// dive's words for a rule that does not hold.
fn is_disabled(text: &str) -> bool {
    let text = text.trim();
    ["", "disabled", "off", "false"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}

fn expected(form: Form) -> &'static str {
    match form {
        Form::Ratio => "a number from 0 to 1, such as 0.95, or a percentage, such as 95%",
        Form::Bytes => "a number of bytes, such as 20MB or 20MiB",
        Form::Count => "a number, such as 12",
        Form::Globs => "patterns of paths, such as **/.env",
        Form::Users => "names or numbers of users, or not-root",
        Form::Causes => "causes of waste, such as deleted_file",
    }
}

fn list(rule: Rule, words: Vec<String>) -> Result<Option<Limit>, Mistake> {
    if words.len() > LIST_MAX {
        let found = words.len();
        let message = format!("expected at most {LIST_MAX} values, but found {found}");
        return Err(Mistake::new(message));
    }
    // A list of nothing asks for nothing; only of what is allowed it says that nothing is.
    Ok((!words.is_empty() || rule == Rule::AllowedSetuid).then_some(Limit::List(words)))
}

/// One value of a list.
fn word(rule: Rule, text: &str) -> Result<String, Mistake> {
    let text = text.trim();
    let form = rule.info().form;
    let is_name = || {
        text.len() <= NAME_BYTES_MAX
            && !text.is_empty()
            && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    let is_good = match form {
        Form::Globs => return paths::check(text).map(|()| text.to_owned()),
        Form::Users => is_name() && (rule == Rule::RequiredUser || text != user::NOT_ROOT),
        Form::Causes => is_name(),
        Form::Ratio | Form::Bytes | Form::Count => true,
    };
    if is_good {
        return Ok(text.to_owned());
    }
    let message = format!("expected {}, but found: {}", expected(form), quoted(text));
    let mistake = Mistake::new(message);
    Err(match text == user::NOT_ROOT {
        true => mistake.hint("write requiredUser: not-root, or forbiddenUser: root"),
        false => mistake,
    })
}

/// `0.95`, or `95%`.
fn ratio(text: &str) -> Option<f64> {
    let text = text.trim();
    let number: f64 = match text.strip_suffix('%') {
        Some(percent) => percent.trim_end().parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    (0.0..=1.0).contains(&number).then_some(number)
}

/// `20MB`, `1.5 GiB`, `1000`: units in any case, in steps of 1,000, and of 1,024 with an `i`.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits_end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let unit = unit.trim_start().to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let (letter, base) = match unit.strip_suffix('i') {
        Some(letter) if !letter.is_empty() => (letter, 1024_u64),
        _ => (unit, 1000),
    };
    let power = match letter {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        "e" => 6,
        _ => return None,
    };
    let unit_bytes = base.pow(power);
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit_bytes);
    }
    let bytes = number.parse::<f64>().ok()? * unit_bytes as f64;
    // 2^64, which no number of bytes reaches.
    (bytes < 18_446_744_073_709_551_616.0).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_dive_reads_them() {
        for (text, expected) in [
            ("20MB", 20_000_000),
            ("19Mb", 19_000_000),
            ("1KB", 1000),
            ("1.6MB", 1_600_000),
            ("2GB", 2_000_000_000),
            ("20 MiB", 20 << 20),
            ("20m", 20_000_000),
            ("20mi", 20 << 20),
            ("1000", 1000),
            ("1000B", 1000),
            (".5k", 500),
            ("0", 0),
            ("18446744073709551615", u64::MAX),
            ("15EiB", 15 << 60),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        for text in [
            "", "MB", "-1", "1.2.3", "20XB", "1e7", "16EiB", "20 M B", "1,000", "NaN", "20ib", ".",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn ratios_are_from_0_to_1_or_percentages() {
        for (text, expected) in [
            ("0.95", 0.95),
            ("1", 1.0),
            ("0", 0.0),
            ("20%", 0.2),
            ("1e-1", 0.1),
        ] {
            assert_eq!(ratio(text), Some(expected), "{text}");
        }
        for text in ["95", "1.01", "-0.1", "NaN", "inf", "%", "101%", "", "0,9"] {
            assert_eq!(ratio(text), None, "{text}");
        }
    }

    #[test]
    fn dives_words_disable_a_rule() {
        for text in ["disabled", "Disabled", "off", "OFF", "false", "", "  "] {
            assert_eq!(limit(Rule::HighestWastedBytes, text), Ok(None), "{text:?}");
            assert_eq!(limit(Rule::ForbiddenFiles, text), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn lists_are_checked_word_by_word() {
        let list = |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned());
            Some(Limit::List(words.collect()))
        };
        assert_eq!(
            option(Rule::ForbiddenFiles, "**/.env, *.pem"),
            Ok(list(&["**/.env", "*.pem"]))
        );
        assert_eq!(option(Rule::AllowedSetuid, "none"), Ok(list(&[])));
        assert_eq!(
            option(Rule::RequiredUser, "not-root"),
            Ok(list(&["not-root"]))
        );
        let said = option(Rule::ForbiddenUser, "not-root").unwrap_err();
        assert!(said.hint.unwrap().contains("requiredUser"));
        for (rule, text) in [
            (Rule::ForbiddenFiles, "[a-"),
            (Rule::ForbiddenFiles, "a\nb"),
            (Rule::ForbiddenWaste, "deleted file"),
            (Rule::RequiredUser, "a,,b"),
        ] {
            let said = option(rule, text).unwrap_err().to_string();
            assert!(said.contains("expected "), "{text}: {said}");
        }
        let many = "a,".repeat(LIST_MAX) + "a";
        let said = option(Rule::ForbiddenUser, &many).unwrap_err().to_string();
        assert!(
            said.contains("at most 1000 values, but found 1001"),
            "{said}"
        );
    }
}
