//! Which stage a name means, and which stages another one needs.

use super::{Dockerfile, InstructionKind, Stage};

/// The stage of a name, or of a number from 0 where no stage has that name. Case does not count; of several stages of
/// one name it is the last.
pub fn resolve_stage(dockerfile: &Dockerfile, name_or_index: &str) -> Option<usize> {
    find(&dockerfile.stages, name_or_index)
}

/// The stages that `target` needs, itself included, in the order of the file.
///
/// Follows FROM and `COPY --from` as written: a base that holds a variable counts as an image here, because only the
/// builder knows its value. A target that is not a stage needs none.
pub fn needed_stages(dockerfile: &Dockerfile, target: usize) -> Vec<usize> {
    let Some(stages) = dockerfile.stages.get(..=target) else {
        return Vec::new();
    };
    let mut needed = vec![false; stages.len()];
    needed[target] = true;
    // References lead upwards only, so that one pass from the target sees each stage after all that need it.
    for stage in stages.iter().rev() {
        if needed[stage.index] {
            for earlier in references(stage, &stages[..stage.index]) {
                needed[earlier] = true;
            }
        }
    }
    (0..needed.len()).filter(|&index| needed[index]).collect()
}

/// The earlier stages that one refers to.
fn references<'a>(stage: &'a Stage, earlier: &'a [Stage]) -> impl Iterator<Item = usize> {
    let copies = stage.instructions.iter().filter(|instruction| {
        matches!(
            instruction.kind,
            InstructionKind::Copy { .. } | InstructionKind::NotBuilt
        )
    });
    let sources = copies
        .flat_map(|instruction| &instruction.flags)
        .filter(|flag| flag.name == "from")
        .filter_map(|flag| find(earlier, flag.value.as_deref()?));
    // FROM takes a stage by its name alone: a number there is an image's name.
    sources.chain(named(earlier, &stage.base.text))
}

fn find(stages: &[Stage], name_or_index: &str) -> Option<usize> {
    let numbered = || {
        name_or_index
            .parse()
            .ok()
            .filter(|&index| index < stages.len())
    };
    named(stages, name_or_index).or_else(numbered)
}

fn named(stages: &[Stage], name: &str) -> Option<usize> {
    let is_named = |stage: &&Stage| {
        stage
            .name
            .as_deref()
            .is_some_and(|known| known.eq_ignore_ascii_case(name))
    };
    stages.iter().rev().find(is_named).map(|stage| stage.index)
}
