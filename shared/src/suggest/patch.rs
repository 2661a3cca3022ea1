//! Patches of a Dockerfile, each alone for the file as it is.
//!
//! **Invariant:** a patch is given only where the file it makes was parsed and says what was meant: the same instructions,
//! but for the one that was to change. Where a command, a flag or what stands between two instructions is more than is
//! understood here, there is no patch, and the advice stands in words.

use crate::dockerfile::{self, Command, Instruction, InstructionKind, Severity};

use super::diff::{Edit, Lines};
use super::shell::{self, Form};
use super::source::{Said, Source, one_line, said};

/// What stands before a command that follows another.
const INDENT: &str = "    ";

/// The file's name in a diff.
const NAME: &str = "Dockerfile";

/// Instructions that no RUN sees the effect of, so that one may pass them.
const PASSED: [&str; 8] = [
    "CMD",
    "ENTRYPOINT",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "STOPSIGNAL",
];

/// Words that run what follows as somebody else, or what can't be seen here.
const OTHERS: [&str; 6] = ["doas", "gosu", "runuser", "su", "su-exec", "sudo"];

/// A file that becomes another.
struct Draft<'s> {
    source: &'s Source<'s>,
    lines: Lines<'s>,
    edits: Vec<Edit>,
    /// What the new file has to say.
    said: Vec<Option<Said>>,
}

impl<'s> Draft<'s> {
    fn of(source: &'s Source<'s>) -> Self {
        let (dockerfile, _) = dockerfile::parse(source.text);
        Self {
            source,
            lines: Lines::of(source.text),
            edits: Vec::new(),
            said: said(&dockerfile).into_iter().map(Some).collect(),
        }
    }

    fn instruction(&self, place: usize) -> Option<&'s Instruction> {
        Some(&self.source.places.get(place)?.instruction)
    }

    /// The lines that an instruction takes, from 0 and without the last.
    fn range(&self, instruction: &Instruction) -> Option<(usize, usize)> {
        let (start, end) = (instruction.span.start.line, instruction.span.end.line);
        let range = (start.checked_sub(1)? as usize, end as usize);
        (range.0 < range.1 && range.1 <= self.lines.lines.len()).then_some(range)
    }

    /// An instruction's lines, without `\r`; and whether they had it.
    fn text_of(&self, instruction: &Instruction) -> Option<(Vec<String>, bool)> {
        let (first, end) = self.range(instruction)?;
        let lines = &self.lines.lines[first..end];
        let bare = |line: &&str| line.strip_suffix('\r').unwrap_or(line).to_owned();
        Some((lines.iter().map(bare).collect(), lines[0].ends_with('\r')))
    }

    /// Where an instruction's arguments begin, after name and flags: line of the instruction from 0, byte of the line.
    fn arguments(&self, instruction: &Instruction) -> Option<(usize, usize)> {
        let (mut line, mut at) = match instruction.flags.last() {
            Some(flag) => (flag.span.end.line, flag.span.end.offset as usize),
            None => {
                let start = instruction.span.start;
                (start.line, start.offset as usize + instruction.name.len())
            }
        };
        loop {
            let rest = self.source.text.get(at..)?;
            let text = rest.trim_start_matches([' ', '\t']);
            at += rest.len() - text.len();
            let Some(after) = text.strip_prefix(self.source.escape) else {
                // A comment or an empty line between: not worth understanding.
                let is_text = !text.is_empty() && !text.starts_with(['\r', '\n', '#']);
                let start = self.source.text[..at].rfind('\n').map_or(0, |end| end + 1);
                let first = instruction.span.start.line;
                return is_text.then_some(((line - first) as usize, at - start));
            };
            let blank = after.trim_start_matches([' ', '\t', '\r']);
            if !blank.starts_with('\n') {
                let start = self.source.text[..at].rfind('\n').map_or(0, |end| end + 1);
                return Some(((line - instruction.span.start.line) as usize, at - start));
            }
            at += text.len() - blank.len() + 1;
            line += 1;
        }
    }

    fn replace(&mut self, instruction: &Instruction, lines: Vec<String>, cr: bool) -> Option<()> {
        let (first, end) = self.range(instruction)?;
        let ended = |line: String| if cr { line + "\r" } else { line };
        let lines = lines.into_iter().map(ended).collect();
        self.edits.push(Edit { first, end, lines });
        Some(())
    }

    /// What a place is to say; none where it is to go.
    fn expect(&mut self, place: usize) -> Option<&mut Option<Said>> {
        let number = self.source.places.get(place)?.number;
        self.said.get_mut(number)
    }

    /// The diff, where the new file says what it has to.
    fn finish(mut self) -> Option<String> {
        self.edits.sort_by_key(|edit| edit.first);
        let (dockerfile, findings) = dockerfile::parse(&self.lines.edited(&self.edits));
        let has_mistakes = findings
            .iter()
            .any(|finding| finding.severity == Severity::Error);
        let expected: Vec<_> = self.said.into_iter().flatten().collect();
        (!has_mistakes && said(&dockerfile) == expected).then(|| self.lines.diff(&self.edits, NAME))
    }
}

/// A RUN of the shell without here-documents.
fn shell_command(instruction: &Instruction) -> Option<&str> {
    match &instruction.kind {
        InstructionKind::Run(Command::Shell(command)) if instruction.heredocs.is_empty() => {
            Some(command)
        }
        _ => None,
    }
}

/// Whether a SHELL before this place makes commands be read by something else.
fn has_own_shell(source: &Source<'_>, place: usize) -> bool {
    let before = source.places.iter().take(place);
    before
        .into_iter()
        .any(|place| place.instruction.name == "SHELL")
}

/// Joins two RUNs, and those between them, in the place of the first.
pub(super) fn join_runs(source: &Source<'_>, first: usize, last: usize) -> Option<String> {
    let between = source.places.get(first..=last)?;
    let stage = between.first()?.stage;
    let fits = between.iter().all(|place| {
        let name = place.instruction.name.as_str();
        place.stage == stage && (name == "RUN" || PASSED.contains(&name))
    });
    if !fits || first == last || has_own_shell(source, last) {
        return None;
    }
    let mut draft = Draft::of(source);
    let head = draft.instruction(first)?;
    let flags = draft.expect(first)?.as_ref()?.flags.clone();
    let (mut lines, cr) = grouped_text(&draft, head)?;
    let mut text = grouped(&one_line(&head.text), shell::form(shell_command(head)?)?)?;
    for place in first + 1..=last {
        let run = draft.instruction(place)?;
        if run.name != "RUN" {
            continue;
        }
        let said = draft.expect(place)?.take()?;
        if said.flags != flags {
            return None;
        }
        let (tail, _) = grouped_text(&draft, run)?;
        // In the parentheses or without them: from the arguments on.
        let (line, at) = draft.arguments(run)?;
        let mut tail = tail.into_iter().skip(line);
        let start = tail.next()?;
        continue_line(lines.last_mut()?, source.escape);
        lines.push(format!("{INDENT}&& {}", start.get(at..)?));
        lines.extend(tail);
        let command = grouped(&one_line(&run.text), shell::form(shell_command(run)?)?)?;
        text = format!("{text} && {command}");
        draft.replace(run, Vec::new(), cr)?;
    }
    draft.expect(first)?.as_mut()?.text = text;
    draft.replace(head, lines, cr)?;
    draft.finish()
}

/// A command as it can stand beside `&&`.
fn grouped(command: &str, form: Form) -> Option<String> {
    match form {
        Form::Plain => Some(command.to_owned()),
        Form::Grouped => Some(format!("( {command} )")),
        Form::Strict => None,
    }
}

/// A RUN's lines, its command in parentheses where it needs them, without blanks at the end.
fn grouped_text(draft: &Draft<'_>, run: &Instruction) -> Option<(Vec<String>, bool)> {
    let (mut lines, cr) = draft.text_of(run)?;
    let is_grouped = shell::form(shell_command(run)?)? == Form::Grouped;
    if is_grouped {
        let (line, at) = draft.arguments(run)?;
        let line = lines.get_mut(line)?;
        line.get(at..)?;
        line.insert_str(at, "( ");
    }
    let last = lines.last_mut()?;
    last.truncate(last.trim_end().len());
    if is_grouped {
        last.push_str(" )");
    }
    Some((lines, cr))
}

fn continue_line(line: &mut String, escape: char) {
    line.push(' ');
    line.push(escape);
}

/// Lets the RUN that left something behind remove it. `is_used_later` is asked of each instruction that follows.
pub(super) fn remove_in_run(
    source: &Source<'_>,
    place: usize,
    removals: &[String],
    is_used_later: &dyn Fn(&Instruction) -> bool,
) -> Option<String> {
    let mut draft = Draft::of(source);
    let run = draft.instruction(place)?;
    let command = shell_command(run)?;
    let is_plain = |path: &String| shell::is_plain_path(&path.replace('*', "x"));
    let by_others = shell::words(command).any(|word| OTHERS.contains(&word));
    if by_others || !removals.iter().all(is_plain) || has_own_shell(source, place) {
        return None;
    }
    // Stages that are built from this one stand below it too.
    let number = source.places.get(place)?.number;
    let (dockerfile, _) = dockerfile::parse(source.text);
    let stages = dockerfile.stages.iter();
    let all = dockerfile
        .global_args
        .iter()
        .chain(stages.flat_map(|stage| &stage.instructions));
    if all.skip(number + 1).any(is_used_later) {
        return None;
    }
    let removal = format!("rm -rf {}", removals.join(" "));
    let old = one_line(&run.text);
    let (mut lines, cr) = match shell::form(command)? {
        Form::Strict => draft.text_of(run)?,
        _ => grouped_text(&draft, run)?,
    };
    let last = lines.last_mut()?;
    last.truncate(last.trim_end().len());
    let (end, start, text) = match shell::form(command)? {
        Form::Strict => (";", "", format!("{old}; {removal}")),
        form => ("", "&& ", format!("{} && {removal}", grouped(&old, form)?)),
    };
    last.push_str(end);
    continue_line(last, source.escape);
    lines.push(format!("{INDENT}{start}{removal}"));
    draft.expect(place)?.as_mut()?.text = text;
    draft.replace(run, lines, cr)?;
    draft.finish()
}

/// Whether a RUN that comes later may read what a package manager left. A script may do anything.
pub(super) fn runs_manager(instruction: &Instruction, manager: &str) -> bool {
    if instruction.name != "RUN" {
        return false;
    }
    if !instruction.heredocs.is_empty() {
        return true;
    }
    let starts: &[&str] = match manager {
        "apt" => &["apt", "aptitude"],
        "apk" => &["apk"],
        "dnf" | "yum" => &["dnf", "microdnf", "tdnf", "yum"],
        "pip" => &["pip", "python", "uv", "poetry"],
        "npm" | "yarn" | "pnpm" => &["npm", "npx", "yarn", "pnpm", "corepack"],
        "cargo" => &["cargo"],
        "go" => &["go"],
        _ => return true,
    };
    shell::words(&instruction.text).any(|word| {
        let word = word.trim_matches(|one| matches!(one, '[' | ']' | ','));
        let name = word.rsplit('/').next().unwrap_or(word);
        let is_script = word.starts_with("./") || name.ends_with(".sh");
        is_script
            || matches!(name, "make" | "sh" | "bash")
            || starts.iter().any(|start| name.starts_with(start))
    })
}

/// Whether a later instruction may need an archive of this path: any RUN, and whatever names it.
pub(super) fn needs_archive(instruction: &Instruction, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    instruction.name == "RUN" || instruction.text.contains(name)
}

/// What a RUN changes that a COPY could have set.
struct Change {
    flag: &'static str,
    value: String,
    path: String,
    recursive: bool,
}

/// Sets owner or mode where the files are copied, instead of by a RUN that copies them once more. `beside` is what else that RUN
/// wrote.
pub(super) fn set_on_copy(
    source: &Source<'_>,
    copies: &[usize],
    run: usize,
    beside: &[String],
) -> Option<String> {
    let mut draft = Draft::of(source);
    let first = *copies.iter().min()?;
    let between = source.places.get(first..run)?.iter().enumerate();
    let fits = between
        .map(|(number, place)| (number + first, place))
        .all(|(number, place)| {
            let name = place.instruction.name.as_str();
            place.stage == source.places[run].stage
                && (copies.contains(&number) || PASSED.contains(&name))
        });
    let instruction = draft.instruction(run)?;
    if !fits || !instruction.flags.is_empty() || has_own_shell(source, run) {
        return None;
    }
    let change = change(shell_command(instruction)?)?;
    let (_, cr) = draft.text_of(instruction)?;
    match beside {
        [] => {
            draft.expect(run)?.take()?;
            draft.replace(instruction, Vec::new(), cr)?;
        }
        // The folder was there before: its owner is still to be changed, and its alone.
        [folder] if change.recursive && format!("/{folder}") == change.path => {
            let text = format!("chown {} {}", change.value, change.path);
            draft.replace(instruction, vec![format!("RUN {text}")], cr)?;
            draft.expect(run)?.as_mut()?.text = text;
        }
        _ => return None,
    }
    for copy in copies {
        let instruction = draft.instruction(*copy)?;
        let known = instruction.flags.iter().map(|flag| flag.name.as_str());
        let is_set = known
            .into_iter()
            .any(|name| name == change.flag || name == "link");
        if is_set
            || !matches!(&*instruction.name, "COPY" | "ADD")
            || !instruction.heredocs.is_empty()
        {
            return None;
        }
        let (mut lines, cr) = draft.text_of(instruction)?;
        let name = lines[0].find(|one: char| !one.is_whitespace())? + instruction.name.len();
        lines[0].get(name..)?;
        lines[0].insert_str(name, &format!(" --{}={}", change.flag, change.value));
        draft.replace(instruction, lines, cr)?;
        let flag = (change.flag.to_owned(), Some(change.value.clone()));
        draft.expect(*copy)?.as_mut()?.flags.insert(0, flag);
    }
    draft.finish()
}

/// Reads `chown [-R] OWNER:GROUP PATH` and `chmod MODE PATH`. An owner without a group means another thing to COPY, and `chmod
/// -R` gives folders a mode that COPY would not give to those that it makes.
fn change(command: &str) -> Option<Change> {
    let words: Vec<_> = command.split_whitespace().collect();
    let (flag, recursive, value, path) = match words[..] {
        ["chown", "-R" | "--recursive", value, path] => ("chown", true, value, path),
        ["chown", value, path] => ("chown", false, value, path),
        ["chmod", value, path] => ("chmod", false, value, path),
        _ => return None,
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with('-')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    let is_good = match flag {
        "chown" => value
            .split_once(':')
            .is_some_and(|(owner, group)| is_name(owner) && is_name(group)),
        _ => {
            matches!(value.len(), 3 | 4) && value.bytes().all(|digit| matches!(digit, b'0'..=b'7'))
        }
    };
    let path = path.trim_end_matches('/');
    (is_good && shell::is_plain_path(path)).then(|| Change {
        flag,
        value: value.to_owned(),
        path: path.to_owned(),
        recursive,
    })
}
