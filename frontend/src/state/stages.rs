//! The stages that a build can be told to end with.

/// A stage to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice<'a> {
    /// Its name, or its number.
    pub name: &'a str,
    /// The Dockerfile has it.
    pub is_known: bool,
}

/// The stages of a Dockerfile, and the chosen one where it is not among them any more: what is sent must be in sight.
pub fn choices<'a>(stages: &'a [String], target: &'a str) -> Vec<Choice<'a>> {
    let is_missing = !target.is_empty() && !stages.iter().any(|name| name == target);
    let known = stages.iter().map(|name| Choice {
        name,
        is_known: true,
    });
    let missing = is_missing.then_some(Choice {
        name: target,
        is_known: false,
    });
    known.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(stages: &[&str], target: &str) -> Vec<(String, bool)> {
        let stages: Vec<String> = stages.iter().map(|name| (*name).to_owned()).collect();
        choices(&stages, target)
            .into_iter()
            .map(|choice| (choice.name.to_owned(), choice.is_known))
            .collect()
    }

    /// The box showed "the last one", and a stage of the Dockerfile before was sent.
    #[test]
    fn a_target_that_is_no_stage_any_more_stands_in_the_list() {
        assert_eq!(
            names(&["base", "1"], "tests"),
            [
                ("base".into(), true),
                ("1".into(), true),
                ("tests".into(), false)
            ]
        );
    }

    #[test]
    fn a_stage_stands_there_once() {
        assert_eq!(names(&["base"], "base"), [("base".into(), true)]);
        assert!(names(&[], "").is_empty());
    }
}
