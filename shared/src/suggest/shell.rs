//! What of a shell's command may be joined with another by `&&` without meaning something else.
//!
//! A reader of far less than the shell's grammar: what it does not know it refuses, and then there is no patch.

/// How a command may be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Simple commands and pipes, joined by `&&` alone: as it stands.
    Plain,
    /// It changes its shell or has other operators: in parentheses.
    Grouped,
    /// It begins with `set -e`, which the shell forgets left of `&&`: only a `;` can follow.
    Strict,
}

/// Words that act on the shell itself, and so on what follows.
const SHELLS_OWN: [&str; 24] = [
    ".", "alias", "break", "cd", "continue", "declare", "eval", "exec", "exit", "export", "hash",
    "local", "popd", "pushd", "read", "readonly", "return", "shift", "shopt", "source", "trap",
    "ulimit", "umask", "unset",
];

/// Words of the shell's grammar.
const RESERVED: [&str; 16] = [
    "!", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then", "until",
    "while", "{", "}",
];

/// How this command may be joined; none where it may not, or where that can't be told.
pub(super) fn form(command: &str) -> Option<Form> {
    let mut scan = Scan {
        rest: command,
        form: Form::Plain,
        depth: 0,
        at_command: true,
        commands: 0,
        ends_simply: false,
    };
    scan.run()?;
    let is_whole = scan.depth == 0 && !scan.at_command;
    // `set -e` passes over what fails left of `&&`; as the last command its failure still counts, and before another not.
    let goes_on = scan.form != Form::Strict || scan.ends_simply;
    (is_whole && goes_on).then_some(scan.form)
}

struct Scan<'c> {
    rest: &'c str,
    form: Form,
    depth: usize,
    /// The next word is a command's name.
    at_command: bool,
    commands: usize,
    /// Since the last `;` there was one simple command or pipe.
    ends_simply: bool,
}

impl Scan<'_> {
    fn run(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t']);
            let Some(first) = self.rest.chars().next() else {
                return Some(());
            };
            let starts = |text: &str| self.rest.starts_with(text);
            if starts("&&") {
                self.operator(2, false, false)?;
            } else if starts("||") || starts(";;") {
                self.operator(2, true, false)?;
            } else if starts("&>") || starts("<&") || starts(">&") || starts(">>") {
                self.skip(2);
            } else {
                match first {
                    ';' => self.operator(1, true, true)?,
                    '|' => self.operator(1, false, self.ends_simply)?,
                    '>' => self.skip(1),
                    '<' if !starts("<<") => self.skip(1),
                    // Of a function, or a mistake.
                    '(' if !self.at_command => return None,
                    '(' => {
                        self.depth += 1;
                        self.ends_simply = false;
                        self.skip(1);
                    }
                    ')' => {
                        self.depth = self.depth.checked_sub(1)?;
                        self.skip(1);
                    }
                    // A background job, a here-document, a comment, another line, the old way to run a command in words.
                    '&' | '<' | '#' | '\n' | '\r' | '`' => return None,
                    _ => {
                        let word = self.word()?;
                        self.name(&word)?;
                    }
                }
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    /// What the command is now that it has something that must not reach what follows. In parentheses it does not.
    fn grouped(&self) -> Form {
        match self.form {
            Form::Plain if self.depth == 0 => Form::Grouped,
            form => form,
        }
    }

    /// Ends a command.
    fn operator(&mut self, bytes: usize, groups: bool, ends_simply: bool) -> Option<()> {
        if self.at_command {
            return None;
        }
        self.ends_simply = ends_simply;
        if groups {
            self.form = self.grouped();
        }
        self.skip(bytes);
        self.at_command = true;
        Some(())
    }

    /// Takes a word to its end; none where it holds what is not read.
    fn word(&mut self) -> Option<String> {
        let start = self.rest;
        while let Some(first) = self.rest.chars().next() {
            match first {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '`' => return None,
                '\'' => {
                    let end = self.rest[1..].find('\'')?;
                    self.skip(end + 2);
                }
                '"' => self.quoted()?,
                '$' => self.variable()?,
                '\\' => {
                    let escaped = self.rest[1..].chars().next()?;
                    self.skip(1 + escaped.len_utf8());
                }
                other => self.skip(other.len_utf8()),
            }
        }
        Some(start[..start.len() - self.rest.len()].to_owned())
    }

    fn quoted(&mut self) -> Option<()> {
        self.skip(1);
        loop {
            match self.rest.chars().next()? {
                '"' => {
                    self.skip(1);
                    return Some(());
                }
                '`' => return None,
                '$' => self.variable()?,
                '\\' => {
                    let escaped = self.rest[1..].chars().next()?;
                    self.skip(1 + escaped.len_utf8());
                }
                other => self.skip(other.len_utf8()),
            }
        }
    }

    /// `$NAME`, `${…}` and `$(…)`, the last two without quotes or nesting.
    fn variable(&mut self) -> Option<()> {
        let inside = |open: &str, close: char| {
            let rest = self.rest.strip_prefix(open)?;
            let end = rest.find(['\'', '"', '\\', '(', ')', '{', '}', '`', '#'])?;
            rest[end..]
                .starts_with(close)
                .then_some(open.len() + end + 1)
        };
        let bytes = match self.rest.as_bytes().get(1) {
            Some(b'(') => inside("$(", ')')?,
            Some(b'{') => inside("${", '}')?,
            _ => 1,
        };
        self.skip(bytes);
        Some(())
    }

    /// Looks at a word where a command's name may stand.
    fn name(&mut self, word: &str) -> Option<()> {
        if !self.at_command {
            return Some(());
        }
        self.commands += 1;
        if RESERVED.contains(&word) {
            // A name may follow; a block that ends is a command as well.
            self.form = self.grouped();
            self.ends_simply = false;
            self.at_command = !matches!(word, "}" | "done" | "esac" | "fi");
            return Some(());
        }
        let is_assignment = word.split_once('=').is_some_and(|(name, _)| {
            name.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        if word == "set" {
            let option = self.rest.split_whitespace().next()?;
            let is_strict = self.commands == 1
                && self.depth == 0
                && option.starts_with('-')
                && option.trim_end_matches(';').contains('e');
            if !is_strict {
                return None;
            }
            self.form = Form::Strict;
        } else if is_assignment || SHELLS_OWN.contains(&word) {
            self.form = self.grouped();
        }
        self.at_command = false;
        Some(())
    }
}

/// The words of a command, roughly: for whether it may have to do with something.
pub(super) fn words(command: &str) -> impl Iterator<Item = &str> {
    command
        .split(|one: char| one.is_whitespace() || "&|;()<>'\"`$={}".contains(one))
        .filter(|word| !word.is_empty())
}

/// Whether a path can stand in a command as it is.
pub(super) fn is_plain_path(path: &str) -> bool {
    path.starts_with('/')
        && path
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_joined_only_where_they_mean_the_same() {
        use Form::{Grouped, Plain, Strict};
        for (command, expected) in [
            ("apt-get update && apt-get install -y curl", Some(Plain)),
            (
                "curl -fsSL https://x.org/a?b=c | tar -xz -C /srv",
                Some(Plain),
            ),
            (
                "echo \"a; $HOME && ${B}\" 'c || d' > /etc/x 2>&1",
                Some(Plain),
            ),
            (
                "dpkg --add-architecture $(dpkg --print-architecture)",
                Some(Plain),
            ),
            ("A=b make", Some(Grouped)),
            ("cd /srv && make", Some(Grouped)),
            ("make || true", Some(Grouped)),
            ("a; b", Some(Grouped)),
            ("(cd /srv; a || b) && c", Some(Plain)),
            ("(a) && cd /srv", Some(Grouped)),
            ("if a; then b; fi", Some(Grouped)),
            ("for x in 1 2; do echo $x; done", Some(Grouped)),
            ("set -eux; a; b", Some(Strict)),
            (
                "set -e; cd /srv; make && make check; curl x | tar x",
                Some(Strict),
            ),
            ("set -e; make && make check", None),
            ("set -e; if a; then b && c; fi", None),
            ("set -e && make", None),
            ("f() { a; }", None),
            ("set -x; a", None),
            ("a && set -e", None),
            ("a &", None),
            ("a & b", None),
            ("a && ", None),
            ("a;", None),
            ("a # b", None),
            ("cat <<EOF", None),
            ("echo `date`", None),
            ("echo $(echo \"x\")", None),
            ("case x in x) a ;; esac", None),
            ("echo 'a", None),
            ("a)", None),
            ("(a", None),
            ("", None),
        ] {
            assert_eq!(form(command), expected, "{command}");
        }
    }

    #[test]
    fn words_and_paths_are_told() {
        let found: Vec<_> = words("PIP=x pip3 install 'a'&&./go.sh").collect();
        assert_eq!(found, ["PIP", "x", "pip3", "install", "a", "./go.sh"]);
        assert!(is_plain_path("/root/.cache/pip"));
        for bad in ["", "root", "/a b", "/a'b", "/$x", "/a\n", "/*"] {
            assert!(!is_plain_path(bad), "{bad}");
        }
    }
}
