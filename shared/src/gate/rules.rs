//! The rules: their names, what a value of each may be, and what holds where nothing is said.
//!
//! The first three are dive's, with its words, its defaults and its edges: a value that equals its limit passes.

use super::Mistake;
use super::mistake::quoted;
use super::value;
use crate::dockerfile::distance;

/// A rule's name, in the order in which results stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The score by dive's definition.
    LowestEfficiency,
    /// The wasted bytes by dive's definition.
    HighestWastedBytes,
    /// dive's wasted bytes, divided by the content of all layers but the first.
    HighestUserWastedPercent,
    /// What a rebuild would save, in bytes.
    HighestReclaimableBytes,
    /// The same, divided by the layers' uncompressed bytes.
    HighestReclaimablePercent,
    /// The layers' uncompressed bytes.
    HighestImageBytes,
    /// How many layers there are.
    HighestLayers,
    /// Files that no layer may hold, also where a later one removes them.
    ForbiddenFiles,
    /// Files that a container may not see.
    ForbiddenFilesInTree,
    /// The users of which the config names one.
    RequiredUser,
    /// The users of which the config names none.
    ForbiddenUser,
    /// Causes of waste that may have no file.
    ForbiddenWaste,
    /// The only setuid and setgid programs that a container may see.
    AllowedSetuid,
    /// How many problems the archive may have.
    HighestProblems,
}

/// What a rule's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// From 0 to 1, or a percentage.
    Ratio,
    /// A number of bytes, with or without a unit.
    Bytes,
    /// A number.
    Count,
    /// Patterns of paths.
    Globs,
    /// Names or numbers of users.
    Users,
    /// Names of causes of waste.
    Causes,
}

/// What is known of a rule without a file.
#[derive(Clone, Copy, Debug)]
pub struct RuleInfo {
    /// Which one.
    pub rule: Rule,
    /// Its name in files, options and results.
    pub key: &'static str,
    /// What its value is.
    pub form: Form,
    /// The value where nothing is said, as it would stand in a file; none for a rule that is only there where it is named.
    pub default: Option<&'static str>,
    /// What it asks for, as a sentence.
    pub about: &'static str,
}

/// All rules, in their order.
pub const RULES: &[RuleInfo] = &[
    info(
        Rule::LowestEfficiency,
        "lowestEfficiency",
        Form::Ratio,
        Some("0.9"),
        "dive's efficiency score is at least this.",
    ),
    info(
        Rule::HighestWastedBytes,
        "highestWastedBytes",
        Form::Bytes,
        Some("disabled"),
        "dive's wasted bytes are at most this.",
    ),
    info(
        Rule::HighestUserWastedPercent,
        "highestUserWastedPercent",
        Form::Ratio,
        Some("0.1"),
        "dive's wasted bytes, divided by the content of all layers but the first, are at most this.",
    ),
    info(
        Rule::HighestReclaimableBytes,
        "highestReclaimableBytes",
        Form::Bytes,
        None,
        "A rebuild would save at most this.",
    ),
    info(
        Rule::HighestReclaimablePercent,
        "highestReclaimablePercent",
        Form::Ratio,
        None,
        "What a rebuild would save, divided by the layers' uncompressed bytes, is at most this.",
    ),
    info(
        Rule::HighestImageBytes,
        "highestImageBytes",
        Form::Bytes,
        None,
        "The layers have at most this many bytes, uncompressed.",
    ),
    info(
        Rule::HighestLayers,
        "highestLayers",
        Form::Count,
        None,
        "There are at most this many layers.",
    ),
    info(
        Rule::ForbiddenFiles,
        "forbiddenFiles",
        Form::Globs,
        None,
        "No layer holds a file that matches, also where a later layer removes it.",
    ),
    info(
        Rule::ForbiddenFilesInTree,
        "forbiddenFilesInTree",
        Form::Globs,
        None,
        "A container sees no file that matches.",
    ),
    info(
        Rule::RequiredUser,
        "requiredUser",
        Form::Users,
        None,
        "Containers start as one of these users.",
    ),
    info(
        Rule::ForbiddenUser,
        "forbiddenUser",
        Form::Users,
        None,
        "Containers start as none of these users.",
    ),
    info(
        Rule::ForbiddenWaste,
        "forbiddenWaste",
        Form::Causes,
        None,
        "Nothing is wasted by these causes.",
    ),
    info(
        Rule::AllowedSetuid,
        "allowedSetuid",
        Form::Globs,
        None,
        "A container sees no setuid or setgid program but those that match.",
    ),
    info(
        Rule::HighestProblems,
        "highestProblems",
        Form::Count,
        Some("0"),
        "At most this many problems were found while the image was read.",
    ),
];

const fn info(
    rule: Rule,
    key: &'static str,
    form: Form,
    default: Option<&'static str>,
    about: &'static str,
) -> RuleInfo {
    RuleInfo {
        rule,
        key,
        form,
        default,
        about,
    }
}

impl Rule {
    /// What is known of it.
    #[must_use]
    pub fn info(self) -> &'static RuleInfo {
        // The table is in the order of the names; a test holds it there.
        &RULES[self as usize]
    }

    /// The rule of a name. Case, dashes and underscores don't count: dive writes `lowest-efficiency` too.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        let bare = bare(key);
        // What dive called it for a while.
        let bare = bare.strip_suffix("threshold").unwrap_or(&bare);
        let known = RULES
            .iter()
            .find(|info| info.key.to_ascii_lowercase() == *bare);
        known.map(|info| info.rule)
    }

    /// The mistake of a name that is no rule's, with the one that may be meant.
    pub(super) fn unknown(key: &str) -> Mistake {
        let hint = match nearest(key, RULES.iter().map(|info| info.key)) {
            Some(meant) => format!("did you mean {meant}?"),
            None => {
                let all: Vec<_> = RULES.iter().map(|info| info.key).collect();
                format!("the rules are {}", all.join(", "))
            }
        };
        Mistake::new("expected the name of a rule, but found another word")
            .key(key)
            .hint(hint)
    }
}

/// A name without case, dashes and underscores.
fn bare(key: &str) -> String {
    key.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// The known name that a misspelt one is near to: a third of its letters may be others.
pub(super) fn nearest<'a>(misspelt: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer than any rule's name by more than may differ.
    const COMPARED_BYTES_MAX: usize = 48;
    if misspelt.len() > COMPARED_BYTES_MAX {
        return None;
    }
    let misspelt = bare(misspelt);
    let near = known.filter_map(|name| {
        let distance = distance(misspelt.as_bytes(), bare(name).as_bytes());
        (distance * 3 <= name.len()).then_some((distance, name))
    });
    near.min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// What a rule holds an image to.
#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    /// From 0 to 1.
    Ratio(f64),
    /// Bytes or a number.
    Number(u64),
    /// Patterns, users or causes.
    List(Vec<String>),
}

/// Which rules hold, and their limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Sorted by rule; none for one that is disabled.
    settings: Vec<(Rule, Option<Limit>)>,
}

impl Default for Rules {
    /// Those that hold where no file and no option says more: dive's, and no problems.
    fn default() -> Self {
        let defaults = RULES.iter().filter_map(|info| {
            let text = info.default?;
            let limit = value::limit(info.rule, text).expect("a test reads each default");
            Some((info.rule, limit))
        });
        Self {
            settings: defaults.collect(),
        }
    }
}

impl Rules {
    /// No rule at all.
    #[must_use]
    pub fn none() -> Self {
        Self {
            settings: Vec::new(),
        }
    }

    /// Sets a rule's limit; none disables it.
    pub(super) fn set(&mut self, rule: Rule, limit: Option<Limit>) {
        match self.settings.binary_search_by_key(&rule, |(rule, _)| *rule) {
            Ok(at) => self.settings[at].1 = limit,
            Err(at) => self.settings.insert(at, (rule, limit)),
        }
    }

    /// The rules in their order, each with its limit; none for one that is disabled.
    pub fn iter(&self) -> impl Iterator<Item = (Rule, Option<&Limit>)> {
        self.settings
            .iter()
            .map(|(rule, limit)| (*rule, limit.as_ref()))
    }

    /// Sets rules from options, each `NAME=VALUE`. They go before what was set so far; lists take values between commas,
    /// and a list's name that comes again adds to it. Of another name that comes again, the last value counts.
    ///
    /// # Errors
    /// The first option that can't be read.
    pub fn set_options<'a>(
        &mut self,
        options: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Mistake> {
        let mut given: Vec<Rule> = Vec::new();
        for option in options {
            let (key, text) = option.split_once('=').ok_or_else(|| {
                let message = format!(
                    "expected NAME=VALUE, such as lowestEfficiency=0.95, but found: {}",
                    quoted(option)
                );
                Mistake::new(message)
            })?;
            let rule = Rule::of_key(key).ok_or_else(|| Rule::unknown(key))?;
            let limit = value::option(rule, text).map_err(|mistake| mistake.key(key))?;
            let earlier = self
                .settings
                .iter_mut()
                .find(|(known, _)| *known == rule && given.contains(&rule));
            match (earlier, limit) {
                (Some((_, Some(Limit::List(list)))), Some(Limit::List(more))) => list.extend(more),
                (_, limit) => self.set(rule, limit),
            }
            given.push(rule);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_names_and_its_defaults_are_read() {
        for (index, info) in RULES.iter().enumerate() {
            assert_eq!(info.rule as usize, index, "{}", info.key);
            assert_eq!(info.rule.info().key, info.key);
            assert_eq!(Rule::of_key(info.key), Some(info.rule));
        }
        let rules: Vec<_> = Rules::default()
            .iter()
            .map(|(rule, limit)| (rule, limit.cloned()))
            .collect();
        assert_eq!(
            rules,
            [
                (Rule::LowestEfficiency, Some(Limit::Ratio(0.9))),
                (Rule::HighestWastedBytes, None),
                (Rule::HighestUserWastedPercent, Some(Limit::Ratio(0.1))),
                (Rule::HighestProblems, Some(Limit::Number(0))),
            ]
        );
    }

    #[test]
    fn the_documentation_has_every_rule_and_its_example_is_read() {
        let page = include_str!("../../../docs/inspect.md");
        for info in RULES {
            let row = page
                .lines()
                .find(|line| line.starts_with(&format!("| `{}` |", info.key)))
                .unwrap_or_else(|| panic!("docs/inspect.md lacks {}", info.key));
            if let Some(default) = info.default {
                assert!(row.contains(default), "{row} lacks {default}");
            }
        }
        let start = page.find("\nrules:\n").unwrap();
        let example = page[start..].split("```").next().unwrap();
        let (rules, mistakes) = crate::gate::read_rules(example);
        assert_eq!(mistakes, []);
        assert!(rules.iter().count() > 7);
    }

    #[test]
    fn names_are_known_in_each_of_dives_spellings() {
        for key in [
            "lowestEfficiency",
            "lowest-efficiency",
            "lowest_efficiency",
            "LOWESTEFFICIENCY",
            "lowest-efficiency-threshold",
        ] {
            assert_eq!(Rule::of_key(key), Some(Rule::LowestEfficiency), "{key}");
        }
        assert_eq!(Rule::of_key(""), None);
        assert_eq!(Rule::of_key("threshold"), None);
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_one_that_was_meant() {
        for (misspelt, meant) in [
            ("lowestEficiency", "did you mean lowestEfficiency?"),
            (
                "highestUserWastePercent",
                "did you mean highestUserWastedPercent?",
            ),
            ("highest-layer", "did you mean highestLayers?"),
            ("forbidenFiles", "did you mean forbiddenFiles?"),
            ("size", "the rules are lowestEfficiency, "),
        ] {
            let hint = Rule::unknown(misspelt).hint.unwrap();
            assert!(hint.starts_with(meant), "{misspelt}: {hint}");
        }
    }

    #[test]
    fn options_go_before_what_was_set_and_lists_add_up_among_them() {
        let mut rules = Rules::none();
        let old = Limit::List(vec!["old".into()]);
        rules.set(Rule::ForbiddenFiles, Some(old));
        let options = [
            "forbiddenFiles=a,b",
            "forbiddenFiles=c",
            "highestLayers=3",
            "highest-layers=4",
            "lowestEfficiency=disabled",
        ];
        rules.set_options(options).unwrap();
        let list = Limit::List(["a", "b", "c"].map(str::to_owned).to_vec());
        assert_eq!(
            rules.iter().collect::<Vec<_>>(),
            [
                (Rule::LowestEfficiency, None),
                (Rule::HighestLayers, Some(&Limit::Number(4))),
                (Rule::ForbiddenFiles, Some(&list)),
            ]
        );
        let said = rules
            .set_options(["highestLayers"])
            .unwrap_err()
            .to_string();
        assert!(said.contains("expected NAME=VALUE"), "{said}");
        let said = rules.set_options(["highestLayers=many"]).unwrap_err();
        assert_eq!(
            said.to_string(),
            "highestLayers: expected a number, such as 12, but found: many"
        );
    }
}
