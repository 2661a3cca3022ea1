//! What Estiva reads but doesn't build, by name: nothing of a Dockerfile is ever skipped in silence.

use super::language::{self, InstructionRule};
use super::{
    Diagnostic, Directive, Dockerfile, Flag, Instruction, InstructionKind, Severity, Span,
};

/// Each instruction, flag, here-document and front end that Estiva reads but can't build, as an error with the code
/// `not-built`, in the order of the file. The builder refuses a Dockerfile for which this is not empty.
///
/// Mistakes are not repeated here: an instruction or flag that the language doesn't have was reported by
/// [`super::parse()`].
pub fn not_built(dockerfile: &Dockerfile) -> Vec<Diagnostic> {
    let instructions = dockerfile.global_args.iter().chain(
        dockerfile
            .stages
            .iter()
            .flat_map(|stage| &stage.instructions),
    );
    let front_end = dockerfile.directives.iter().filter_map(foreign_front_end);
    front_end
        .chain(instructions.flat_map(in_instruction))
        .collect()
}

fn in_instruction(instruction: &Instruction) -> Vec<Diagnostic> {
    let Some(rule) = language::instruction(&instruction.name) else {
        return Vec::new();
    };
    if !rule.built {
        // An instruction with mistakes too: its name alone decides.
        let hint = instead_of(rule).map(str::to_owned);
        return vec![diagnostic(rule.name, hint, instruction.span)];
    }
    let mut found: Vec<_> = instruction
        .flags
        .iter()
        .filter_map(|flag| in_flag(rule, flag))
        .collect();
    if let Some(heredoc) = instruction.heredocs.first() {
        let what = format!("{} with a here-document", rule.name);
        let hint = match rule.name {
            "RUN" => "write its lines as one RUN, joined by && and the escape character",
            _ => "put the text into a file of the context and copy that",
        };
        // The first line is enough to see which: a here-document may have hundreds.
        let span = Span {
            start: instruction.span.start,
            end: heredoc.content.start,
        };
        found.push(diagnostic(&what, Some(hint.to_owned()), span));
    } else if instruction.kind == InstructionKind::NotBuilt && found.is_empty() {
        found.push(diagnostic(rule.name, None, instruction.span));
    }
    found
}

fn in_flag(rule: &InstructionRule, flag: &Flag) -> Option<Diagnostic> {
    let known = rule.flag(&flag.name)?;
    (!known.built).then(|| diagnostic(&format!("{} --{}", rule.name, known.name), None, flag.span))
}

/// What does the same and is built.
fn instead_of(rule: &InstructionRule) -> Option<&'static str> {
    match rule.name {
        "ADD" => Some("COPY does the same for files and folders of the context"),
        "MAINTAINER" => Some("write LABEL org.opencontainers.image.authors=… instead"),
        "SHELL" => Some("name the shell in the JSON form of RUN"),
        _ => None,
    }
}

/// The front ends that `# syntax=` may name: those whose language this is.
const FRONT_ENDS: [&str; 2] = ["docker/dockerfile", "docker/dockerfile-upstream"];

fn foreign_front_end(directive: &Directive) -> Option<Diagnostic> {
    if directive.name != "syntax" {
        return None;
    }
    // What follows the image's name is for the front end.
    let image = directive
        .value
        .text
        .split_whitespace()
        .next()
        .unwrap_or_default();
    let name = image.strip_prefix("docker.io/").unwrap_or(image);
    let repository = name.split(['@', ':']).next().unwrap_or_default();
    if FRONT_ENDS.contains(&repository) {
        return None;
    }
    let hint =
        "Estiva reads the language of docker/dockerfile:1 itself, and runs no other front end"
            .to_owned();
    let what = format!("the front end {}", crate::text::escape_name(image));
    Some(diagnostic(&what, Some(hint), directive.value.span))
}

fn diagnostic(what: &str, hint: Option<String>, span: Span) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "not-built".to_owned(),
        message: format!("expected what Estiva builds, but found: {what}"),
        hint,
        span,
    }
}
