//! The instructions and flags of `docker/dockerfile:1`, and which of them Estiva builds.
//!
//! One table, so that the parser, the list of what is not built and the hints for misspelt names can't disagree.

/// What a flag takes after `=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Any text.
    Value,
    /// Nothing, `true` or `false`.
    Switch,
}

/// A flag of an instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlagRule {
    /// Without the dashes.
    pub(super) name: &'static str,
    /// What may stand after it.
    pub(super) takes: Takes,
    /// It may stand more than once.
    pub(super) repeats: bool,
    /// Estiva builds it.
    pub(super) built: bool,
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct InstructionRule {
    /// In upper case.
    pub(super) name: &'static str,
    /// Its flags.
    pub(super) flags: &'static [FlagRule],
    /// Estiva builds it.
    pub(super) built: bool,
    /// Here-documents may stand below it.
    pub(super) heredocs: bool,
}

const fn value(name: &'static str, built: bool) -> FlagRule {
    FlagRule {
        name,
        takes: Takes::Value,
        repeats: false,
        built,
    }
}

const fn values(name: &'static str) -> FlagRule {
    FlagRule {
        name,
        takes: Takes::Value,
        repeats: true,
        built: false,
    }
}

const fn switch(name: &'static str) -> FlagRule {
    FlagRule {
        name,
        takes: Takes::Switch,
        repeats: false,
        built: false,
    }
}

const fn built(name: &'static str) -> InstructionRule {
    InstructionRule {
        name,
        flags: &[],
        built: true,
        heredocs: false,
    }
}

const fn not_built(name: &'static str) -> InstructionRule {
    InstructionRule {
        name,
        flags: &[],
        built: false,
        heredocs: false,
    }
}

const ADD_FLAGS: &[FlagRule] = &[
    value("checksum", false),
    value("chmod", false),
    value("chown", false),
    values("exclude"),
    switch("keep-git-dir"),
    switch("link"),
    switch("unpack"),
];

const COPY_FLAGS: &[FlagRule] = &[
    value("chmod", true),
    value("chown", true),
    values("exclude"),
    value("from", true),
    switch("link"),
    switch("parents"),
];

const HEALTHCHECK_FLAGS: &[FlagRule] = &[
    value("interval", false),
    value("retries", false),
    value("start-interval", false),
    value("start-period", false),
    value("timeout", false),
];

const RUN_FLAGS: &[FlagRule] = &[
    values("device"),
    values("mount"),
    value("network", true),
    value("security", false),
];

/// All of them, sorted by name.
pub(super) const INSTRUCTIONS: &[InstructionRule] = &[
    InstructionRule {
        flags: ADD_FLAGS,
        heredocs: true,
        ..not_built("ADD")
    },
    built("ARG"),
    built("CMD"),
    InstructionRule {
        flags: COPY_FLAGS,
        heredocs: true,
        ..built("COPY")
    },
    built("ENTRYPOINT"),
    built("ENV"),
    built("EXPOSE"),
    InstructionRule {
        flags: &[value("platform", false)],
        ..built("FROM")
    },
    InstructionRule {
        flags: HEALTHCHECK_FLAGS,
        ..not_built("HEALTHCHECK")
    },
    built("LABEL"),
    not_built("MAINTAINER"),
    not_built("ONBUILD"),
    InstructionRule {
        flags: RUN_FLAGS,
        heredocs: true,
        ..built("RUN")
    },
    not_built("SHELL"),
    not_built("STOPSIGNAL"),
    built("USER"),
    not_built("VOLUME"),
    built("WORKDIR"),
];

/// The rule of an instruction by its name in upper case.
pub(super) fn instruction(name: &str) -> Option<&'static InstructionRule> {
    INSTRUCTIONS.iter().find(|rule| rule.name == name)
}

impl InstructionRule {
    /// The rule of one of its flags.
    pub(super) fn flag(&self, name: &str) -> Option<&'static FlagRule> {
        self.flags.iter().find(|flag| flag.name == name)
    }
}

/// The most changes between a misspelt name and the one it is taken for.
const DISTANCE_MAX: usize = 2;

/// The longest name that is compared: longer than any of the language by more than [`DISTANCE_MAX`].
const COMPARED_BYTES_MAX: usize = 16;

/// The known name nearest to a misspelt one, where one is near. Case does not count.
pub(super) fn nearest<'a>(misspelt: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if misspelt.len() > COMPARED_BYTES_MAX {
        return None;
    }
    let misspelt = misspelt.to_ascii_lowercase();
    let near = |name: &'a str| {
        let distance = distance(misspelt.as_bytes(), name.to_ascii_lowercase().as_bytes());
        // Of a short name, two changes leave nothing.
        (distance <= DISTANCE_MAX && distance * 2 <= name.len()).then_some((distance, name))
    };
    known
        .filter_map(near)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// Levenshtein's distance, with two neighbours swapped counted as one change.
pub(crate) fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut two_above = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let mut best = (above[j] + usize::from(x != y))
                .min(above[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                best = best.min(two_above[j - 1] + 1);
            }
            row.push(best);
        }
        two_above = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_sorted_and_unique() {
        assert!(INSTRUCTIONS.is_sorted_by(|a, b| a.name < b.name));
        for rule in INSTRUCTIONS {
            assert!(
                rule.flags.is_sorted_by(|a, b| a.name < b.name),
                "{}",
                rule.name
            );
        }
    }

    #[test]
    fn misspelt_names_find_the_one_that_was_meant() {
        let nearest = |name| nearest(name, INSTRUCTIONS.iter().map(|rule| rule.name));
        for (misspelt, meant) in [
            ("FORM", Some("FROM")),
            ("run", Some("RUN")),
            ("CPOY", Some("COPY")),
            ("WORKDIRR", Some("WORKDIR")),
            ("ENTRY_POINT", Some("ENTRYPOINT")),
            ("X", None),
            ("&&", None),
            ("APT-GET", None),
        ] {
            assert_eq!(nearest(misspelt), meant, "{misspelt}");
        }
    }
}
