//! A line of an image's history, made short for the eye.
//!
//! Builders write them in different ways: the classic one prefixes metadata with `/bin/sh -c #(nop)`, BuildKit appends
//! `# buildkit`, and both put build arguments before a command. All three are taken off; the whole line stays in the document.

/// What stands before a command that the shell runs.
const SHELL: &str = "/bin/sh -c";

/// The instruction's name and the rest of a history line, on one line. The name is empty where the line has none.
#[must_use]
pub fn split_instruction(created_by: &str) -> (String, String) {
    let text = created_by.trim();
    let text = text.strip_suffix("# buildkit").unwrap_or(text).trim_end();
    let (name, rest) = match text.strip_prefix(SHELL) {
        Some(command) => match command.trim_start().strip_prefix("#(nop)") {
            Some(instruction) => first_word(instruction.trim_start()),
            None => ("RUN", command),
        },
        None if text.starts_with('|') => ("RUN", text),
        None => first_word(text),
    };
    let rest = rest.trim_start();
    let rest = if name == "RUN" { command(rest) } else { rest };
    (
        name.to_owned(),
        rest.split_whitespace().collect::<Vec<_>>().join(" "),
    )
}

/// What a RUN runs: without its build arguments (`|2 A=x B=y`) and the shell.
fn command(rest: &str) -> &str {
    if rest.starts_with('|')
        && let Some((_, command)) = rest.split_once(SHELL)
    {
        return command;
    }
    rest.strip_prefix(SHELL).unwrap_or(rest)
}

fn first_word(text: &str) -> (&str, &str) {
    let is_name = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) if is_name(word) => (word, rest),
        None if is_name(text) => (text, ""),
        _ => ("", text),
    }
}

#[cfg(test)]
mod tests {
    use super::split_instruction;

    #[test]
    fn reads_every_builders_way_of_writing() {
        for (line, name, rest) in [
            ("RUN /bin/sh -c echo hi # buildkit", "RUN", "echo hi"),
            ("RUN |1 A=b /bin/sh -c echo hi # buildkit", "RUN", "echo hi"),
            ("|2 A=b C=d e /bin/sh -c make", "RUN", "make"),
            ("/bin/sh -c apk add   curl", "RUN", "apk add curl"),
            ("/bin/sh -c #(nop)  CMD [\"sh\"]", "CMD", "[\"sh\"]"),
            ("COPY . /app", "COPY", ". /app"),
            ("bazel build ...", "", "bazel build ..."),
            ("", "", ""),
        ] {
            assert_eq!(
                split_instruction(line),
                (name.to_owned(), rest.to_owned()),
                "{line}"
            );
        }
    }
}
