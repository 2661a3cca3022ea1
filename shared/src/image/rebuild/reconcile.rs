//! A rebuilt Dockerfile held against the one that is said to have made the image: which line made which layer, and where they
//! disagree.
//!
//! Both are read by the same parser and brought to a form in which spelling does not count. The rows are the alignment that
//! joins most: same lines count most, lines about the same thing less. What the history has before the first joined line is the
//! base image's.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::settings::{port, resolved};
use super::{REBUILT_VERSION, Rebuilt, RebuiltLine, Reconciled, ReconciledRow, Verdict, write};
use crate::dockerfile::{
    Command, Diagnostic, Dockerfile, Instruction, InstructionKind, Severity, Stage, Word, expand,
    parse,
};

/// Most instructions of each that are held against each other, the last ones: the table has the square of it in bytes.
const LINES_MAX: usize = 2_000;

/// Holds a rebuilt Dockerfile against a given one, whose last stage counts, with the stages that it builds on.
///
/// # Errors
/// What is wrong with the Dockerfile.
pub fn reconcile(rebuilt: &Rebuilt, source: &str) -> Result<Reconciled, Vec<Diagnostic>> {
    let (dockerfile, diagnostics) = parse(source);
    let is_error = |found: &Diagnostic| found.severity == Severity::Error;
    if diagnostics.iter().any(is_error) {
        return Err(diagnostics.into_iter().filter(is_error).collect());
    }
    let mut given = from_file(&dockerfile);
    let mut recovered = from_history(rebuilt);
    for list in [&mut given, &mut recovered] {
        list.drain(..list.len().saturating_sub(LINES_MAX));
    }
    let rows = join(&given, &recovered);
    let disagrees = |row: &ReconciledRow| match row.verdict {
        Verdict::Differs => true,
        Verdict::OnlyInFile | Verdict::OnlyInHistory => {
            let text = row.dockerfile.as_deref().or(row.recovered.as_deref());
            !text.unwrap_or_default().starts_with("ARG ")
        }
        _ => false,
    };
    Ok(Reconciled {
        version: REBUILT_VERSION,
        agrees: !rows.iter().any(disagrees),
        rows,
    })
}

/// An instruction of either side.
struct Side {
    form: Form,
    text: String,
    /// The line in the Dockerfile.
    line: Option<u32>,
    history: Option<usize>,
    layer: Option<usize>,
    is_base: bool,
}

/// An instruction without its spelling.
struct Form {
    name: String,
    /// A variable in it has a value that the file does not say.
    is_vague: bool,
    what: What,
}

enum What {
    Run(String),
    /// Sources and destination; no sources where they are made up.
    Copy(Vec<String>, String),
    Pairs(BTreeMap<String, String>),
    Set(BTreeSet<String>),
    Words(Vec<String>),
    Text(String),
}

/// The instructions of the last stage, and of those that it builds on, in the order in which they run.
fn from_file(dockerfile: &Dockerfile) -> Vec<Side> {
    let mut chain: Vec<&Stage> = dockerfile.stages.last().into_iter().collect();
    while let Some(stage) = chain.last() {
        let base = stage.base.text.to_lowercase();
        let mut earlier = dockerfile.stages[..stage.index].iter().rev();
        match earlier.find(|below| below.name.as_ref() == Some(&base)) {
            Some(below) => chain.push(below),
            None => break,
        }
    }
    let escape = escape_of(dockerfile);
    let mut values = Values::new(escape, true);
    for argument in &dockerfile.global_args {
        values.form(argument, true);
    }
    let instructions = chain
        .iter()
        .rev()
        .flat_map(|stage| stage.instructions.iter().skip(1));
    let sides = instructions.map(|instruction| Side {
        form: values.form(instruction, true),
        text: one_line(instruction),
        line: Some(instruction.span.start.line),
        history: None,
        layer: None,
        is_base: false,
    });
    sides.collect()
}

fn escape_of(dockerfile: &Dockerfile) -> char {
    let named = dockerfile
        .directives
        .iter()
        .find(|each| each.name == "escape");
    match named {
        Some(directive) if directive.value.text == "`" => '`',
        _ => '\\',
    }
}

fn one_line(instruction: &Instruction) -> String {
    let mut text = instruction.name.clone();
    for flag in &instruction.flags {
        text.push_str(&format!(" --{}", flag.name));
        if let Some(value) = &flag.value {
            text.push_str(&format!("={value}"));
        }
    }
    format!("{text} {}", instruction.text.trim())
}

/// The instructions that were recovered, with those of the base that stand in comments.
fn from_history(rebuilt: &Rebuilt) -> Vec<Side> {
    let mut values = Values::new('\\', false);
    let lines = rebuilt.lines.iter().filter(|line| line.history.is_some());
    let sides = lines.map(|line| {
        let name = line.text.split(' ').next().unwrap_or_default();
        let form = match write::instruction(&line.text, name) {
            Some(read) => values.form(&read, line.reason != super::Reason::SourceUnknown),
            None => Form {
                name: String::new(),
                is_vague: false,
                what: What::Text(line.text.clone()),
            },
        };
        side(form, line)
    });
    sides.collect()
}

fn side(form: Form, line: &RebuiltLine) -> Side {
    Side {
        form,
        text: line.text.clone(),
        line: None,
        history: line.history,
        layer: line.layer,
        is_base: line.reason == super::Reason::OfBase,
    }
}

/// The values of variables while instructions go by.
struct Values {
    known: BTreeMap<String, String>,
    working_dir: Option<String>,
    escape: char,
    /// Variables are replaced: in a history they are already.
    replaces: bool,
    shell: Vec<String>,
}

impl Values {
    fn new(escape: char, replaces: bool) -> Self {
        Self {
            known: BTreeMap::new(),
            working_dir: None,
            escape,
            replaces,
            shell: vec!["/bin/sh".to_owned(), "-c".to_owned()],
        }
    }

    /// An instruction without its spelling; it changes what later ones mean.
    fn form(&mut self, read: &Instruction, sources_are_known: bool) -> Form {
        let is_vague = Cell::new(false);
        let what = self.what(read, sources_are_known, &is_vague);
        match &what {
            What::Pairs(pairs) if read.name == "ENV" || read.name == "ARG" => {
                let new = pairs
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone()));
                self.known.extend(new);
            }
            What::Text(path) if read.name == "WORKDIR" => self.working_dir = Some(path.clone()),
            What::Words(words) if read.name == "SHELL" => self.shell.clone_from(words),
            _ => {}
        }
        Form {
            name: read.name.clone(),
            is_vague: is_vague.get(),
            what,
        }
    }

    fn what(&self, read: &Instruction, sources_are_known: bool, is_vague: &Cell<bool>) -> What {
        let value = |word: &Word| self.value(&word.text, is_vague);
        match &read.kind {
            InstructionKind::Run(Command::Shell(line)) => What::Run(spaced(line)),
            InstructionKind::Run(Command::Exec(words)) => What::Run(spaced(&self.unwrapped(words))),
            InstructionKind::Copy {
                sources,
                destination,
            } => self.copy(
                sources.iter().map(value).collect(),
                &value(destination),
                sources_are_known,
            ),
            InstructionKind::Env(pairs) | InstructionKind::Label(pairs) => {
                let pairs = pairs
                    .iter()
                    .map(|(name, given)| (value(name), value(given)));
                What::Pairs(pairs.collect())
            }
            InstructionKind::Arg(declared) => {
                let given = declared
                    .iter()
                    .filter_map(|(name, default)| Some((value(name), value(default.as_ref()?))));
                let pairs: BTreeMap<_, _> = given.collect();
                match pairs.is_empty() {
                    true => What::Set(declared.iter().map(|(name, _)| value(name)).collect()),
                    false => What::Pairs(pairs),
                }
            }
            InstructionKind::Workdir(word) => {
                What::Text(resolved(self.working_dir.as_deref(), &value(word)))
            }
            InstructionKind::User(word) => What::Text(value(word)),
            InstructionKind::Expose(words) => {
                What::Set(words.iter().map(|word| port(&value(word))).collect())
            }
            InstructionKind::Cmd(command) | InstructionKind::Entrypoint(command) => {
                What::Words(match command {
                    Command::Exec(words) => words.clone(),
                    Command::Shell(line) => {
                        self.shell.iter().cloned().chain([line.clone()]).collect()
                    }
                })
            }
            _ => self.other(read, sources_are_known, is_vague),
        }
    }

    /// What the parser gives as text alone.
    fn other(&self, read: &Instruction, sources_are_known: bool, is_vague: &Cell<bool>) -> What {
        let text = read.text.trim();
        let list = super::printed::quoted_list(text);
        match read.name.as_str() {
            // With a here-document: its text is not at hand here.
            "RUN" => What::Run(spaced(text)),
            "ADD" | "COPY" => {
                let words =
                    list.unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect());
                let mut words: Vec<String> = words
                    .iter()
                    .map(|word| self.value(word, is_vague))
                    .collect();
                let destination = words.pop().unwrap_or_default();
                self.copy(words, &destination, sources_are_known)
            }
            "VOLUME" => {
                let words =
                    list.unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect());
                What::Set(
                    words
                        .iter()
                        .map(|word| self.value(word, is_vague))
                        .collect(),
                )
            }
            "SHELL" => What::Words(list.unwrap_or_default()),
            _ => What::Text(spaced(text)),
        }
    }

    fn copy(&self, sources: Vec<String>, destination: &str, sources_are_known: bool) -> What {
        let path = |source: String| match source.contains("://") {
            true => source,
            false => resolved(None, &source),
        };
        let sources = sources.into_iter().map(path).filter(|_| sources_are_known);
        What::Copy(
            sources.collect(),
            resolved(self.working_dir.as_deref(), destination),
        )
    }

    fn value(&self, text: &str, is_vague: &Cell<bool>) -> String {
        let lookup = |name: &str| {
            let known = self.known.get(name).cloned();
            is_vague.set(is_vague.get() || known.is_none() && self.replaces);
            known
        };
        expand(text, self.escape, &lookup).unwrap_or_else(|_| text.to_owned())
    }

    /// The line of a shell's exec form, so that `RUN x` and `RUN ["/bin/sh", "-c", "x"]` are one.
    fn unwrapped(&self, words: &[String]) -> String {
        match words.split_last() {
            Some((line, shell)) if shell == self.shell => line.clone(),
            _ => words.join(" "),
        }
    }
}

/// Each run of blanks as one: builders join lines with the blanks that they began with.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How two instructions go together: 3 the same, 2 likely, 1 about the same thing, 0 nothing.
fn score(file: &Form, history: &Form) -> u8 {
    if file.name != history.name {
        return 0;
    }
    let (is_same, is_likely, is_about) = match (&file.what, &history.what) {
        (What::Run(one), What::Run(two)) => {
            (one == two, false, first_words(one) == first_words(two))
        }
        (What::Copy(sources, to), What::Copy(recorded, there)) => {
            let is_there = to == there;
            (
                is_there && sources == recorded,
                is_there && recorded.is_empty(),
                is_there || sources == recorded,
            )
        }
        (What::Pairs(one), What::Pairs(two)) => {
            let is_about = one.keys().any(|name| two.contains_key(name));
            // An argument's value is the build's.
            (one == two, is_about && file.name == "ARG", is_about)
        }
        (What::Set(one), What::Set(two)) => (one == two, false, true),
        // An ARG with a default and one without.
        (What::Set(names), What::Pairs(pairs)) | (What::Pairs(pairs), What::Set(names)) => {
            let is_about = names.iter().any(|name| pairs.contains_key(name));
            (false, is_about, is_about)
        }
        (What::Words(one), What::Words(two)) => (one == two, false, true),
        (What::Text(one), What::Text(two)) => (one == two, false, !file.name.is_empty()),
        _ => (false, false, false),
    };
    match (is_same, is_likely || file.is_vague, is_about) {
        (true, ..) => 3,
        (_, true, _) => 2,
        (_, _, true) => 1,
        _ => 0,
    }
}

/// The program and its first word: what a changed RUN most often still has.
fn first_words(line: &str) -> (Option<&str>, Option<&str>) {
    let mut words = line.split(' ');
    (words.next(), words.next())
}

/// The alignment that joins most.
fn join(given: &[Side], recovered: &[Side]) -> Vec<ReconciledRow> {
    let width = recovered.len() + 1;
    let mut scores = vec![0_u8; (given.len() + 1) * width];
    let mut best = vec![0_u32; (given.len() + 1) * width];
    for (i, one) in given.iter().enumerate() {
        for (j, two) in recovered.iter().enumerate() {
            let score = if two.is_base {
                0
            } else {
                score(&one.form, &two.form)
            };
            scores[i * width + j] = score;
            let joined = best[i * width + j] + u32::from(score);
            let apart = best[i * width + j + 1].max(best[(i + 1) * width + j]);
            best[(i + 1) * width + j + 1] = joined.max(apart);
        }
    }
    let mut rows = Vec::new();
    let (mut i, mut j) = (given.len(), recovered.len());
    while i > 0 || j > 0 {
        let here = best[i * width + j];
        let score = if i > 0 && j > 0 {
            scores[(i - 1) * width + j - 1]
        } else {
            0
        };
        // From the end: of lines that are alike, the later ones are the image's own.
        if score > 0 && here == best[(i - 1) * width + j - 1] + u32::from(score) {
            rows.push(row(Some(&given[i - 1]), Some(&recovered[j - 1]), score));
            (i, j) = (i - 1, j - 1);
        } else if j > 0 && (i == 0 || here == best[i * width + j - 1]) {
            rows.push(row(None, Some(&recovered[j - 1]), 0));
            j -= 1;
        } else {
            rows.push(row(Some(&given[i - 1]), None, 0));
            i -= 1;
        }
    }
    rows.reverse();
    mark_base(&mut rows, recovered);
    rows
}

fn row(file: Option<&Side>, history: Option<&Side>, score: u8) -> ReconciledRow {
    let verdict = match (file, history, score) {
        (Some(_), Some(_), 3) => Verdict::Same,
        (Some(_), Some(_), 2) => Verdict::Likely,
        (Some(_), Some(_), _) => Verdict::Differs,
        (Some(_), None, _) => Verdict::OnlyInFile,
        _ => Verdict::OnlyInHistory,
    };
    ReconciledRow {
        verdict,
        dockerfile_line: file.and_then(|side| side.line),
        dockerfile: file.map(|side| side.text.clone()),
        history: history.and_then(|side| side.history),
        recovered: history.map(|side| side.text.clone()),
        layer: history.and_then(|side| side.layer),
    }
}

/// Marks the base image's lines: those that the builder told apart, else those before the first that is joined.
fn mark_base(rows: &mut [ReconciledRow], recovered: &[Side]) {
    let own = recovered.iter().filter(|side| !side.is_base);
    let first_own = own.filter_map(|side| side.history).next();
    let is_told = recovered.iter().any(|side| side.is_base);
    let joined = rows
        .iter()
        .find(|row| row.dockerfile.is_some() && row.history.is_some());
    let first = match (is_told, joined) {
        (true, _) => first_own.unwrap_or(usize::MAX),
        (false, Some(joined)) => joined.history.unwrap_or_default(),
        (false, None) => return,
    };
    for row in rows {
        let is_before = row.history.is_some_and(|history| history < first);
        if row.verdict == Verdict::OnlyInHistory && is_before {
            row.verdict = Verdict::Base;
        }
    }
}
