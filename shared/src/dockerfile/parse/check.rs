//! What only the whole tree shows: stages, their names and references, instructions that cancel each other.

use std::collections::HashMap;

use super::Stray;
use super::findings::{Findings, shown};
use crate::dockerfile::{Dockerfile, Flag, InstructionKind, Span, Stage, language};

/// Reports what stands before the first FROM, or that there is none.
pub(super) fn before_from(
    dockerfile: &Dockerfile,
    strays: &[Stray],
    beginning: Span,
    findings: &mut Findings,
) {
    let hint = "begin with FROM; only ARG may stand before it";
    if !dockerfile.stages.is_empty() {
        for stray in strays {
            let message = format!("expected FROM or ARG first, but found: {}", stray.name);
            findings.error_with_hint("before-from", message, hint, stray.span);
        }
    } else if let Some(stray) = strays.first() {
        // One is enough: all that follows has the same reason.
        let message = format!("expected FROM, but found: {}", stray.name);
        findings.error_with_hint("no-from", message, hint, stray.span);
    } else {
        let message = "expected a FROM instruction, but found none";
        findings.error_with_hint(
            "no-from",
            message,
            "begin with FROM and an image, or FROM scratch",
            beginning,
        );
    }
}

/// Reports what is wrong between instructions.
pub(super) fn whole(dockerfile: &Dockerfile, findings: &mut Findings) {
    duplicate_names(dockerfile, findings);
    // Where each name is defined first, so that a reference is looked up once.
    let mut first: HashMap<&str, usize> = HashMap::new();
    for stage in &dockerfile.stages {
        if let Some(name) = &stage.name {
            first.entry(name).or_insert(stage.index);
        }
    }
    for stage in &dockerfile.stages {
        overridden(stage, findings);
        for instruction in &stage.instructions {
            if matches!(instruction.name.as_str(), "COPY") {
                let from = instruction.flags.iter().filter(|flag| flag.name == "from");
                from.for_each(|flag| copy_source(dockerfile, &first, stage, flag, findings));
            }
        }
    }
}

fn duplicate_names(dockerfile: &Dockerfile, findings: &mut Findings) {
    let mut lines: HashMap<&str, u32> = HashMap::new();
    for stage in &dockerfile.stages {
        let (
            Some(name),
            Some(InstructionKind::From {
                name: Some(word), ..
            }),
        ) = (
            &stage.name,
            stage.instructions.first().map(|from| &from.kind),
        )
        else {
            continue;
        };
        if let Some(line) = lines.insert(name, stage.span.start.line) {
            let message = format!(
                "expected a name of its own for each stage, but found {name} again (first in line {line})"
            );
            let hint = "later references mean the last stage of the name; give one of them another";
            findings.warning("duplicate-stage-name", message, hint, word.span);
        }
    }
}

/// Warns of CMD, ENTRYPOINT and HEALTHCHECK that a later one of the same stage replaces.
fn overridden(stage: &Stage, findings: &mut Findings) {
    for name in ["CMD", "ENTRYPOINT", "HEALTHCHECK"] {
        let mut later = None;
        for instruction in stage
            .instructions
            .iter()
            .rev()
            .filter(|instruction| instruction.name == name)
        {
            if let Some(line) = later.replace(instruction.span.start.line) {
                let message = format!(
                    "expected one {name} in a stage, but found another in line {line}, which replaces this one"
                );
                findings.warning(
                    "overridden",
                    message,
                    "remove the one that has no effect",
                    instruction.span,
                );
            }
        }
    }
}

/// A stage can copy from those above it alone. Names that no stage has are images, which the parser can't know.
fn copy_source(
    dockerfile: &Dockerfile,
    first: &HashMap<&str, usize>,
    stage: &Stage,
    flag: &Flag,
    findings: &mut Findings,
) {
    let name = flag.value.as_deref().unwrap_or_default().to_lowercase();
    let bad = |found: &str| {
        let message = format!(
            "expected an earlier stage, but found {found}: {}",
            shown(&name)
        );
        (message, "a stage can copy from the stages above it only")
    };
    let (message, hint) = match (first.get(name.as_str()), name.parse::<usize>()) {
        (Some(&index), _) if index == stage.index => bad("the stage itself"),
        (Some(&index), _) if index > stage.index => bad("a later one"),
        (None, Ok(index)) if index == stage.index => bad("the stage itself"),
        (None, Ok(index)) if index >= dockerfile.stages.len() => bad("no stage of that number"),
        (None, Ok(index)) if index > stage.index => bad("a later one"),
        (None, _) if name.contains('$') => (
            format!(
                "expected a stage or an image by its name, but found a variable: {}",
                shown(&name)
            ),
            "FROM may hold a variable: name a stage there, and copy from it",
        ),
        (None, Err(_)) => return likely_stage(dockerfile, stage, &name, flag.span, findings),
        _ => return,
    };
    findings.error_with_hint("bad-copy-source", message, hint, flag.span);
}

/// Warns of a name that no stage has, but one above nearly: it is read as an image's. One with a tag, a digest or a
/// folder can't be meant as a stage.
fn likely_stage(
    dockerfile: &Dockerfile,
    stage: &Stage,
    name: &str,
    span: Span,
    findings: &mut Findings,
) {
    if name.contains(['/', ':', '@']) {
        return;
    }
    let above = dockerfile.stages.iter().take(stage.index);
    let names = above.filter_map(|stage| stage.name.as_deref());
    if let Some(meant) = language::nearest(name, names) {
        let message = format!(
            "expected an earlier stage, but found none of this name: {}; it is read as an image's",
            shown(name)
        );
        let hint =
            format!("did you mean {meant}? an image is told apart by its tag: {name}:latest");
        findings.warning("unknown-stage", message, hint, span);
    }
}
