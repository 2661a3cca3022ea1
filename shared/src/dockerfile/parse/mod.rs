//! Text to tree, in one pass over the source.
//!
//! `reader` joins lines, `instruction` reads one instruction's name and flags, `arguments` what follows them,
//! `argument_checks` single words, `check` the whole. Follows the reference of `docker/dockerfile:1` and, where it is
//! silent, BuildKit's parser.
//!
//! **Invariant:** a mistake never ends the parse: what can't be read becomes [`InstructionKind::Invalid`] with a
//! diagnostic, and the next line is read as if nothing had happened.

mod argument_checks;
mod arguments;
mod check;
mod findings;
mod heredoc;
mod instruction;
mod json;
mod logical;
mod reader;
mod source;
mod words;

use findings::Findings;
use instruction::Budget;
use reader::Reader;
use source::Source;

use super::{Diagnostic, Dockerfile, Instruction, InstructionKind, Span, Stage, Word};

/// The largest Dockerfile that is read, in bytes: the longest known ones, written by programs, have some 100 KB. It has to fit
/// into a request to build it, with its line ends escaped.
pub const SOURCE_BYTES_MAX: usize = 512 << 10;

/// The most instructions of one Dockerfile. An image has at most 127 layers in overlayfs' older versions; generated
/// files with many stages stay below a thousand.
const INSTRUCTIONS_MAX: usize = 20_000;

/// Parses a Dockerfile. Any text gives a tree and, where it has mistakes, diagnostics in the order of the source.
///
/// The tree may be built only if none of them is a [`super::Severity::Error`]. Time and memory grow with the length of
/// the source; one longer than [`SOURCE_BYTES_MAX`] is refused with one diagnostic.
pub fn parse(source: &str) -> (Dockerfile, Vec<Diagnostic>) {
    let mut findings = Findings::default();
    if source.len() > SOURCE_BYTES_MAX {
        let message = format!(
            "expected a Dockerfile of at most {SOURCE_BYTES_MAX} bytes, but found {}",
            source.len()
        );
        findings.error("too-large", message, Span::default());
        return (Dockerfile::default(), findings.into_sorted());
    }
    let source = Source::new(source);
    let mut reader = Reader::new(&source);
    let mut dockerfile = Dockerfile {
        directives: reader.directives(&mut findings),
        ..Dockerfile::default()
    };
    let strays = read_instructions(&mut reader, &mut dockerfile, &mut findings);
    check::before_from(&dockerfile, &strays, source.beginning(), &mut findings);
    check::whole(&dockerfile, &mut findings);
    (dockerfile, findings.into_sorted())
}

/// An instruction that stands before the first FROM and may not.
struct Stray {
    name: String,
    span: Span,
}

/// Reads all instructions into the tree; gives those that belong nowhere.
fn read_instructions(
    reader: &mut Reader<'_>,
    dockerfile: &mut Dockerfile,
    findings: &mut Findings,
) -> Vec<Stray> {
    let mut strays = Vec::new();
    let mut budget = Budget::new();
    let mut count = 0;
    while let Some(line) = reader.statement(findings) {
        if count == INSTRUCTIONS_MAX {
            let message =
                format!("expected at most {INSTRUCTIONS_MAX} instructions, but found more");
            findings.error("too-many-instructions", message, line.span(&line.trimmed()));
            break;
        }
        count += 1;
        let instruction = instruction::read(&line, reader, &mut budget, findings);
        if instruction.name == "FROM" {
            dockerfile
                .stages
                .push(stage(dockerfile.stages.len(), instruction));
        } else if let Some(stage) = dockerfile.stages.last_mut() {
            stage.span.end = instruction.span.end;
            stage.instructions.push(instruction);
        } else if instruction.name == "ARG" {
            dockerfile.global_args.push(instruction);
        } else if super::language::instruction(&instruction.name).is_some() {
            strays.push(Stray {
                name: instruction.name,
                span: instruction.span,
            });
        }
    }
    strays
}

/// The stage that a FROM opens, even where it could not be read: what follows has to belong somewhere.
fn stage(index: usize, from: Instruction) -> Stage {
    let (base, name) = match &from.kind {
        InstructionKind::From { base, name } => (base.clone(), name.as_ref()),
        _ => (
            Word {
                text: String::new(),
                span: from.span,
            },
            None,
        ),
    };
    let name = name.map(|name| name.text.to_lowercase());
    Stage {
        index,
        name,
        base,
        span: from.span,
        instructions: vec![from],
    }
}
