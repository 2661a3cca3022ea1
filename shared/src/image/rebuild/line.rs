//! One line of the history, read as the builder that wrote it writes: the classic builder and buildah (`/bin/sh -c`, `#(nop)`),
//! BuildKit (`# buildkit`), and those that keep the instruction's own text (kaniko, Estiva).

use std::collections::{BTreeMap, BTreeSet};

use super::copied::copy;
use super::printed::{health_check, plain_list, ports, quoted_list};
use super::values::assignments;
use super::{CREATED_BY_BYTES_MAX, Confidence, Reason, write};
use crate::dockerfile::{InstructionKind, expand};
use crate::image::{ConfigView, HistoryView};

/// What the classic builder and buildah write before every instruction but RUN.
const NOP_PREFIXES: [&str; 2] = ["/bin/sh -c #(nop)", "cmd /S /C #(nop)"];

/// What BuildKit appends to instructions that make a layer.
const BUILDKIT_MARK: &str = "# buildkit";

/// What BuildKit writes beside each line.
const BUILDKIT_COMMENT: &str = "buildkit.dockerfile.v0";

/// The instructions that a history can hold.
const NAMES: [&str; 17] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// What was recovered: an instruction, or a note of what is none.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The instruction's text; what the note is about.
    pub(super) text: String,
    pub(super) confidence: Confidence,
    pub(super) reason: Reason,
    pub(super) is_note: bool,
}

impl Piece {
    pub(super) fn new(text: String, confidence: Confidence, reason: Reason) -> Self {
        Self {
            text,
            confidence,
            reason,
            is_note: false,
        }
    }

    pub(super) fn note(reason: Reason, text: String) -> Self {
        Self {
            text,
            confidence: Confidence::Guessed,
            reason,
            is_note: true,
        }
    }
}

/// What earlier lines and the configuration say that later ones are read by.
pub(super) struct Scope<'a> {
    env: BTreeMap<&'a str, &'a str>,
    labels: BTreeMap<&'a str, &'a str>,
    volumes: &'a [String],
    /// What RUN's shell form and its kin start with.
    pub(super) shell: Vec<String>,
    /// Names that an ARG stands for already.
    arguments: BTreeSet<String>,
    /// The arguments that RUNs had: some builders write their names alone where they are declared.
    used: BTreeMap<String, String>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(config: &'a ConfigView) -> Self {
        let env = config.env.iter().filter_map(|line| line.split_once('='));
        let labels = config.labels.iter();
        Self {
            env: env.collect(),
            labels: labels.map(|(name, value)| (&**name, &**value)).collect(),
            volumes: &config.volumes,
            shell: vec!["/bin/sh".to_owned(), "-c".to_owned()],
            arguments: BTreeSet::new(),
            used: BTreeMap::new(),
        }
    }

    /// Gathers the arguments that RUNs had.
    pub(super) fn note_arguments<'l>(&mut self, lines: impl Iterator<Item = &'l HistoryView>) {
        for line in lines.filter(|line| line.created_by.len() <= CREATED_BY_BYTES_MAX) {
            let (_, text) = style_of(&line.created_by, line.comment.as_deref());
            let text = text.strip_prefix("RUN ").unwrap_or(text).trim_start();
            let counted = text.strip_prefix('|');
            if let Some((given, _)) = counted.and_then(|counted| arguments(counted, &self.shell)) {
                for (name, value) in given {
                    self.used.entry(name).or_insert(value);
                }
            }
        }
    }
}

/// How the builder that wrote a line writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// What the instruction did, values without quotes.
    BuildKit,
    /// The same, sources as checksums.
    Classic,
    /// The instruction's own text, or what looks like it.
    Plain,
}

/// The instruction's name, in upper case; empty where the text is none.
pub(super) fn name_of(created_by: &str) -> String {
    let (_, text) = style_of(created_by, None);
    let word = text.split_whitespace().next().unwrap_or_default();
    let name = word.to_ascii_uppercase();
    if NAMES.contains(&&*name) {
        name
    } else {
        String::new()
    }
}

/// How a line is written, and its text without the builder's marks.
fn style_of<'t>(created_by: &'t str, comment: Option<&str>) -> (Style, &'t str) {
    let text = created_by.trim();
    let nop = NOP_PREFIXES
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix));
    match (nop, text.strip_suffix(BUILDKIT_MARK)) {
        (Some(instruction), _) => (Style::Classic, instruction.trim()),
        (_, Some(instruction)) => (Style::BuildKit, instruction.trim()),
        _ if comment == Some(BUILDKIT_COMMENT) => (Style::BuildKit, text),
        _ => (Style::Plain, text),
    }
}

/// What a line of the history was: mostly one instruction; before it an ARG that left no other trace.
pub(super) fn read(line: &HistoryView, scope: &mut Scope<'_>) -> Vec<Piece> {
    let unknown = || {
        vec![Piece::note(
            Reason::NotAnInstruction,
            start_of(&line.created_by),
        )]
    };
    if line.created_by.len() > CREATED_BY_BYTES_MAX {
        return unknown();
    }
    if line.created_by.trim().is_empty() {
        // A line without a layer and without a text says nothing at all.
        let note = || Piece::note(Reason::NothingRecorded, "a layer".to_owned());
        return line.layer.map(|_| note()).into_iter().collect();
    }
    let (style, text) = style_of(&line.created_by, line.comment.as_deref());
    if style == Style::Plain && (text.starts_with('|') || strip_shell(text, &scope.shell).is_some())
    {
        return run(text, Style::Classic, scope).unwrap_or_else(unknown);
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let (name, rest) = (word.to_ascii_uppercase(), rest.trim());
    if !NAMES.contains(&&*name) {
        return unknown();
    }
    if name == "RUN" && (style == Style::BuildKit || is_recorded_run(rest, scope)) {
        return run(rest, Style::BuildKit, scope).unwrap_or_else(unknown);
    }
    let piece = instruction(&name, rest, style, scope);
    piece.map_or_else(unknown, |piece| vec![piece])
}

/// The start of a text that is too long, or none that anybody knows.
fn start_of(text: &str) -> String {
    text.chars().take(super::QUOTED_CHARS_MAX + 1).collect()
}

/// Whether a RUN is written as what was run, not as what the Dockerfile said.
fn is_recorded_run(rest: &str, scope: &Scope<'_>) -> bool {
    rest.starts_with('|') || strip_shell(rest, &scope.shell).is_some()
}

/// Takes the shell off a command: the one that SHELL named, or the default.
fn strip_shell<'t>(text: &'t str, shell: &[String]) -> Option<&'t str> {
    let named = format!("{} ", shell.join(" "));
    text.strip_prefix(named.as_str())
        .or_else(|| text.strip_prefix("/bin/sh -c "))
}

/// A RUN: `|2 A=x B=y /bin/sh -c command`, or without arguments, or without a shell.
fn run(text: &str, style: Style, scope: &mut Scope<'_>) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut command = text;
    if let Some(counted) = text.strip_prefix('|') {
        let (given, rest) = arguments(counted, &scope.shell)?;
        for (name, value) in given {
            if scope.arguments.insert(name.clone())
                && let Some(text) = write::pairs("ARG", &[(name, value)])
            {
                pieces.push(Piece::new(text, Confidence::Guessed, Reason::ArgumentUsed));
            }
        }
        command = rest;
    }
    let piece = match strip_shell(command, &scope.shell) {
        // buildah writes the exec form so.
        Some(command) if command.starts_with('[') && quoted_list(command).is_some() => {
            let words = quoted_list(command)?;
            let text = write::exec("RUN", &words.iter().map(String::as_str).collect::<Vec<_>>())?;
            Piece::new(text, Confidence::Likely, Reason::ShellOrExec)
        }
        Some(command) => {
            let text = write::run(command, &scope.shell)?;
            Piece::new(text, Confidence::Certain, Reason::Recorded)
        }
        None if style == Style::BuildKit || text.starts_with('|') => {
            let words: Vec<&str> = command.split_whitespace().collect();
            let text = write::exec("RUN", &words)?;
            Piece::new(text, Confidence::Likely, Reason::WordsUnknown)
        }
        None => return None,
    };
    pieces.push(piece);
    Some(pieces)
}

/// The arguments of `2 A=x B=y /bin/sh -c command`, and the rest. Values stand without quotes, so they end where the next name
/// or the shell begins.
fn arguments<'t>(counted: &'t str, shell: &[String]) -> Option<(Vec<(String, String)>, &'t str)> {
    let end = counted.find(' ')?;
    let count: usize = counted[..end].parse().ok()?;
    let rest = &counted[end + 1..];
    let named = format!(" {} ", shell.join(" "));
    // An argument's value may hold the shell's words too; the last name before the first of them is right nearly always.
    let at = rest.find(&named).or_else(|| rest.find(" /bin/sh -c "));
    let (given, command) = match at {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => {
            // Without a shell, the arguments are the first words.
            let words = rest.match_indices(' ').nth(count.checked_sub(1)?);
            let at = words.map(|(at, _)| at)?;
            (&rest[..at], &rest[at + 1..])
        }
    };
    let (pairs, _) = assignments(given, &BTreeMap::new());
    Some((pairs, command))
}

/// Every instruction but RUN as it was run.
fn instruction(name: &str, rest: &str, style: Style, scope: &mut Scope<'_>) -> Option<Piece> {
    let recorded = |text| Piece::new(text, Confidence::Certain, Reason::Recorded);
    let written = |text: String| write::is_instruction(&text, name).then_some(text);
    match name {
        "ENV" | "LABEL" if style != Style::Plain => {
            let known = if name == "ENV" {
                &scope.env
            } else {
                &scope.labels
            };
            settings(name, rest, style, known)
        }
        "ARG" => argument(rest, style, scope),
        "COPY" | "ADD" => copy(name, rest, style),
        "CMD" | "ENTRYPOINT" => match quoted_list(rest) {
            Some(words) => command(name, &words, scope),
            None => verbatim(name, rest, scope),
        },
        "EXPOSE" if style != Style::Plain || rest.starts_with(['[', 'm']) => {
            written(format!("EXPOSE {}", ports(rest).join(" "))).map(recorded)
        }
        "VOLUME" if quoted_list(rest).is_none() && plain_list(rest).is_some() => {
            let words = plain_list(rest)?;
            let text = write::exec(name, &words.iter().map(String::as_str).collect::<Vec<_>>())?;
            let is_sure = words.iter().all(|word| scope.volumes.contains(word));
            Some(match is_sure {
                true => recorded(text),
                false => Piece::new(text, Confidence::Likely, Reason::WordsUnknown),
            })
        }
        "SHELL" => {
            let words = quoted_list(rest).or_else(|| plain_list(rest))?;
            let text = write::exec(name, &words.iter().map(String::as_str).collect::<Vec<_>>())?;
            scope.shell = words;
            let is_sure = quoted_list(rest).is_some();
            Some(match is_sure {
                true => recorded(text),
                false => Piece::new(text, Confidence::Likely, Reason::WordsUnknown),
            })
        }
        "HEALTHCHECK" if rest.starts_with(['{', '&']) => health(rest),
        "USER" | "WORKDIR" if style != Style::Plain => {
            let value = if rest.contains(['$', '"', '\'', '\\']) {
                write::literal(rest)
            } else {
                rest.to_owned()
            };
            written(format!("{name} {value}")).map(recorded)
        }
        _ if style == Style::Plain => verbatim(name, rest, scope),
        _ => written(format!("{name} {rest}")).map(recorded),
    }
}

/// An ENV or LABEL. buildah writes it with the quotes that it had, Docker's builders without any.
fn settings(name: &str, rest: &str, style: Style, known: &BTreeMap<&str, &str>) -> Option<Piece> {
    let as_it_is = format!("{name} {rest}");
    let read = write::instruction(&as_it_is, name);
    if let Some(InstructionKind::Env(pairs) | InstructionKind::Label(pairs)) =
        read.map(|read| read.kind)
    {
        let value = |text: &str| expand(text, '\\', &|_| None).ok();
        let confirmed = pairs.iter().all(|(name, given)| {
            let known = value(&name.text).and_then(|name| known.get(name.as_str()).copied());
            known.is_some() && known == value(&given.text).as_deref()
        });
        if confirmed {
            return Some(Piece::new(as_it_is, Confidence::Certain, Reason::Recorded));
        }
        if style == Style::Classic && rest.contains("=\"") {
            return Some(Piece::new(
                as_it_is,
                Confidence::Likely,
                Reason::ValuesUnclear,
            ));
        }
    }
    let (pairs, is_sure) = assignments(rest, known);
    let text = write::pairs(name, &pairs)?;
    Some(match is_sure {
        true => Piece::new(text, Confidence::Certain, Reason::Recorded),
        false => Piece::new(text, Confidence::Likely, Reason::ValuesUnclear),
    })
}

/// An instruction's own text.
fn verbatim(name: &str, rest: &str, scope: &mut Scope<'_>) -> Option<Piece> {
    let text = format!("{name} {rest}");
    let read = write::instruction(&text, name)?;
    if let InstructionKind::Arg(declared) = &read.kind {
        scope
            .arguments
            .extend(declared.iter().map(|(name, _)| name.text.clone()));
    }
    Some(Piece::new(text, Confidence::Certain, Reason::Verbatim))
}

/// An ARG. BuildKit writes the value that it had.
fn argument(rest: &str, style: Style, scope: &mut Scope<'_>) -> Option<Piece> {
    if style == Style::Plain {
        return verbatim("ARG", rest, scope);
    }
    let Some((name, value)) = rest.split_once('=') else {
        scope.arguments.insert(rest.to_owned());
        if let Some(value) = scope.used.get(rest) {
            let text = write::pairs("ARG", &[(rest.to_owned(), value.clone())])?;
            return Some(Piece::new(text, Confidence::Likely, Reason::ArgumentValue));
        }
        let text = format!("ARG {rest}");
        return write::is_instruction(&text, "ARG")
            // buildah leaves a default out.
            .then(|| match style {
                Style::BuildKit => Piece::new(text, Confidence::Certain, Reason::Recorded),
                _ => Piece::new(text, Confidence::Likely, Reason::ArgumentValue),
            });
    };
    scope.arguments.insert(name.to_owned());
    let text = write::pairs("ARG", &[(name.to_owned(), value.to_owned())])?;
    Some(Piece::new(text, Confidence::Likely, Reason::ArgumentValue))
}

/// A CMD or ENTRYPOINT of these words.
fn command(name: &str, words: &[String], scope: &Scope<'_>) -> Option<Piece> {
    let in_shell = words
        .split_last()
        .filter(|(_, shell)| *shell == scope.shell);
    if let Some((line, _)) = in_shell {
        let text = format!("{name} {line}");
        let is_it = write::instruction(&text, name).is_some_and(|read| {
            let command = crate::dockerfile::Command::Shell(line.clone());
            let kinds = [
                InstructionKind::Cmd(command.clone()),
                InstructionKind::Entrypoint(command),
            ];
            kinds.contains(&read.kind)
        });
        if is_it {
            return Some(Piece::new(text, Confidence::Likely, Reason::ShellOrExec));
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let text = write::exec(name, &words)?;
    Some(Piece::new(text, Confidence::Certain, Reason::Recorded))
}

/// A health check, as Go prints it.
fn health(rest: &str) -> Option<Piece> {
    let check = health_check(rest)?;
    let names = ["interval", "timeout", "start-period", "start-interval"];
    let mut flags = String::new();
    for (name, duration) in names.iter().zip(&check.durations) {
        let is_duration = duration
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        if !is_duration {
            return None;
        }
        if duration != "0s" && !duration.is_empty() {
            flags.push_str(&format!("--{name}={duration} "));
        }
    }
    if check.retries > 0 {
        flags.push_str(&format!("--retries={} ", check.retries));
    }
    let (kind, words) = check.test.split_first()?;
    let test = match (kind.as_str(), words) {
        ("NONE", []) => "NONE".to_owned(),
        ("CMD-SHELL", [line]) => format!("CMD {line}"),
        ("CMD", words) => {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            format!("CMD {}", write::json(&words))
        }
        _ => return None,
    };
    let text = format!("HEALTHCHECK {flags}{test}");
    write::is_instruction(&text, "HEALTHCHECK")
        .then(|| Piece::new(text, Confidence::Certain, Reason::Recorded))
}
