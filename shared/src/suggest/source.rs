//! A Dockerfile beside the image that it made: which of its instructions made which layer.
//!
//! The image's history has no lines of the file, so the two are laid beside each other from the end: every RUN, COPY and ADD
//! of a stage has to be what the history says, in the same order. Else the file is taken for another image's, and nothing is
//! said of its lines. What else the history holds (the base's lines, metadata) does not count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dockerfile::{self, Command, Dockerfile, Instruction, InstructionKind, Severity};
use crate::image::{HistoryView, ImageView, split_instruction};

/// Whether a Dockerfile is that of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fit")]
pub enum Fit {
    /// There is none.
    NotGiven,
    /// It is.
    Fits,
    /// It has a mistake.
    Broken {
        /// The line, from 1.
        line: u32,
        /// What is wrong.
        message: String,
    },
    /// Its RUN, COPY and ADD are not what the image's history ends with.
    Other {
        /// The first line, from the end, that differs, from 1; none where the file has no such instruction.
        line: Option<u32>,
        /// What stands there.
        found: String,
        /// What the history says; empty where it says nothing more.
        expected: String,
    },
}

/// An instruction on the way from the base to the image.
pub(super) struct Place {
    pub(super) stage: usize,
    pub(super) instruction: Instruction,
    /// Its number among all of the file.
    pub(super) number: usize,
}

/// A Dockerfile that made an image.
pub(super) struct Source<'t> {
    pub(super) text: &'t str,
    /// Continues lines.
    pub(super) escape: char,
    /// The instructions of the stages that lead to the image, in their order.
    pub(super) places: Vec<Place>,
    by_layer: BTreeMap<usize, usize>,
}

impl<'t> Source<'t> {
    /// Reads a Dockerfile and finds its instructions in the image's history.
    pub(super) fn read(text: &'t str, image: &ImageView) -> Result<Self, Fit> {
        let (dockerfile, findings) = dockerfile::parse(text);
        if let Some(mistake) = findings
            .iter()
            .find(|finding| finding.severity == Severity::Error)
        {
            return Err(Fit::Broken {
                line: mistake.span.start.line,
                message: mistake.message.clone(),
            });
        }
        let history: Vec<_> = image
            .history
            .iter()
            .map(|line| (line, split_instruction(&line.created_by)))
            .filter(|(_, (name, _))| makes_files(name))
            .collect();
        let mut mismatch = Fit::Other {
            line: None,
            found: String::new(),
            expected: String::new(),
        };
        // Mostly the last stage is the image's; `--target` builds another.
        for stage in (0..dockerfile.stages.len()).rev() {
            let places = places(&dockerfile, stage);
            match beside(&places, &history) {
                Ok(by_layer) => {
                    return Ok(Self {
                        text,
                        escape: escape(&dockerfile),
                        places,
                        by_layer,
                    });
                }
                Err(found) if stage + 1 == dockerfile.stages.len() => mismatch = found,
                Err(_) => {}
            }
        }
        Err(mismatch)
    }

    /// The instruction that made a layer, by its place; none where the base brought it.
    pub(super) fn place_of(&self, layer: usize) -> Option<usize> {
        self.by_layer.get(&layer).copied()
    }
}

/// What a Dockerfile says as a whole, for comparing two: names, flags and texts of all instructions, blanks made one.
pub(super) fn said(dockerfile: &Dockerfile) -> Vec<Said> {
    let stages = dockerfile.stages.iter();
    let instructions = dockerfile
        .global_args
        .iter()
        .chain(stages.flat_map(|stage| &stage.instructions));
    instructions.map(Said::of).collect()
}

/// What an instruction says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    name: String,
    pub(super) flags: Vec<(String, Option<String>)>,
    pub(super) text: String,
    heredocs: usize,
}

impl Said {
    fn of(instruction: &Instruction) -> Self {
        let flags = instruction.flags.iter();
        Self {
            name: instruction.name.clone(),
            flags: flags
                .map(|flag| (flag.name.clone(), flag.value.clone()))
                .collect(),
            text: one_line(&instruction.text),
            heredocs: instruction.heredocs.len(),
        }
    }
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn makes_files(name: &str) -> bool {
    matches!(name, "RUN" | "COPY" | "ADD")
}

fn escape(dockerfile: &Dockerfile) -> char {
    let directive = dockerfile
        .directives
        .iter()
        .find(|directive| directive.name == "escape");
    directive
        .and_then(|directive| directive.value.text.chars().next())
        .unwrap_or('\\')
}

/// The instructions of a stage, after those of the stages that it is built from.
fn places(dockerfile: &Dockerfile, stage: usize) -> Vec<Place> {
    let mut chain = vec![stage];
    while let Some(last) = chain.last()
        && let Some(base) = base(dockerfile, *last)
    {
        chain.push(base);
    }
    let mut places = Vec::new();
    for stage in chain.into_iter().rev() {
        let before: usize = dockerfile.stages[..stage]
            .iter()
            .map(|earlier| earlier.instructions.len())
            .sum();
        let first = dockerfile.global_args.len() + before;
        let instructions = dockerfile.stages[stage].instructions.iter().enumerate();
        places.extend(instructions.map(|(number, instruction)| Place {
            stage,
            instruction: instruction.clone(),
            number: first + number,
        }));
    }
    places
}

/// The earlier stage that a stage is built from.
fn base(dockerfile: &Dockerfile, stage: usize) -> Option<usize> {
    let name = &dockerfile.stages[stage].base.text;
    dockerfile.stages[..stage].iter().rposition(|earlier| {
        earlier
            .name
            .as_deref()
            .is_some_and(|known| known.eq_ignore_ascii_case(name))
    })
}

/// Lays the instructions that make files beside the history's, from the end; the place of each layer.
fn beside(
    places: &[Place],
    history: &[(&HistoryView, (String, String))],
) -> Result<BTreeMap<usize, usize>, Fit> {
    let mut by_layer = BTreeMap::new();
    let making = places
        .iter()
        .enumerate()
        .filter(|(_, place)| makes_files(&place.instruction.name));
    let mut lines = history.iter().rev();
    let mut found = false;
    for (number, place) in making.rev() {
        let instruction = &place.instruction;
        let line = lines.next();
        let Some((line, _)) = line.filter(|(_, (name, rest))| is_said(instruction, name, rest))
        else {
            let said = |name: &str, text: &str| format!("{name} {}", one_line(text));
            return Err(Fit::Other {
                line: Some(instruction.span.start.line),
                found: said(&instruction.name, &instruction.text),
                expected: line.map_or_else(String::new, |(_, (name, rest))| said(name, rest)),
            });
        };
        found = true;
        by_layer.extend(line.layer.map(|layer| (layer, number)));
    }
    let nothing = || Fit::Other {
        line: None,
        found: String::new(),
        expected: history
            .last()
            .map_or_else(String::new, |(_, (name, rest))| format!("{name} {rest}")),
    };
    found.then_some(by_layer).ok_or_else(nothing)
}

/// Whether the history's line is of this instruction. Builders write RUN as it stands, and COPY with variables replaced; the
/// classic builder writes digests for sources.
fn is_said(instruction: &Instruction, name: &str, rest: &str) -> bool {
    if instruction.name != name {
        return false;
    }
    match &instruction.kind {
        _ if !instruction.heredocs.is_empty() => true,
        InstructionKind::Run(Command::Shell(command)) => without_flags(rest) == one_line(command),
        InstructionKind::Run(Command::Exec(words)) => {
            let rest = without_flags(rest);
            rest == one_line(&words.join(" ")) || rest == one_line(&instruction.text)
        }
        _ => {
            let is_hashed = ["file:", "dir:", "multi:"]
                .iter()
                .any(|start| rest.starts_with(start));
            let paths = match &instruction.kind {
                InstructionKind::Copy {
                    sources,
                    destination,
                } => {
                    let words = sources.iter().chain([destination]);
                    let words: Vec<_> = words.map(|word| word.text.as_str()).collect();
                    one_line(&words.join(" "))
                }
                _ => one_line(&instruction.text),
            };
            is_hashed || paths.contains(['$', '"', '\'']) || without_flags(rest) == paths
        }
    }
}

/// A line without the `--name=value` before its arguments.
fn without_flags(rest: &str) -> String {
    let words = rest.split_whitespace();
    let rest: Vec<_> = words.skip_while(|word| word.starts_with("--")).collect();
    rest.join(" ")
}
