//! Which stage needs which: the references of FROM and `COPY --from`, resolved, and the stages that the target needs.

use std::collections::{BTreeSet, HashMap};

use estiva_shared::dockerfile::{Dockerfile, Instruction, InstructionKind, Stage};

use super::arguments::Arguments;
use super::{Inputs, PlanError, escape_of, mistake};

/// What a name after FROM or `--from=` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// Nothing at all.
    Scratch,
    /// An earlier stage, by its number.
    Stage(usize),
    /// An image.
    Image(String),
}

/// The references of the stages that the target needs.
#[derive(Debug)]
pub(super) struct Graph {
    bases: Vec<Reference>,
    /// By the instruction's offset in the source, which is its own.
    copies: HashMap<u32, Reference>,
    needed: Vec<usize>,
}

impl Graph {
    pub(super) fn new(inputs: &Inputs<'_>, arguments: &Arguments) -> Result<Self, PlanError> {
        let dockerfile = inputs.dockerfile;
        let target = target(dockerfile, inputs.target)?;
        let mut bases = Vec::with_capacity(target + 1);
        let mut copies = HashMap::new();
        // A stage refers to earlier ones only, so that nothing after the target counts and no circle is possible.
        for stage in &dockerfile.stages[..=target] {
            bases.push(base(dockerfile, stage, arguments)?);
            for instruction in &stage.instructions {
                if let Some(source) = copy_source(dockerfile, stage.index, instruction)? {
                    copies.insert(instruction.span.start.offset, source);
                }
            }
        }
        let mut graph = Self {
            bases,
            copies,
            needed: Vec::new(),
        };
        graph.needed = graph.needed_for(target, dockerfile);
        Ok(graph)
    }

    /// The stages to build, in order; the target is the last.
    pub(super) fn needed(&self) -> &[usize] {
        &self.needed
    }

    /// What a stage begins with.
    pub(super) fn base(&self, stage: usize) -> &Reference {
        &self.bases[stage]
    }

    /// What a COPY's `--from=` means, where it has one.
    pub(super) fn copy_source(&self, instruction: &Instruction) -> Option<&Reference> {
        self.copies.get(&instruction.span.start.offset)
    }

    /// The names of all images that stages begin with or copy from.
    pub(super) fn images(&self) -> impl Iterator<Item = &str> {
        let all = self.bases.iter().chain(self.copies.values());
        all.filter_map(|reference| match reference {
            Reference::Image(name) => Some(name.as_str()),
            _ => None,
        })
    }

    fn needed_for(&self, target: usize, dockerfile: &Dockerfile) -> Vec<usize> {
        let mut needed = BTreeSet::from([target]);
        // References lead backwards: one pass from the target down sees every stage after all that need it.
        for index in (0..=target).rev() {
            if !needed.contains(&index) {
                continue;
            }
            let copies = dockerfile.stages[index].instructions.iter();
            let sources = copies.filter_map(|instruction| self.copy_source(instruction));
            for reference in sources.chain([&self.bases[index]]) {
                if let Reference::Stage(earlier) = reference {
                    needed.insert(*earlier);
                }
            }
        }
        needed.into_iter().collect()
    }
}

fn target(dockerfile: &Dockerfile, target: Option<&str>) -> Result<usize, PlanError> {
    let last = dockerfile.stages.len().checked_sub(1).ok_or_else(|| {
        let message = "expected a FROM instruction, but found none".to_owned();
        mistake(
            "no-stage",
            message,
            estiva_shared::dockerfile::Span::default(),
        )
    })?;
    // `--target "$STAGE"` with nothing in STAGE asks for no stage, as in Docker.
    let Some(name) = target.filter(|name| !name.is_empty()) else {
        return Ok(last);
    };
    find(&dockerfile.stages, name).ok_or_else(|| PlanError::UnknownTarget {
        target: name.to_owned(),
        names: dockerfile
            .stages
            .iter()
            .filter_map(|stage| stage.name.clone())
            .collect(),
    })
}

/// The stage of a name (case does not count; the last of a name counts) or number.
fn find(stages: &[Stage], name: &str) -> Option<usize> {
    let named = stages.iter().rev().find(|stage| {
        stage
            .name
            .as_deref()
            .is_some_and(|known| known.eq_ignore_ascii_case(name))
    });
    let numbered = || {
        name.parse::<usize>()
            .ok()
            .filter(|&index| index < stages.len())
    };
    named.map(|stage| stage.index).or_else(numbered)
}

fn base(
    dockerfile: &Dockerfile,
    stage: &Stage,
    arguments: &Arguments,
) -> Result<Reference, PlanError> {
    let name = arguments.expand_global(&stage.base, escape_of(dockerfile))?;
    if name.is_empty() {
        let message = format!(
            "expected the name of an image or stage, but found nothing in: {}",
            stage.base.text
        );
        return Err(mistake("empty-base", message, stage.base.span));
    }
    if name == "scratch" {
        return Ok(Reference::Scratch);
    }
    let earlier = &dockerfile.stages[..stage.index];
    // FROM takes a stage by its name only: a number would be an image's name.
    let named = earlier.iter().rev().find(|earlier| {
        earlier
            .name
            .as_deref()
            .is_some_and(|known| known.eq_ignore_ascii_case(&name))
    });
    Ok(named.map_or(Reference::Image(name), |earlier| {
        Reference::Stage(earlier.index)
    }))
}

fn copy_source(
    dockerfile: &Dockerfile,
    stage: usize,
    instruction: &Instruction,
) -> Result<Option<Reference>, PlanError> {
    if !matches!(instruction.kind, InstructionKind::Copy { .. }) {
        return Ok(None);
    }
    let Some(flag) = instruction.flags.iter().find(|flag| flag.name == "from") else {
        return Ok(None);
    };
    let name = flag.value.as_deref().unwrap_or_default();
    if name.is_empty() || name.contains('$') {
        let found = if name.is_empty() { "nothing" } else { name };
        let message = format!(
            "expected a stage's name or number, or an image, after --from=, but found: {found}"
        );
        return Err(mistake("bad-copy-source", message, flag.span));
    }
    if let Some(index) = find(&dockerfile.stages[..stage], name) {
        return Ok(Some(Reference::Stage(index)));
    }
    if name.parse::<usize>().is_ok() {
        let message = format!(
            "expected the number of an earlier stage (0 to {}), but found: {name}",
            stage.saturating_sub(1)
        );
        return Err(mistake("bad-copy-source", message, flag.span));
    }
    Ok(Some(if name == "scratch" {
        Reference::Scratch
    } else {
        Reference::Image(name.to_owned())
    }))
}
