//! The environment that is asked for: rows of a name and a value, and what is pasted into one.

use super::Problem;
use crate::state::rows::{Row, Rows};

/// One variable, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VariableRow {
    /// Its name.
    pub name: String,
    /// Its value, as it stands.
    pub value: String,
}

impl VariableRow {
    /// Nothing was typed in it.
    pub fn is_empty(&self) -> bool {
        self.name.trim().is_empty() && self.value.is_empty()
    }

    /// Moves what was typed after a `=` from the name to the value, where that is empty: many type `NAME=value` at once.
    pub fn settle(&mut self) {
        if let Some((name, value)) = self.name.split_once('=')
            && self.value.is_empty()
        {
            (self.name, self.value) = (name.to_owned(), value.to_owned());
        }
    }

    fn problem(&self) -> Option<Problem> {
        let name = self.name.trim();
        if name.is_empty() {
            return (!self.value.is_empty()).then_some(Problem::VariableMissing);
        }
        let is_split = self.value.is_empty() && name.find('=').is_some_and(|at| at > 0);
        (name.contains('=') && !is_split).then(|| Problem::VariableName(name.to_owned()))
    }
}

/// The lines of a paste as variables; nothing where they are not all `NAME=value`, as when a value alone is pasted. Empty
/// lines and those that begin with `#` are passed over, as in a file of variables.
pub fn pasted(text: &str) -> Option<Vec<VariableRow>> {
    let lines = text.lines().map(str::trim_end);
    let told = lines.filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let variables: Option<Vec<VariableRow>> = told
        .map(|line| {
            let (name, value) = line.split_once('=')?;
            let name = name.trim_start();
            is_plain(name).then(|| VariableRow {
                name: name.to_owned(),
                value: value.to_owned(),
            })
        })
        .collect();
    variables.filter(|variables| !variables.is_empty())
}

/// What is wrong with a row beside the others.
pub fn problem(rows: &Rows<VariableRow>, row: &Row<VariableRow>) -> Option<Problem> {
    let name = row.value.name.trim();
    let is_twice = !name.is_empty()
        && rows
            .iter()
            .take_while(|other| other.id != row.id)
            .any(|other| other.value.name.trim() == name);
    row.value
        .problem()
        .or_else(|| is_twice.then(|| Problem::VariableTwice(name.to_owned())))
}

/// The variables to ask for; rows in which nothing was typed are passed over.
///
/// # Errors
/// The first row that has a problem.
pub(super) fn requests(rows: &Rows<VariableRow>) -> Result<Vec<(String, String)>, Problem> {
    rows.iter()
        .filter(|row| !row.value.is_empty())
        .map(|row| match problem(rows, row) {
            Some(problem) => Err(problem),
            None => {
                let mut typed = row.value.clone();
                typed.settle();
                Ok((typed.name.trim().to_owned(), typed.value))
            }
        })
        .collect()
}

/// A name as programs have them: letters, digits and underscores, not beginning with a digit. A dot or a dash is taken too,
/// as some programs want.
fn is_plain(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    name.bytes().all(is_word)
        && name
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: &str) -> VariableRow {
        VariableRow {
            name: name.into(),
            value: value.into(),
        }
    }

    fn rows(typed: &[(&str, &str)]) -> Rows<VariableRow> {
        let mut rows = Rows::default();
        for (name, value) in typed {
            rows.add(row(name, value));
        }
        rows
    }

    #[test]
    fn lines_of_variables_are_pasted_as_rows() {
        assert_eq!(
            pasted("# the service\nPORT=3000\r\n\nURL=http://a/?b=c \n"),
            Some(vec![row("PORT", "3000"), row("URL", "http://a/?b=c")])
        );
    }

    /// A value that holds a `=` was taken for a variable, and what was to be pasted was gone.
    #[test]
    fn what_is_no_list_of_variables_is_pasted_as_text() {
        for text in [
            "plain",
            "https://a/?b=c",
            "two words=x",
            "A=1\nand more",
            "",
            "=x",
            "1=x",
        ] {
            assert_eq!(pasted(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_typed_with_its_value_is_split() {
        let mut typed = row("A=b=c", "");
        typed.settle();
        assert_eq!(typed, row("A", "b=c"));
        assert_eq!(
            requests(&rows(&[("A=1", ""), ("", "")])),
            Ok(vec![("A".into(), "1".into())])
        );
    }

    #[test]
    fn a_variable_has_a_name_without_an_equals_sign_and_stands_once() {
        assert_eq!(requests(&rows(&[("", "x")])), Err(Problem::VariableMissing));
        for name in ["=x", "A=1"] {
            let typed = rows(&[(name, "2")]);
            assert_eq!(
                requests(&typed),
                Err(Problem::VariableName(name.into())),
                "{name}"
            );
        }
        let twice = rows(&[("A", "1"), ("A", "2")]);
        assert_eq!(requests(&twice), Err(Problem::VariableTwice("A".into())));
        assert_eq!(
            requests(&rows(&[("EMPTY", "")])),
            Ok(vec![("EMPTY".into(), String::new())])
        );
    }
}
