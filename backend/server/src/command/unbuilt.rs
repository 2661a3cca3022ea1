//! Options that Docker's users have in their fingers and that Estiva does not have yet: refused by name, with a
//! sentence, instead of clap's guess at a typing mistake.

use std::ffi::OsString;

use super::words::{self, Options, command_place, is_plain, starts_a_program};
use crate::failure::{EXIT_FAILURE, EXIT_NOT_STARTED, EXIT_UNREADABLE, Failure};

/// An option of Docker's: for which command, its forms, and what to say.
struct Unbuilt {
    command: &'static str,
    forms: &'static [&'static str],
    say: &'static str,
}

const NO_DRIVERS: &str =
    "volume drivers and labels are not built: a volume is a folder of this root";

const UNBUILT: [Unbuilt; 22] = [
    Unbuilt {
        command: "run",
        forms: &["--volumes-from"],
        say: "another container's mounts can't be taken over; name each again with -v NAME:TARGET",
    },
    Unbuilt {
        command: "run",
        forms: &["--volume-driver"],
        say: NO_DRIVERS,
    },
    Unbuilt {
        command: "volume",
        forms: &["-d", "--driver", "-o", "--opt", "--label"],
        say: NO_DRIVERS,
    },
    Unbuilt {
        command: "volume",
        forms: &["--filter", "--format"],
        say: "this option is not built yet; `--json` prints all that is known",
    },
    Unbuilt {
        command: "run",
        forms: &["--privileged", "--cap-add", "--cap-drop", "--device"],
        say: "a container's privileges can't be changed yet; it has Docker's default ones",
    },
    Unbuilt {
        command: "run",
        forms: &["--restart"],
        say: "restart policies are not built yet",
    },
    Unbuilt {
        command: "run",
        forms: &[
            "--init",
            "--ulimit",
            "--shm-size",
            "--hostname",
            "-h",
            "--add-host",
            "--dns",
            "--userns",
            "--pid",
            "--ipc",
        ],
        say: "this option is not built yet",
    },
    Unbuilt {
        command: "run",
        forms: &[
            "--ip",
            "--ip6",
            "--link-local-ip",
            "--mac-address",
            "--network-alias",
            "--link",
            "--expose",
        ],
        say: "there is one network, which chooses addresses; containers reach each other by them, or by ports published with -p",
    },
    Unbuilt {
        command: "run",
        forms: &["-l", "--label", "--label-file"],
        say: "labels of containers are not built yet",
    },
    Unbuilt {
        command: "run",
        forms: &["--platform"],
        say: "a container runs on this host's platform; `estiva pull --platform` takes another's image",
    },
    Unbuilt {
        command: "exec",
        forms: &["-d", "--detach", "--privileged"],
        say: "this option is not built yet",
    },
    Unbuilt {
        command: "build",
        forms: &[
            "--platform",
            "--push",
            "--cache-from",
            "--cache-to",
            "-o",
            "--output",
        ],
        say: "this option is not built yet: the image goes into the store, for this host's platform; `estiva push` brings it further",
    },
    Unbuilt {
        command: "build",
        forms: &[
            "--secret",
            "--ssh",
            "--label",
            "--build-context",
            "--add-host",
            "--squash",
            "-m",
            "--memory",
            "-q",
            "--quiet",
            "--progress",
            "--iidfile",
        ],
        say: "this option is not built yet",
    },
    Unbuilt {
        command: "ps",
        forms: &[
            "-f", "--filter", "--format", "-n", "--last", "-l", "--latest", "-s", "--size",
        ],
        say: "this option is not built yet; `--json` prints all that is known",
    },
    Unbuilt {
        command: "images",
        forms: &[
            "-f",
            "--filter",
            "--format",
            "-a",
            "--all",
            "--digests",
            "--tree",
        ],
        say: "this option is not built yet; `--json` prints all that is known",
    },
    Unbuilt {
        command: "logs",
        forms: &["--since", "--until", "-t", "--timestamps", "--details"],
        say: "this option is not built yet",
    },
    Unbuilt {
        command: "rm",
        forms: &["-l", "--link"],
        say: "links between containers are not built",
    },
    Unbuilt {
        command: "pull",
        forms: &["-a", "--all-tags", "--disable-content-trust"],
        say: "this option is not built yet; name each tag",
    },
    Unbuilt {
        command: "push",
        forms: &["-a", "--all-tags", "--disable-content-trust", "--platform"],
        say: "this option is not built yet; name each tag",
    },
    Unbuilt {
        command: "login",
        forms: &["-p", "--password"],
        say: "others on this host can see a command's words; use --password-stdin, or type it",
    },
    Unbuilt {
        command: "save",
        forms: &["--platform"],
        say: "an image of the store is for one platform",
    },
    Unbuilt {
        command: "load",
        forms: &["--platform"],
        say: "every image of the archive is taken",
    },
];

/// Commands of Docker's that Estiva does not have.
const UNBUILT_COMMANDS: [&str; 29] = [
    "search",
    "commit",
    "cp",
    "diff",
    "events",
    "export",
    "import",
    "network",
    "pause",
    "unpause",
    "rename",
    "restart",
    "start",
    "stats",
    "top",
    "compose",
    "builder",
    "buildx",
    "container",
    "context",
    "create",
    "history",
    "image",
    "info",
    "manifest",
    "plugin",
    "system",
    "update",
    "wait",
];

/// The exit status of a mistake in the words themselves: of `run` and `exec` Docker's own, so that a script never takes
/// it for the program's; and of a gate and a comparison the one that is no verdict.
pub(super) fn mistake_exit_code(arguments: &[OsString]) -> u8 {
    let words = words::texts(arguments);
    match command_place(&words).map(|place| words[place]) {
        Some(command) if starts_a_program(command) => EXIT_NOT_STARTED,
        Some("inspect") if words.contains(&"--ci") => EXIT_UNREADABLE,
        Some("compare") => EXIT_UNREADABLE,
        _ => EXIT_FAILURE,
    }
}

/// The refusal, where the words hold an option that is not built. Words after an image's or container's name are the
/// program's own, and are not looked at.
pub(super) fn refuse(cli: &clap::Command, arguments: &[OsString]) -> Option<Failure> {
    let words = words::texts(arguments);
    let place = command_place(&words)?;
    let command = words[place];
    if UNBUILT_COMMANDS.contains(&command) {
        let message = format!("`{command}` is not built yet");
        return Some(
            Failure::new(message).hint(instead_of(command, words.get(place + 1).copied())),
        );
    }
    let options = Options::of(cli, command);
    let mut rest = words[place + 1..].iter().peekable();
    while let Some(word) = rest.next() {
        if *word == "--" || is_plain(word) {
            if starts_a_program(command) || *word == "--" {
                return None;
            }
            continue;
        }
        // Docker's -h of `run` names the host; alone it can only mean the help.
        let is_help = *word == "-h" && rest.peek().is_none();
        if !is_help && let Some((name, say)) = find(command, &options, word) {
            let failure =
                Failure::new(format_args!("{name}: {say}")).exit_code(mistake_exit_code(arguments));
            return Some(failure.hint(format!("`estiva {command} --help` lists what there is")));
        }
        if options.takes_next(word) {
            rest.next();
        }
    }
    None
}

/// What there is in the place of a command of Docker's.
fn instead_of(command: &str, verb: Option<&str>) -> &'static str {
    match (command, verb.unwrap_or_default()) {
        ("image", "ls" | "list") => "`estiva images` lists them",
        ("image", "rm" | "remove") => "`estiva rmi` removes images",
        ("image", "inspect") | ("history", _) => {
            "`estiva inspect IMAGE` shows its history and layers"
        }
        ("image" | "builder" | "buildx" | "system", "prune") => {
            "`estiva prune` frees what nobody uses"
        }
        ("container", "ls" | "list" | "ps") => "`estiva ps` lists them",
        ("container", "rm" | "remove") => "`estiva rm` removes containers",
        ("start" | "restart", _) => "`estiva run` makes a new container of the same image",
        ("cp", _) => {
            "`estiva cat IMAGE PATH` prints a file of an image; `estiva exec` reads one of a container"
        }
        ("info", _) => "`estiva doctor` says what this host offers",
        ("stats" | "top", _) => "the container's page shows what it uses: `estiva dashboard`",
        _ => "`estiva --help` lists what there is",
    }
}

/// The option that is not built in one word, and what to say: alone, with a value (`-v=/a:/b`, `-p80:80`), or in a
/// cluster (`-dit`).
fn find(command: &str, options: &Options<'_>, word: &str) -> Option<(String, &'static str)> {
    let unbuilt = |name: &str| {
        let found = UNBUILT
            .iter()
            .find(|option| option.command == command && option.forms.contains(&name));
        found.map(|option| (name.to_owned(), option.say))
    };
    let name = word.split('=').next().unwrap_or(word);
    if let Some(found) = unbuilt(name) {
        return Some(found);
    }
    let letters = word
        .strip_prefix('-')
        .filter(|rest| !rest.starts_with('-'))?;
    for letter in letters.chars() {
        match options.short(letter) {
            // The rest is its value.
            Some(true) => return None,
            Some(false) => {}
            None => return unbuilt(&format!("-{letter}")),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::Cli;
    use super::*;
    use clap::CommandFactory as _;

    fn refused(line: &str) -> Option<String> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        refuse(&Cli::command(), &words).map(|failure| failure.message)
    }

    #[test]
    fn dockers_options_that_are_not_built_are_named() {
        for (line, word) in [
            (
                "estiva run --name a --volumes-from=b hello",
                "--volumes-from:",
            ),
            (
                "estiva run -dit -v /a:/b --volume-driver nfs hello",
                "--volume-driver:",
            ),
            ("estiva volume create --driver nfs data", "--driver:"),
            ("estiva run -h name hello", "-h:"),
            ("estiva run -d --ip 10.224.0.9 hello", "--ip:"),
            ("estiva run --link=db:db hello", "--link:"),
            ("estiva build --add-host db:10.0.0.1 .", "--add-host:"),
            ("estiva exec -eA=1 -tid web sh", "-d:"),
            ("estiva build --platform=linux/arm64 .", "--platform:"),
            ("estiva build . --push", "--push:"),
            ("estiva commit web", "`commit`"),
            ("estiva container ls", "`container`"),
        ] {
            let message = refused(line).unwrap_or_else(|| panic!("{line} is taken"));
            assert!(message.starts_with(word), "{line}: {message}");
        }
    }

    #[test]
    fn a_mistake_in_the_words_of_a_run_is_no_exit_status_of_its_program() {
        let code = |line: &str| {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            mistake_exit_code(&words)
        };
        assert_eq!(
            code("estiva --root /x run --cpus 0 hello"),
            EXIT_NOT_STARTED
        );
        assert_eq!(code("estiva exec"), EXIT_NOT_STARTED);
        assert_eq!(code("estiva ps run"), EXIT_FAILURE);
        assert_eq!(code("estiva inspect --ci --wrong"), EXIT_UNREADABLE);
        assert_eq!(code("estiva inspect --wrong"), EXIT_FAILURE);
        assert_eq!(code("estiva"), EXIT_FAILURE);
    }

    #[test]
    fn the_programs_own_words_and_what_is_built_are_left_alone() {
        for line in [
            "estiva run --rm hello ls -l -p",
            "estiva run --name -p hello",
            "estiva run -p 3000:3000 -P hello",
            "estiva exec web ps -it",
            "estiva build -t hello -f -o .",
            "estiva rm -f web",
            "estiva run -de -it hello",
            "estiva run -eit hello",
            "estiva --root /x run --rm -it hello sh",
            "estiva run -h",
            "estiva logs -f web",
            "estiva --help",
            "estiva",
        ] {
            assert_eq!(refused(line), None, "{line}");
        }
    }
}
