//! A line of an image's history, made short for the eye.
//!
//! Builders write them in different ways: the classic one prefixes metadata with `/bin/sh -c #(nop)`, BuildKit appends
//! `# buildkit`. Both are taken off; the whole line stays in the history's table.

/// The instruction's name and the rest of a history line, on one line.
pub fn split(created_by: &str) -> (String, String) {
    let text = created_by.trim();
    let text = text.strip_suffix("# buildkit").unwrap_or(text).trim_end();
    let (name, rest) = match text.strip_prefix("/bin/sh -c") {
        Some(command) => match command.trim_start().strip_prefix("#(nop)") {
            Some(instruction) => first_word(instruction.trim_start()),
            None => ("RUN", command),
        },
        None => first_word(text),
    };
    let rest = rest.trim_start();
    let rest = if name == "RUN" {
        rest.strip_prefix("/bin/sh -c").unwrap_or(rest)
    } else {
        rest
    };
    (
        name.to_owned(),
        rest.split_whitespace().collect::<Vec<_>>().join(" "),
    )
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
    use super::split;

    #[test]
    fn reads_every_builders_way_of_writing() {
        for (line, name, rest) in [
            ("RUN /bin/sh -c echo hi # buildkit", "RUN", "echo hi"),
            ("/bin/sh -c apk add   curl", "RUN", "apk add curl"),
            ("/bin/sh -c #(nop)  CMD [\"sh\"]", "CMD", "[\"sh\"]"),
            ("COPY . /app", "COPY", ". /app"),
            ("bazel build ...", "", "bazel build ..."),
            ("", "", ""),
        ] {
            assert_eq!(split(line), (name.to_owned(), rest.to_owned()), "{line}");
        }
    }
}
