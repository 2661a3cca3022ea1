//! What stands after an instruction's name and flags, instruction by instruction.

use std::ops::Range;

use super::findings::{Findings, shown};
use super::instruction::Budget;
use super::json::{self, Json};
use super::logical::Logical;
use super::{argument_checks as checks, words};
use crate::dockerfile::language::{self, InstructionRule};
use crate::dockerfile::{Command, InstructionKind, Span, Word};

/// The arguments of one instruction.
pub(super) struct Arguments<'a> {
    pub(super) line: &'a Logical<'a>,
    /// Where the instruction's name stands, for what is missing after it.
    pub(super) keyword: Range<usize>,
    /// Where they stand, white space around them cut off.
    pub(super) range: Range<usize>,
    pub(super) escape: char,
}

impl Arguments<'_> {
    fn text(&self) -> &str {
        &self.line.text()[self.range.clone()]
    }

    /// Where they stand; where there are none, the instruction's name.
    fn span(&self) -> Span {
        self.line.span(if self.range.is_empty() {
            &self.keyword
        } else {
            &self.range
        })
    }

    fn whole(&self) -> Word {
        self.line.word(&self.range)
    }
}

/// Reads the arguments. A mistake in them is a diagnostic and gives [`InstructionKind::Invalid`].
pub(super) fn read(
    rule: &InstructionRule,
    arguments: &Arguments<'_>,
    budget: &mut Budget,
    findings: &mut Findings,
) -> InstructionKind {
    let mut reading = Reading {
        name: rule.name,
        arguments,
        budget,
        findings,
    };
    let kind = match rule.name {
        "FROM" => reading.from(),
        "RUN" | "CMD" | "ENTRYPOINT" => reading.command(),
        "COPY" => reading.copy(),
        "ENV" | "LABEL" => reading.pairs(),
        "ARG" => reading.arg(),
        "EXPOSE" => reading.expose(),
        "WORKDIR" | "USER" => reading.single(),
        _ => reading.not_built(),
    };
    kind.unwrap_or(InstructionKind::Invalid)
}

/// One instruction being read. Its functions give `None` after they reported why.
struct Reading<'a> {
    name: &'static str,
    arguments: &'a Arguments<'a>,
    budget: &'a mut Budget,
    findings: &'a mut Findings,
}

impl Reading<'_> {
    /// Reports that an argument is missing.
    fn missing(&mut self, what: &str) -> Option<InstructionKind> {
        let message = format!("expected {what} after {}, but found nothing", self.name);
        self.findings
            .error("missing-argument", message, self.arguments.span());
        None
    }

    fn unexpected(&mut self, expected: &str, found: &Word) {
        let message = format!("expected {expected}, but found: {}", shown(&found.text));
        if found.text.starts_with('#') {
            let hint = "a comment stands on a line of its own";
            self.findings
                .error_with_hint("unexpected-argument", message, hint, found.span);
        } else {
            self.findings
                .error("unexpected-argument", message, found.span);
        }
    }

    /// Takes so many words from what the file may have.
    fn take(&mut self, words: usize) -> Option<()> {
        if self.budget.take(words) {
            return Some(());
        }
        let message =
            format!("expected fewer words in the whole file, but found {words} more here");
        self.findings
            .error("too-many-words", message, self.arguments.span());
        None
    }

    /// Makes words of ranges, unless all words together are too many.
    fn words(&mut self, ranges: &[Range<usize>]) -> Option<Vec<Word>> {
        self.take(ranges.len())?;
        Some(
            ranges
                .iter()
                .map(|range| self.arguments.line.word(range))
                .collect(),
        )
    }

    fn blank_separated(&mut self) -> Option<Vec<Word>> {
        let arguments = self.arguments;
        let ranges = words::blank_separated(arguments.line.text(), arguments.range.clone());
        self.words(&ranges.collect::<Vec<_>>())
    }

    /// Reports a word whose quotes or variables can't be read; says whether it can.
    fn expandable(&mut self, word: &Word) -> bool {
        checks::expandable(word, self.arguments.escape, self.findings)
    }

    fn from(&mut self) -> Option<InstructionKind> {
        let mut words = self.blank_separated()?.into_iter();
        let Some(base) = words.next() else {
            return self.missing("an image or a stage");
        };
        let mut good = self.expandable(&base);
        let mut name = None;
        match (words.next(), words.next()) {
            (None, _) => {}
            (Some(between), found) if between.text.eq_ignore_ascii_case("as") => match found {
                None => {
                    let message = "expected a name for the stage after AS, but found nothing";
                    self.findings
                        .error("missing-argument", message, between.span);
                    good = false;
                }
                Some(found) => {
                    good &= checks::stage_name(&found, self.findings);
                    name = Some(found);
                }
            },
            (Some(between), _) => {
                self.unexpected("AS or the end of the line after the image", &between);
                good = false;
            }
        }
        if let Some(extra) = words.next().filter(|_| name.is_some()) {
            self.unexpected("the end of the line after the stage's name", &extra);
            good = false;
        }
        good.then_some(InstructionKind::From { base, name })
    }

    fn command(&mut self) -> Option<InstructionKind> {
        let arguments = self.arguments;
        if arguments.range.is_empty() {
            return self.missing("a command");
        }
        let command = match json::read(arguments.line.text(), arguments.range.clone()) {
            Json::Strings(strings) => {
                if strings.is_empty() && self.name == "RUN" {
                    let message = "expected a program to run, but found an empty list";
                    self.findings
                        .error("missing-argument", message, arguments.span());
                    return None;
                }
                self.take(strings.len())?;
                Command::Exec(strings.into_iter().map(|(text, _)| text).collect())
            }
            Json::NotStrings => return self.not_strings(),
            Json::Broken | Json::No => {
                checks::meant_as_json(self.name, &arguments.whole(), self.findings);
                Command::Shell(arguments.text().to_owned())
            }
        };
        Some(match self.name {
            "RUN" => InstructionKind::Run(command),
            "CMD" => InstructionKind::Cmd(command),
            _ => InstructionKind::Entrypoint(command),
        })
    }

    fn not_strings(&mut self) -> Option<InstructionKind> {
        let message = format!(
            "expected strings alone in the JSON form of {}, but found other values",
            self.name
        );
        let hint = "put each word between double quotes";
        self.findings
            .error_with_hint("json-not-strings", message, hint, self.arguments.span());
        None
    }

    fn copy(&mut self) -> Option<InstructionKind> {
        let arguments = self.arguments;
        let mut words = match json::read(arguments.line.text(), arguments.range.clone()) {
            Json::NotStrings => return self.not_strings(),
            Json::No | Json::Broken => self.blank_separated()?,
            Json::Strings(strings) => {
                let (texts, ranges): (Vec<_>, Vec<_>) = strings.into_iter().unzip();
                let words = self.words(&ranges)?.into_iter().zip(texts);
                words.map(|(word, text)| Word { text, ..word }).collect()
            }
        };
        let Some(destination) = words.pop() else {
            return self.missing("a source and a destination");
        };
        if words.is_empty() {
            let message = format!(
                "expected a source and a destination after COPY, but found one word: {}",
                shown(&destination.text)
            );
            let hint = "the last word says where to: COPY SOURCE… DESTINATION";
            self.findings
                .error_with_hint("missing-argument", message, hint, destination.span);
            return None;
        }
        // The first alone: a path with spaces between quotes is one mistake, not one for each of its words.
        let good = words
            .iter()
            .chain([&destination])
            .all(|word| self.expandable(word));
        good.then_some(InstructionKind::Copy {
            sources: words,
            destination,
        })
    }

    /// `NAME=value …`, or the older `NAME value` with one variable.
    fn pairs(&mut self) -> Option<InstructionKind> {
        let arguments = self.arguments;
        let text = arguments.line.text();
        let ranges = words::shell_separated(text, arguments.range.clone(), arguments.escape);
        let Some(first) = ranges.first() else {
            return self.missing("NAME=value");
        };
        let pairs = if text[first.clone()].contains('=') {
            self.modern_pairs(&ranges)?
        } else {
            vec![self.older_pair()?]
        };
        Some(match self.name {
            "ENV" => InstructionKind::Env(pairs),
            _ => InstructionKind::Label(pairs),
        })
    }

    fn modern_pairs(&mut self, ranges: &[Range<usize>]) -> Option<Vec<(Word, Word)>> {
        self.take(ranges.len())?;
        let mut pairs = Vec::with_capacity(ranges.len());
        let mut good = true;
        for range in ranges {
            let Some((name, value)) = self.split(range) else {
                self.unexpected("NAME=value", &self.arguments.line.word(range));
                good = false;
                continue;
            };
            good &= self.named(&name, range) && self.expandable(&name) && self.expandable(&value);
            pairs.push((name, value));
        }
        good.then_some(pairs)
    }

    fn older_pair(&mut self) -> Option<(Word, Word)> {
        let arguments = self.arguments;
        let line = arguments.line;
        let name = words::blank_separated(line.text(), arguments.range.clone()).next()?;
        let rest = &line.text()[name.end..arguments.range.end];
        let blanks = rest.len() - rest.trim_start_matches(words::is_blank).len();
        let value = name.end + blanks..arguments.range.end;
        let name = line.word(&name);
        if value.is_empty() {
            let message = format!(
                "expected a value after {} {}, but found nothing",
                self.name,
                shown(&name.text)
            );
            let hint = format!(
                "write {} {}=value; an empty value is \"\"",
                self.name,
                shown(&name.text)
            );
            self.findings
                .error_with_hint("missing-argument", message, hint, name.span);
            return None;
        }
        let value = line.word(&value);
        let good = self.expandable(&name) & self.expandable(&value);
        good.then_some((name, value))
    }

    fn arg(&mut self) -> Option<InstructionKind> {
        let arguments = self.arguments;
        let ranges = words::shell_separated(
            arguments.line.text(),
            arguments.range.clone(),
            arguments.escape,
        );
        if ranges.is_empty() {
            self.missing("NAME or NAME=default")?;
        }
        let mut good = true;
        self.take(ranges.len())?;
        let mut declarations = Vec::with_capacity(ranges.len());
        for range in &ranges {
            let (name, default) = match self.split(range) {
                Some((name, default)) => (name, Some(default)),
                None => (arguments.line.word(range), None),
            };
            good &= self.named(&name, range) && self.expandable(&name);
            good &= default
                .as_ref()
                .is_none_or(|default| self.expandable(default));
            declarations.push((name, default));
        }
        good.then_some(InstructionKind::Arg(declarations))
    }

    /// Cuts a word at its first `=`.
    fn split(&self, word: &Range<usize>) -> Option<(Word, Word)> {
        let line = self.arguments.line;
        let at = word.start + line.text()[word.clone()].find('=')?;
        Some((line.word(&(word.start..at)), line.word(&(at + 1..word.end))))
    }

    fn named(&mut self, name: &Word, word: &Range<usize>) -> bool {
        if name.text.is_empty() {
            self.unexpected("a name before '='", &self.arguments.line.word(word));
        }
        !name.text.is_empty()
    }

    fn expose(&mut self) -> Option<InstructionKind> {
        let words = self.blank_separated()?;
        if words.is_empty() {
            return self.missing("a port");
        }
        let mut good = true;
        for word in &words {
            good &= self.expandable(word) && checks::port(word, self.findings);
        }
        good.then_some(InstructionKind::Expose(words))
    }

    fn single(&mut self) -> Option<InstructionKind> {
        if self.arguments.range.is_empty() {
            return self.missing(if self.name == "USER" {
                "a user"
            } else {
                "a path"
            });
        }
        let word = self.arguments.whole();
        let good = self.expandable(&word);
        good.then_some(match self.name {
            "USER" => InstructionKind::User(word),
            _ => InstructionKind::Workdir(word),
        })
    }

    /// ADD, HEALTHCHECK, MAINTAINER, ONBUILD, SHELL, STOPSIGNAL, VOLUME: read so far that a plain mistake is found.
    fn not_built(&mut self) -> Option<InstructionKind> {
        let arguments = self.arguments;
        if arguments.range.is_empty() {
            return self.missing("an argument");
        }
        let form = json::read(arguments.line.text(), arguments.range.clone());
        match (self.name, form) {
            ("ADD" | "VOLUME" | "SHELL", Json::NotStrings) => return self.not_strings(),
            ("SHELL", Json::No | Json::Broken) => {
                self.unexpected("a JSON array of strings after SHELL", &arguments.whole());
                return None;
            }
            ("ONBUILD", _) => {
                let text = arguments.text();
                let inner = text
                    .split(words::is_blank)
                    .next()
                    .unwrap_or_default()
                    .to_uppercase();
                if language::instruction(&inner).is_none()
                    || ["ONBUILD", "FROM", "MAINTAINER"].contains(&&*inner)
                {
                    let word = Word {
                        text: inner,
                        span: arguments.span(),
                    };
                    self.unexpected(
                        "an instruction but FROM, MAINTAINER and ONBUILD after ONBUILD",
                        &word,
                    );
                    return None;
                }
            }
            _ => {}
        }
        Some(InstructionKind::NotBuilt)
    }
}
