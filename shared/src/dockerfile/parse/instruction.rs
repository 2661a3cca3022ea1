//! One instruction: its name, its flags, its here-documents. What its arguments say is read by `arguments`.

use std::ops::Range;

use super::arguments::{self, Arguments};
use super::findings::{Findings, shown};
use super::json::{self, Json};
use super::reader::Reader;
use super::words::{self, RawFlag, is_blank};
use super::{heredoc, logical::Logical};
use crate::dockerfile::language::{self, INSTRUCTIONS, InstructionRule, Takes};
use crate::dockerfile::{Flag, Heredoc, Instruction, InstructionKind};

/// The most words of all instructions together. Each costs some hundred bytes of memory, so that four megabytes of
/// one-letter words would cost half a gigabyte; the longest package lists have a few thousand.
const WORDS_MAX: usize = 200_000;

/// How many words may still be read.
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { left: WORDS_MAX }
    }

    /// Takes so many words, or none if they are too many.
    pub(super) fn take(&mut self, words: usize) -> bool {
        let enough = words <= self.left;
        if enough {
            self.left -= words;
        }
        enough
    }
}

/// Reads an instruction, and the lines of its here-documents from the reader.
pub(super) fn read(
    line: &Logical<'_>,
    reader: &mut Reader<'_>,
    budget: &mut Budget,
    findings: &mut Findings,
) -> Instruction {
    let all = line.trimmed();
    let text = &line.text()[all.clone()];
    let keyword = all.start..all.start + text.find(is_blank).unwrap_or(text.len());
    let name = line.text()[keyword.clone()].to_uppercase();
    let (mut raw_flags, rest) = words::take_flags(line.text(), keyword.end..all.end);
    if !budget.take(raw_flags.len()) {
        let message = format!(
            "expected fewer words in the whole file, but found {} more flags here",
            raw_flags.len()
        );
        findings.error("too-many-words", message, line.span(&keyword));
        raw_flags.clear();
    }
    let rest = line.trim(rest);
    let mut instruction = Instruction {
        name,
        span: line.span(&all),
        flags: raw_flags
            .iter()
            .map(|flag| self::flag(line, flag))
            .collect(),
        text: line.text()[rest.clone()].to_owned(),
        kind: InstructionKind::Invalid,
        heredocs: Vec::new(),
    };
    let Some(rule) = language::instruction(&instruction.name) else {
        unknown(line, &keyword, &instruction.name, findings);
        // Its text may be anything: only the name is kept as a name, so that it can be shown.
        instruction.name = shown(&instruction.name);
        return instruction;
    };
    check_flags(rule, &instruction.flags, findings);
    let arguments = Arguments {
        line,
        keyword,
        range: rest.clone(),
        escape: reader.escape,
    };
    instruction.kind = arguments::read(rule, &arguments, budget, findings);
    if has_heredocs(rule, line, rest) {
        read_heredocs(&mut instruction, line, reader, findings);
    }
    instruction
}

fn flag(line: &Logical<'_>, raw: &RawFlag) -> Flag {
    let text = raw.text.strip_prefix("--").unwrap_or(&raw.text);
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    Flag {
        name: name.to_owned(),
        value,
        span: line.span(&raw.range),
    }
}

fn unknown(line: &Logical<'_>, keyword: &Range<usize>, name: &str, findings: &mut Findings) {
    let message = format!(
        "expected an instruction, but found: {}",
        shown(&line.text()[keyword.clone()])
    );
    let span = line.span(keyword);
    match language::nearest(name, INSTRUCTIONS.iter().map(|rule| rule.name)) {
        Some(meant) => {
            findings.error_with_hint(
                "unknown-instruction",
                message,
                format!("did you mean {meant}?"),
                span,
            );
        }
        None => {
            let hint =
                "if it belongs to the line above, end that line with the escape character \\";
            findings.error_with_hint("unknown-instruction", message, hint, span);
        }
    }
}

fn check_flags(rule: &InstructionRule, flags: &[Flag], findings: &mut Findings) {
    for (index, flag) in flags.iter().enumerate() {
        let Some(known) = rule.flag(&flag.name) else {
            unknown_flag(rule, flag, findings);
            continue;
        };
        let found = flag.value.as_deref();
        match known.takes {
            Takes::Value if found.is_none_or(str::is_empty) => {
                let message = format!(
                    "expected a value after --{}=, but found nothing",
                    known.name
                );
                findings.error("flag-without-value", message, flag.span);
            }
            Takes::Switch if !matches!(found, None | Some("true" | "false")) => {
                let message = format!(
                    "expected true or false after --{}=, but found: {}",
                    known.name,
                    shown(found.unwrap_or_default())
                );
                findings.error("bad-flag-value", message, flag.span);
            }
            _ => {}
        }
        // The table is short, so that few flags are ever compared: others were unknown.
        if !known.repeats
            && flags[..index]
                .iter()
                .rev()
                .take(rule.flags.len())
                .any(|other| other.name == flag.name)
        {
            let message = format!("expected --{} once, but found it again", known.name);
            findings.error("duplicate-flag", message, flag.span);
        }
    }
}

fn unknown_flag(rule: &InstructionRule, flag: &Flag, findings: &mut Findings) {
    if findings.is_full() {
        return;
    }
    let message = format!(
        "expected a flag of {}, but found: --{}",
        rule.name,
        shown(&flag.name)
    );
    let known: Vec<_> = rule.flags.iter().map(|known| known.name).collect();
    let hint = match language::nearest(&flag.name, known.iter().copied()) {
        Some(meant) => format!("did you mean --{meant}?"),
        None if known.is_empty() => {
            format!(
                "{} has no flags; write -- before a first word that begins with two dashes",
                rule.name
            )
        }
        None => format!("{} has --{}", rule.name, known.join(", --")),
    };
    findings.error_with_hint("unknown-flag", message, hint, flag.span);
}

/// Whether lines of here-documents may stand below: not below the JSON form, but below ONBUILD with what takes them.
fn has_heredocs(rule: &InstructionRule, line: &Logical<'_>, arguments: Range<usize>) -> bool {
    if rule.heredocs {
        return !matches!(json::read(line.text(), arguments), Json::Strings(_));
    }
    if rule.name != "ONBUILD" {
        return false;
    }
    let text = &line.text()[arguments.clone()];
    let inner = text.find(is_blank).unwrap_or(text.len());
    let takes =
        language::instruction(&text[..inner].to_uppercase()).is_some_and(|rule| rule.heredocs);
    let (_, rest) = words::take_flags(line.text(), arguments.start + inner..arguments.end);
    takes && !matches!(json::read(line.text(), rest), Json::Strings(_))
}

/// Takes the lines of the here-documents that the line announces. Estiva doesn't build them, so the instruction's kind
/// is what the builder refuses: its arguments alone would mean something else.
fn read_heredocs(
    instruction: &mut Instruction,
    line: &Logical<'_>,
    reader: &mut Reader<'_>,
    findings: &mut Findings,
) {
    for announced in heredoc::announced(line.text()) {
        match reader.heredoc(&announced.name, announced.strip_tabs) {
            Ok((content, end)) => {
                instruction.span.end = reader.position(end);
                instruction.heredocs.push(Heredoc {
                    name: announced.name,
                    expand: announced.expand,
                    strip_tabs: announced.strip_tabs,
                    content,
                });
            }
            Err(rest) => {
                let message = format!(
                    "expected a line {} that ends the here-document, but found the end of the file",
                    shown(&announced.name)
                );
                findings.error("unterminated-heredoc", message, instruction.span);
                instruction.span.end = rest.end;
                instruction.kind = InstructionKind::Invalid;
                return;
            }
        }
    }
    if !instruction.heredocs.is_empty() && instruction.kind != InstructionKind::Invalid {
        instruction.kind = InstructionKind::NotBuilt;
    }
}
