//! Runs mmdebstrap: Debian's packages into one tar, whose bytes depend on the packages and nothing else.
//!
//! The host's own mirrors, proxies and settings of APT's are used, as APT itself tells them; a script that runs before
//! the tar is written takes every trace of them away, and logs and caches too. All of it runs in a mount and a process
//! namespace of its own: whichever way this ends, the kernel ends every process of it, and no mount is left.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::BaseError;
use super::mirror::{Suite, release_date, settings, sources};

/// Where Debian signs its archives from, as its package debian-archive-keyring has it.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// How often the caller is asked whether to go on, while nothing is said.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// The lines that are told of a failure: apt's reason stands in the last few.
const LAST_LINES: usize = 12;

/// The longest line that is passed on, in bytes.
const LINE_BYTES_MAX: usize = 500;

/// Takes away what differs between two runs or tells of this host. It is given the root's folder, with `sources` beside
/// itself. What a container is given anew (resolv.conf, hostname) needs no file.
const CLEANING: &str = r#"#!/bin/sh
set -eu
here=$(dirname "$0")
cd "$1"
rm -rf var/log/* var/cache/ldconfig/* var/cache/apt/*.bin var/cache/debconf/*-old var/lib/dpkg/*-old \
    var/lib/apt/lists/* etc/resolv.conf etc/hostname \
    etc/apt/apt.conf.d/99mmdebstrap etc/dpkg/dpkg.cfg.d/99mmdebstrap \
    etc/apt/sources.list.d/* etc/apt/auth.conf etc/apt/auth.conf.d/* etc/apt/trusted.gpg
cat "$here/sources" > etc/apt/sources.list
chmod 644 etc/apt/sources.list
"#;

/// Where the root is made: in memory, in the mount namespace of its own, so that it is quick to write and gone with it;
/// on the disk where memory is short. The folder is the shell's `$0`.
const IN_MEMORY: &str =
    r#"mkdir "$0/root" && mount -t tmpfs -o mode=755,size=4g estiva "$0/root" && exec "$@""#;
const ON_DISK: &str = r#"mkdir "$0/root" && exec "$@""#;

/// Memory that must be free for that, in KiB: 4 GiB, the most that it is given. Node and its packages take 700 MB.
const FREE_KIB_MIN: u64 = 4 << 20;

/// What is told while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseStep<'a> {
    /// The package manager says how far it is.
    Line(&'a str),
    /// It works on, and says nothing.
    Alive,
}

/// Is told each step; says whether to go on.
pub(super) type Told<'a> = &'a mut dyn FnMut(BaseStep<'_>) -> ControlFlow<()>;

/// What is installed.
pub(super) struct Order<'a> {
    /// The release's code name.
    pub(super) suite: &'a Suite,
    /// Packages beside the essential ones and apt.
    pub(super) include: &'a [&'a str],
    /// An empty folder of ours: the root is made in it, and the tar.
    pub(super) folder: &'a Path,
}

/// Installs, and leaves `root.tar` in the folder. Answers when the release was made, seconds since 1970: no time in the
/// tar is later.
pub(super) fn run(order: &Order<'_>, told: Told<'_>) -> Result<i64, BaseError> {
    for (program, package) in [
        ("mmdebstrap", "mmdebstrap"),
        ("apt-get", "apt"),
        ("unshare", "util-linux"),
        ("setpriv", "util-linux"),
    ] {
        if !is_in_path(program) {
            return Err(BaseError::NoTool { program, package });
        }
    }
    if !Path::new(KEYRING).exists() {
        return Err(BaseError::NoTool {
            program: KEYRING,
            package: "debian-archive-keyring",
        });
    }
    let sources = sources(order.suite)?;
    let made = release_date(order.suite, &sources, order.folder)?;
    write_files(order)?;
    let mut command = tool("setpriv");
    // Where the thread that waits for it ends, so does it, and with it all that it started.
    command.args(["--pdeathsig", "KILL", "--", "unshare", "--mount", "--pid"]);
    command.args(["--fork", "--kill-child", "--mount-proc", "--", "sh", "-c"]);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    command.arg(match has_room(&memory) {
        true => IN_MEMORY,
        false => ON_DISK,
    });
    command.arg(order.folder);
    command.args([
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=tar",
    ]);
    // Every container has a /dev of its own.
    command.arg("--skip=output/dev");
    command.arg(format!("--keyring={KEYRING}"));
    command.arg("--dpkgopt=force-unsafe-io");
    command.arg(option("--aptopt", &order.folder.join("apt.conf")));
    command.arg(option("--customize-hook", &order.folder.join("clean")));
    if !order.include.is_empty() {
        command.arg(format!("--include={}", order.include.join(",")));
    }
    command.arg(order.suite.as_str());
    command.arg(order.folder.join("root.tar"));
    let lines = sources
        .iter()
        .map(|(archive, uri)| format!("deb {uri} {archive} main"));
    command.args(lines);
    command.env("SOURCE_DATE_EPOCH", made.to_string());
    command.env("TMPDIR", order.folder.join("root"));
    watch(command, told)?;
    Ok(made)
}

/// Whether the host has memory to spare (proc_meminfo(5)).
fn has_room(meminfo: &str) -> bool {
    let available = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    available.is_some_and(|kib| kib >= FREE_KIB_MIN)
}

fn option(name: &str, path: &Path) -> std::ffi::OsString {
    let mut option = std::ffi::OsString::from(name);
    option.push("=");
    option.push(path);
    option
}

fn is_in_path(program: &str) -> bool {
    // As `tool` looks.
    PATH.split(':')
        .any(|folder| Path::new(folder).join(program).exists())
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program of the host's, in an environment that is the same for everybody.
pub(super) fn tool(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", "/root")
        .env("LC_ALL", "C.UTF-8")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .current_dir("/")
        .stdin(Stdio::null());
    command
}

fn write_files(order: &Order<'_>) -> Result<(), BaseError> {
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |source| BaseError::Read { path, source }
    };
    let write = |name: &str, text: &str, mode: u32| {
        let path = order.folder.join(name);
        fs::write(&path, text)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)))
            .map_err(fault(&path))
    };
    let public = order
        .suite
        .archives()
        .into_iter()
        .map(|(archive, mirror)| format!("deb {mirror} {archive} main\n"));
    write("sources", &public.collect::<String>(), 0o644)?;
    write("clean", CLEANING, 0o755)?;
    let dumped = tool("apt-config")
        .args(["dump", "Acquire"])
        .output()
        .map_err(tool_fault("apt-config"))?;
    let dumped = String::from_utf8_lossy(&dumped.stdout).into_owned();
    write("apt.conf", &settings(&dumped), 0o600)
}

/// Passes on what it says, until it ends or is not wanted any more.
fn watch(mut command: Command, told: Told<'_>) -> Result<(), BaseError> {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(tool_fault("mmdebstrap"))?;
    let (sender, lines) = channel();
    let stderr = child.stderr.take();
    let reader = std::thread::spawn(move || {
        let Some(stderr) = stderr else { return };
        for line in BufReader::new(stderr).split(b'\n') {
            let Ok(line) = line else { return };
            if sender.send(shown(&String::from_utf8_lossy(&line))).is_err() {
                return;
            }
        }
    });
    let mut last = VecDeque::new();
    let outcome = loop {
        let flow = match lines.recv_timeout(ASKED_EVERY) {
            Ok(line) => {
                let flow = told(BaseStep::Line(&line));
                if last.len() == LAST_LINES {
                    last.pop_front();
                }
                last.push_back(line);
                flow
            }
            Err(RecvTimeoutError::Timeout) => told(BaseStep::Alive),
            Err(RecvTimeoutError::Disconnected) => break Ok(()),
        };
        if flow.is_break() {
            break Err(BaseError::Cancelled);
        }
    };
    if outcome.is_err() {
        end(&mut child);
    }
    let status = child.wait().map_err(tool_fault("mmdebstrap"));
    // Its pipe is closed by now: all that could write to it has ended.
    let _ = reader.join();
    outcome?;
    match status? {
        status if status.success() => Ok(()),
        status => Err(BaseError::Debootstrap {
            status: status.to_string(),
            last: last.into(),
        }),
    }
}

/// Ends it, and by way of its process namespace all that it started.
fn end(child: &mut Child) {
    // It may have ended by itself at this moment.
    let _ = child.kill();
}

/// A line made safe to show, and not longer than a line.
pub(super) fn shown(line: &str) -> String {
    let clean: String = line
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    let end = clean.floor_char_boundary(LINE_BYTES_MAX);
    clean[..end].trim_end().to_owned()
}

pub(super) fn tool_fault(program: &'static str) -> impl FnOnce(io::Error) -> BaseError {
    move |source| BaseError::Tool { program, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_little_memory_uses_its_disk() {
        assert!(has_room("MemFree: 1 kB\nMemAvailable:   22000000 kB\n"));
        assert!(!has_room("MemAvailable:    900000 kB\n"));
        assert!(!has_room(""));
    }

    #[test]
    fn a_failure_tells_the_last_lines_and_a_caller_who_leaves_ends_it() {
        let mut command = tool("sh");
        command.args([
            "-c",
            "for n in $(seq 30); do echo line $n >&2; done; exit 3",
        ]);
        let failed = watch(command, &mut |_| ControlFlow::Continue(())).unwrap_err();
        let text = failed.to_string();
        assert!(
            text.contains("line 30") && !text.contains("line 18\n"),
            "{text}"
        );

        let mut command = tool("sh");
        command.args(["-c", "echo begun >&2; exec sleep 600"]);
        let stopped = watch(command, &mut |_| ControlFlow::Break(())).unwrap_err();
        assert!(matches!(stopped, BaseError::Cancelled), "{stopped}");
    }
}
