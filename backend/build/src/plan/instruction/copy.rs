//! COPY: what goes where. Which files that is, wildcards included, is known when it is done.

use estiva_shared::dockerfile::{Flag, Instruction, Word};

use super::super::scope::Scope;
use super::super::{Action, CopyFrom, CopyStep, PlanError, mistake, path};
use super::only_flags;

/// The step of COPY.
pub(in super::super) fn copy(
    scope: &Scope<'_>,
    instruction: &Instruction,
    sources: &[Word],
    destination: &Word,
    from: CopyFrom,
) -> Result<(String, Action), PlanError> {
    only_flags(instruction, &["from", "chown", "chmod"])?;
    let mut paths = Vec::new();
    for source in sources {
        let written = scope.expand(source)?;
        if written.is_empty() {
            let message = format!("expected a path, but found nothing in: {}", source.text);
            return Err(mistake("empty-path", message, source.span));
        }
        paths.push(path::relative(&written));
    }
    let written = scope.expand(destination)?;
    let into_folder = written.ends_with('/')
        || matches!(written.as_str(), "" | "." | "..")
        || written.ends_with("/.")
        || written.ends_with("/..");
    if paths.len() > 1 && !into_folder {
        let message =
            format!("expected a folder (ending in '/') for several sources, but found: {written}");
        return Err(mistake(
            "destination-not-a-folder",
            message,
            destination.span,
        ));
    }
    let flag = |name: &str| instruction.flags.iter().find(|flag| flag.name == name);
    let step = CopyStep {
        from,
        sources: paths,
        destination: path::absolute(scope.config.workdir(), &written),
        into_folder,
        chown: flag("chown").map(|flag| value(scope, flag)).transpose()?,
        chmod: flag("chmod").map(|flag| chmod(scope, flag)).transpose()?,
    };
    Ok((
        shown(scope, instruction, sources, destination),
        Action::Copy(step),
    ))
}

fn value(scope: &Scope<'_>, flag: &Flag) -> Result<String, PlanError> {
    let expanded = scope.expand_text(flag.value.as_deref().unwrap_or_default(), flag.span)?;
    if expanded.is_empty() {
        let message = format!("expected a value after --{}=, but found nothing", flag.name);
        return Err(mistake("empty-flag", message, flag.span));
    }
    Ok(expanded)
}

fn chmod(scope: &Scope<'_>, flag: &Flag) -> Result<u32, PlanError> {
    let written = value(scope, flag)?;
    let octal = written.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let mode = u32::from_str_radix(&written, 8)
        .ok()
        .filter(|&mode| octal && mode <= 0o7777);
    mode.ok_or_else(|| {
        let message =
            format!("expected an octal mode such as 0755 after --chmod=, but found: {written}");
        mistake("bad-mode", message, flag.span)
    })
}

fn shown(
    scope: &Scope<'_>,
    instruction: &Instruction,
    sources: &[Word],
    destination: &Word,
) -> String {
    let flags = instruction.flags.iter().map(|flag| {
        format!(
            "--{}={}",
            flag.name,
            scope.shown(flag.value.as_deref().unwrap_or_default())
        )
    });
    let words = sources
        .iter()
        .chain([destination])
        .map(|word| scope.shown(&word.text));
    let words: Vec<String> = flags.chain(words).collect();
    format!("COPY {}", words.join(" "))
}
