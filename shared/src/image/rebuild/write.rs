//! Instructions written so that the parser reads back what was meant: quotes, the exec form, here-documents.

use crate::dockerfile::{Command, Dockerfile, Instruction, InstructionKind, Severity, parse};

/// The tree of one instruction below a FROM, and above another: what takes the next line to itself is not exactly one. None
/// where it isn't, or has a mistake.
fn alone(text: &str, name: &str) -> Option<(String, Dockerfile)> {
    let source = match name {
        "FROM" => format!("{text}\nWORKDIR /below\n"),
        _ => format!("FROM scratch\n{text}\nWORKDIR /below\n"),
    };
    let (dockerfile, diagnostics) = parse(&source);
    let is_wrong = diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error);
    let [stage] = dockerfile.stages.as_slice() else {
        return None;
    };
    let expected = if name == "FROM" { 2 } else { 3 };
    let below = stage.instructions.last();
    let fits = stage.instructions.len() == expected
        && below.is_some_and(|below| below.name == "WORKDIR" && below.text == "/below");
    (fits && !is_wrong).then_some((source, dockerfile))
}

/// The instruction that a text is, where it is exactly this one and has no mistake.
pub(super) fn instruction(text: &str, name: &str) -> Option<Instruction> {
    let (_, mut dockerfile) = alone(text, name)?;
    let mut instructions = dockerfile.stages.pop()?.instructions;
    instructions.pop();
    let read = instructions.pop()?;
    (read.name == name && read.kind != InstructionKind::Invalid).then_some(read)
}

/// Whether a text is exactly one instruction of this name, without a mistake.
pub(super) fn is_instruction(text: &str, name: &str) -> bool {
    instruction(text, name).is_some()
}

/// A RUN of a line for the shell: plainly, as a here-document where it has several lines, else in the exec form.
pub(super) fn run(command: &str, shell: &[String]) -> Option<String> {
    let command = command.trim();
    if command.is_empty() {
        return None;
    }
    let plain = format!("RUN {command}");
    let is_it = instruction(&plain, "RUN").is_some_and(|read| {
        read.kind == InstructionKind::Run(Command::Shell(command.to_owned()))
            && read.flags.is_empty()
    });
    if is_it {
        return Some(plain);
    }
    if command.contains('\n')
        && let Some(text) = heredoc(command)
    {
        return Some(text);
    }
    let words: Vec<&str> = shell.iter().map(String::as_str).chain([command]).collect();
    exec("RUN", &words)
}

/// A RUN with its lines below it.
fn heredoc(command: &str) -> Option<String> {
    let names = ["EOF", "END_OF_RUN", "END_OF_RUN_2"];
    let name = names
        .into_iter()
        .find(|name| !command.lines().any(|line| line.trim_end() == *name))?;
    let text = format!("RUN <<{name}\n{command}\n{name}");
    let (source, dockerfile) = alone(&text, "RUN")?;
    let read = dockerfile.stages.first()?.instructions.get(1)?;
    let content = read.heredocs.first()?.content;
    let found = source.get(content.start.offset as usize..content.end.offset as usize)?;
    let is_it = read.name == "RUN"
        && read.heredocs.len() == 1
        // The parser leaves a carriage return before a line's end to the line.
        && found.strip_suffix('\n') == Some(command);
    is_it.then_some(text)
}

/// The exec form.
pub(super) fn exec(name: &str, words: &[&str]) -> Option<String> {
    let text = format!("{name} {}", json(words));
    is_instruction(&text, name).then_some(text)
}

/// Words as a JSON list, spaced as people write it.
pub(super) fn json(words: &[&str]) -> String {
    let words = words.iter().map(|word| {
        // A string always becomes JSON.
        serde_json::to_string(word).unwrap_or_default()
    });
    format!("[{}]", words.collect::<Vec<_>>().join(", "))
}

/// A value that no variable is replaced in: quoted where it has to be.
pub(super) fn literal(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_./:@%+,=~^-".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

/// `NAME key=value …`.
pub(super) fn pairs(name: &str, pairs: &[(String, String)]) -> Option<String> {
    let words = pairs.iter().map(|(key, value)| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
        let key = match !key.is_empty() && key.chars().all(is_plain) {
            true => key.clone(),
            false => literal(key),
        };
        format!("{key}={}", literal(value))
    });
    let text = format!("{name} {}", words.collect::<Vec<_>>().join(" "));
    is_instruction(&text, name).then_some(text)
}

/// COPY or ADD of these words, the last of them the destination.
pub(super) fn copy(name: &str, flags: &str, words: &[String]) -> Option<String> {
    let flags = match flags.trim() {
        "" => String::new(),
        flags => format!("{flags} "),
    };
    let has_special =
        |word: &String| word.contains(|c: char| c.is_whitespace() || "\"'\\[".contains(c));
    let escaped: Vec<String> = words.iter().map(|word| word.replace('$', "\\$")).collect();
    let arguments = if words.iter().any(has_special) {
        json(&escaped.iter().map(String::as_str).collect::<Vec<_>>())
    } else {
        escaped.join(" ")
    };
    let text = format!("{name} {flags}{arguments}");
    is_instruction(&text, name).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> Vec<String> {
        vec!["/bin/sh".to_owned(), "-c".to_owned()]
    }

    #[test]
    fn a_command_is_written_so_that_it_is_read_back() {
        for (command, text) in [
            ("echo hi", "RUN echo hi"),
            ("  set -e\necho hi\n", "RUN <<EOF\nset -e\necho hi\nEOF"),
            (
                "cat <<EOF\na\nEOF\n",
                "RUN <<END_OF_RUN\ncat <<EOF\na\nEOF\nEND_OF_RUN",
            ),
            ("cat <<EOF", r#"RUN ["/bin/sh", "-c", "cat <<EOF"]"#),
            ("echo \\", r#"RUN ["/bin/sh", "-c", "echo \\"]"#),
            ("--mount=x y", r#"RUN ["/bin/sh", "-c", "--mount=x y"]"#),
            ("[\"a\"]", r#"RUN ["/bin/sh", "-c", "[\"a\"]"]"#),
        ] {
            assert_eq!(run(command, &shell()).as_deref(), Some(text), "{command}");
        }
        assert_eq!(run(" ", &shell()), None);
    }

    #[test]
    fn values_are_quoted_where_they_have_to_be() {
        for (value, text) in [
            ("20.1", "20.1"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("$HOME \"x\" \\", "\"\\$HOME \\\"x\\\" \\\\\""),
        ] {
            assert_eq!(literal(value), text);
            let read = crate::dockerfile::expand(text, '\\', &|_| None);
            assert_eq!(read.as_deref(), Ok(value));
        }
        assert_eq!(
            pairs("ENV", &[("A".to_owned(), "two\nlines".to_owned())]),
            None
        );
    }
}
