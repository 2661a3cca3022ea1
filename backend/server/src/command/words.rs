//! The words of the command line before clap reads them, brought into the form that it takes.
//!
//! Docker's options of `run` and `exec` end at the first plain word, the image or the container: what follows is the
//! program's own, whatever it looks like. clap reads on, so `--` is put before that word. And Docker's switches may carry
//! `=true` or `=false`.

use std::ffi::OsString;

/// The options of one command, as clap knows them.
pub(super) struct Options<'a> {
    everywhere: &'a clap::Command,
    own: Option<&'a clap::Command>,
}

impl<'a> Options<'a> {
    /// Those of the command of this name; one that is not known has the global ones.
    pub(super) fn of(cli: &'a clap::Command, command: &str) -> Self {
        Self {
            everywhere: cli,
            own: cli.find_subcommand(command),
        }
    }

    /// The option of this letter, and whether it takes a value.
    pub(super) fn short(&self, letter: char) -> Option<bool> {
        self.find(|option| {
            option
                .get_short_and_visible_aliases()
                .is_some_and(|all| all.contains(&letter))
        })
    }

    fn long(&self, name: &str) -> Option<bool> {
        self.find(|option| {
            option.get_long() == Some(name)
                || option
                    .get_all_aliases()
                    .is_some_and(|all| all.contains(&name))
        })
    }

    fn find(&self, is_it: impl Fn(&clap::Arg) -> bool) -> Option<bool> {
        let own = self.own.into_iter().flat_map(clap::Command::get_arguments);
        own.chain(self.everywhere.get_arguments())
            .find(|option| is_it(option))
            .map(|option| option.get_action().takes_values())
    }

    /// Whether the next word is this one's value: of `--name`, and of `-e` also where switches stand before it (`-de`).
    pub(super) fn takes_next(&self, word: &str) -> bool {
        if let Some(name) = word.strip_prefix("--") {
            return self.long(name) == Some(true);
        }
        let letters = word.strip_prefix('-').unwrap_or_default();
        for (place, letter) in letters.char_indices() {
            match self.short(letter) {
                Some(true) => return place + letter.len_utf8() == letters.len(),
                Some(false) => {}
                None => return false,
            }
        }
        false
    }

    /// The switch in `--switch=true`, and whether it is on.
    fn switch<'b>(&self, word: &'b str) -> Option<(&'b str, bool)> {
        let (switch, value) = word.split_once('=')?;
        let is_switch = self.long(switch.strip_prefix("--")?) == Some(false);
        match value {
            "true" if is_switch => Some((switch, true)),
            "false" if is_switch => Some((switch, false)),
            _ => None,
        }
    }
}

/// Whether what follows the first plain word is a program's.
pub(super) fn starts_a_program(command: &str) -> bool {
    matches!(command, "run" | "exec")
}

/// Whether a word is neither an option nor the `--` before words that are none. `-` alone is a file's name.
pub(super) fn is_plain(word: &str) -> bool {
    !word.starts_with('-') || word == "-"
}

/// The first word that is no global option. The words are those after the program's name.
pub(super) fn command_place(words: &[&str]) -> Option<usize> {
    let mut place = 0;
    while words.get(place)?.starts_with('-') {
        place += if words[place] == "--root" { 2 } else { 1 };
    }
    Some(place)
}

/// The words as text. One that is no UTF-8 is nobody's option, and stands here as an empty one.
pub(super) fn texts(arguments: &[OsString]) -> Vec<&str> {
    arguments
        .iter()
        .skip(1)
        .map(|word| word.to_str().unwrap_or_default())
        .collect()
}

/// The words for clap.
pub(super) fn prepare(cli: &clap::Command, arguments: &[OsString]) -> Vec<OsString> {
    let words = texts(arguments);
    let Some(place) = command_place(&words) else {
        return arguments.to_vec();
    };
    let command = words[place];
    let options = Options::of(cli, command);
    // One more, for the program's name.
    let begin = place + 2;
    let mut prepared = arguments[..begin].to_vec();
    let mut rest = arguments[begin..].iter();
    while let Some(argument) = rest.next() {
        let word = argument.to_str().unwrap_or_default();
        let program_begins = is_plain(word) && starts_a_program(command);
        if program_begins {
            prepared.push("--".into());
        }
        match options.switch(word) {
            Some((switch, true)) => prepared.push(switch.into()),
            Some((_, false)) => {}
            None => prepared.push(argument.clone()),
        }
        if program_begins || word == "--" {
            break;
        }
        if options.takes_next(word) {
            prepared.extend(rest.next().cloned());
        }
    }
    prepared.extend(rest.cloned());
    prepared
}

#[cfg(test)]
mod tests {
    use super::super::{Cli, Command};
    use super::*;
    use clap::{CommandFactory as _, Parser as _};

    fn prepared(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let words = prepare(&Cli::command(), &words);
        let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
        words.join(" ")
    }

    fn parsed(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(prepared(line).split(' ')).map(|cli| cli.command)
    }

    /// `run --rm --entrypoint echo busybox -e A=1` once took `-e` for itself, and `run busybox --help` printed this
    /// program's help: what stands after the image was read as options.
    #[test]
    fn words_after_an_image_or_a_container_are_the_programs() {
        for own in [
            "-e A=1",
            "--rm",
            "--help",
            "--root /x",
            "-- echo",
            "echo -- -e",
            "--name=x --rm=true",
            "-p 80:80",
            "-",
        ] {
            let line = format!("estiva --root /r run --rm -de X=1 --name n busybox {own}");
            let Ok(Command::Run(args)) = parsed(&line) else {
                panic!("{line}: {:?}", parsed(&line).unwrap_err())
            };
            assert_eq!(
                args.words(),
                ("busybox", own.split(' ').collect()),
                "{line}"
            );
            let line = format!("estiva exec -w /tmp web {own}");
            let Ok(Command::Exec(args)) = parsed(&line) else {
                panic!("{line}: {:?}", parsed(&line).unwrap_err())
            };
            assert_eq!(args.words(), ("web", own.split(' ').collect()), "{line}");
        }
    }

    #[test]
    fn a_mistake_before_the_image_is_still_one() {
        for line in [
            "estiva run --rmm busybox",
            "estiva run --rm",
            "estiva run --name",
            "estiva run --rm=perhaps busybox",
            "estiva exec web",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
        assert!(
            parsed("estiva run --help")
                .unwrap_err()
                .to_string()
                .contains("[ARGS]")
        );
    }

    #[test]
    fn other_words_stay_as_they_are() {
        for (line, expected) in [
            ("estiva", "estiva"),
            ("estiva --help", "estiva --help"),
            (
                "estiva build . --no-cache=true -t a",
                "estiva build . --no-cache -t a",
            ),
            (
                "estiva run --rm=false -- busybox -x",
                "estiva run -- busybox -x",
            ),
            (
                "estiva run --name --rm=true x",
                "estiva run --name --rm=true -- x",
            ),
            ("estiva rm -f -- -x", "estiva rm -f -- -x"),
            ("estiva wrong -x", "estiva wrong -x"),
        ] {
            assert_eq!(prepared(line), expected);
        }
    }
}
