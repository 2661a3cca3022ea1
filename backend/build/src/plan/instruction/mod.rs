//! What each instruction means for a stage: one instruction a file.
//!
//! Each takes the scope before the instruction, changes it where the instruction does, and gives the text to show and
//! the action to do.

mod arg;
mod cmd;
mod copy;
mod entrypoint;
mod env;
mod expose;
mod from;
mod label;
mod run;
mod user;
mod workdir;

use estiva_shared::dockerfile::{
    Command, Diagnostic, Instruction, InstructionKind, Severity, Span, Word,
};

use super::scope::Scope;
use super::{Action, PlanError, mistake};

pub(super) use copy::copy;
pub(super) use from::from;

/// What runs the shell form: SHELL is not built, so it is always this.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// Plans every instruction but FROM and COPY, which need to know the other stages.
pub(super) fn plan(
    scope: &mut Scope<'_>,
    instruction: &Instruction,
) -> Result<(String, Action), PlanError> {
    let flags: &[&str] = match instruction.kind {
        InstructionKind::Run(_) => &["network"],
        _ => &[],
    };
    only_flags(instruction, flags)?;
    match &instruction.kind {
        InstructionKind::Run(command) => run::run(scope, instruction, command),
        InstructionKind::Env(pairs) => env::env(scope, pairs),
        InstructionKind::Arg(declarations) => arg::arg(scope, declarations),
        InstructionKind::Label(pairs) => label::label(scope, pairs),
        InstructionKind::Workdir(path) => workdir::workdir(scope, path),
        InstructionKind::Expose(ports) => expose::expose(scope, ports),
        InstructionKind::Cmd(command) => Ok(cmd::cmd(scope, instruction, command)),
        InstructionKind::Entrypoint(command) => {
            Ok(entrypoint::entrypoint(scope, instruction, command))
        }
        InstructionKind::User(user) => user::user(scope, user),
        InstructionKind::From { .. }
        | InstructionKind::Copy { .. }
        | InstructionKind::NotBuilt
        | InstructionKind::Invalid => Err(not_built(&instruction.name, instruction.span)),
    }
}

/// Refuses a flag that is not in `known`: no flag is ever skipped.
fn only_flags(instruction: &Instruction, known: &[&str]) -> Result<(), PlanError> {
    match instruction
        .flags
        .iter()
        .find(|flag| !known.contains(&flag.name.as_str()))
    {
        None => Ok(()),
        Some(flag) => Err(not_built(
            &format!("{} --{}", instruction.name, flag.name),
            flag.span,
        )),
    }
}

fn not_built(what: &str, span: Span) -> PlanError {
    PlanError::NotBuilt(Diagnostic {
        severity: Severity::Error,
        code: "not-built".to_owned(),
        message: format!("expected what Estiva builds, but found: {what}"),
        hint: None,
        span,
    })
}

/// The words that a command runs.
fn words(command: &Command) -> Vec<String> {
    match command {
        Command::Exec(words) => words.clone(),
        Command::Shell(line) => SHELL
            .iter()
            .map(|word| (*word).to_owned())
            .chain([line.clone()])
            .collect(),
    }
}

/// An instruction as the history shows it, its arguments as written.
fn as_written(instruction: &Instruction) -> String {
    let flags = instruction.flags.iter().map(|flag| match &flag.value {
        Some(value) => format!("--{}={value}", flag.name),
        None => format!("--{}", flag.name),
    });
    let mut text = instruction.name.clone();
    for word in flags {
        text.push(' ');
        text.push_str(&word);
    }
    // Whether `text` still holds the flags is the parser's matter; they stand once either way.
    let arguments = arguments_after_flags(instruction);
    format!("{text} {arguments}").trim_end().to_owned()
}

fn arguments_after_flags(instruction: &Instruction) -> &str {
    let mut rest = instruction.text.trim_start();
    for flag in &instruction.flags {
        let written = rest.split_whitespace().next().unwrap_or_default();
        if written.trim_start_matches("--").starts_with(&flag.name) && written.starts_with("--") {
            rest = rest[written.len()..].trim_start();
        }
    }
    rest
}

/// The pairs of ENV and LABEL, expanded with the variables as they stood before the instruction; and as shown.
fn pairs(
    scope: &Scope<'_>,
    name: &str,
    pairs: &[(Word, Word)],
) -> Result<(String, Vec<(String, String)>), PlanError> {
    let mut text = name.to_owned();
    let mut expanded = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let key_text = scope.expand(key)?;
        if key_text.is_empty() {
            let message = format!(
                "expected a name before '=', but found nothing in: {}",
                key.text
            );
            return Err(mistake("empty-name", message, key.span));
        }
        text.push_str(&format!(
            " {}={}",
            scope.shown(&key.text),
            scope.shown(&value.text)
        ));
        expanded.push((key_text, scope.expand(value)?));
    }
    Ok((text, expanded))
}
