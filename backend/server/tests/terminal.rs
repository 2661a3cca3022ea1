//! Terminals as a user meets them: the program in a real pseudo-terminal, its keys, its size, and servers that are killed.

// Closures and helpers beside the tests panic as tests do.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failed unwrap is a failed test, and a skip is printed for the log to be counted"
)]

mod world;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use world::{World, eventually};

/// Longer than anything here takes on a busy host.
const PATIENCE: Duration = Duration::from_secs(20);

/// The detach keys that are there unless others are named.
const DETACH: &[u8] = b"\x10\x11";

/// A command in a terminal of its own.
struct Terminal {
    child: Child,
    master: File,
    /// The command's side, to look at its mode.
    slave: OwnedFd,
    pieces: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    fn start(world: &World, words: &[&str]) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        unlockpt(&master).unwrap();
        let slave = ioctl_tiocgptpeer(&master, flags).unwrap();
        set_size(&master, 30, 100);
        let stream = || Stdio::from(slave.try_clone().unwrap());
        let child = world
            .command(words)
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .spawn()
            .unwrap();
        let master = File::from(master);
        let (sender, pieces) = channel();
        let mut reader = master.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut piece = vec![0; 1 << 16];
            while let Ok(length) = reader.read(&mut piece) {
                if length == 0 || sender.send(piece[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            master,
            slave,
            pieces,
            seen: String::new(),
        }
    }

    fn type_in(&mut self, keys: impl AsRef<[u8]>) {
        self.master.write_all(keys.as_ref()).unwrap();
    }

    /// Reads on until what came since the last call holds this.
    fn read_until(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        while !self.seen.contains(text) {
            let left = until.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left) {
                Ok(piece) => self.seen.push_str(&String::from_utf8_lossy(&piece)),
                Err(_) => panic!("no {text:?} in {:?}", self.seen),
            }
        }
        std::mem::take(&mut self.seen)
    }

    fn resize(&self, rows: u16, columns: u16) {
        set_size(&self.master, rows, columns);
        // The kernel tells the terminal's session, and this command is not in one.
        kill_process(Pid::from_child(&self.child), Signal::WINCH).unwrap();
    }

    /// Whether keys go to the program one by one.
    fn is_raw(&self) -> bool {
        let mode = tcgetattr(self.slave.as_fd()).unwrap();
        !mode
            .local_modes
            .intersects(LocalModes::ICANON | LocalModes::ECHO)
    }

    fn exit(mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "it does not end: {:?}", self.seen);
            std::thread::sleep(Duration::from_millis(10));
        };
        assert!(!self.is_raw(), "the terminal stays raw");
        status.code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn set_size(terminal: impl std::os::fd::AsFd, rows: u16, columns: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).unwrap();
}

#[test]
fn run_it_has_the_terminals_size_its_keys_and_its_status() {
    let Some(world) = World::with_busybox("run_it_has_the_terminals_size_its_keys_and_its_status")
    else {
        return;
    };
    let mut terminal = Terminal::start(&world, &["run", "--rm", "-it", "busybox", "sh"]);
    terminal.read_until("#");
    assert!(terminal.is_raw());
    terminal.type_in("tty; stty size\n");
    let seen = terminal.read_until("30 100\r\n");
    assert!(seen.contains("/dev/pts/0\r\n"), "{seen:?}");
    terminal.resize(41, 123);
    terminal.type_in("stty size\n");
    terminal.read_until("41 123\r\n");
    // Ctrl-C is the shell's, which goes on.
    terminal.type_in("sleep 100\n");
    std::thread::sleep(Duration::from_millis(300));
    terminal.type_in("\x03");
    terminal.type_in("echo on $((40+2)); exit 7\n");
    terminal.read_until("on 42\r\n");
    assert_eq!(terminal.exit(), Some(7));
    assert_eq!(world.ok(&["ps", "-aq"]), "");
}

#[test]
fn detached_from_and_attached_to_again_by_keys_of_ones_own() {
    let Some(world) =
        World::with_busybox("detached_from_and_attached_to_again_by_keys_of_ones_own")
    else {
        return;
    };
    let mut terminal = Terminal::start(&world, &["run", "-it", "--name", "box", "busybox", "sh"]);
    terminal.read_until("#");
    terminal.type_in("x=kept\n");
    terminal.type_in(DETACH);
    terminal.read_until("box runs on; attach to it with `estiva attach box`");
    assert_eq!(terminal.exit(), Some(0));
    let words = ["attach", "--detach-keys", "ctrl-a,d", "box"];
    let mut terminal = Terminal::start(&world, &words);
    terminal.read_until("x=kept");
    // Keys that are others' now, and half of these.
    terminal.type_in("\x01");
    terminal.type_in("\x05echo was $x\n");
    terminal.read_until("was kept");
    terminal.type_in("\x01d");
    terminal.read_until("box runs on");
    assert_eq!(terminal.exit(), Some(0));
    let mut terminal = Terminal::start(&world, &["attach", "box"]);
    terminal.type_in("exit 4\n");
    assert_eq!(terminal.exit(), Some(4));
    let said = world.fails(1, &["attach", "box"]);
    assert!(said.contains("expected it running"), "{said}");
}

#[test]
fn run_it_and_exec_it_survive_their_server() {
    let Some(world) = World::with_busybox("run_it_and_exec_it_survive_their_server") else {
        return;
    };
    let mut run = Terminal::start(&world, &["run", "-it", "--name", "box", "busybox", "sh"]);
    run.read_until("#");
    let mut exec = Terminal::start(&world, &["exec", "-it", "box", "sh"]);
    exec.read_until("#");
    exec.type_in("stty size; x=kept\n");
    exec.read_until("30 100\r\n");
    world.kill_server();
    for terminal in [&mut run, &mut exec] {
        terminal.type_in("echo alone $((40+2))\n");
        terminal.read_until("alone 42\r\n");
    }
    assert!(world.ok(&["ps"]).contains("box"), "with a new server");
    exec.type_in("echo $x by another; exit 5\n");
    exec.read_until("kept by another\r\n");
    assert_eq!(exec.exit(), Some(5));
    run.type_in("exit 6\n");
    assert_eq!(run.exit(), Some(6));
}

#[test]
fn full_screen_programs_work_in_exec_it() {
    let Some(world) = World::with_busybox("full_screen_programs_work_in_exec_it") else {
        return;
    };
    world.ok(&["run", "-d", "--name", "box", "busybox", "sleep", "1000"]);
    let mut exec = Terminal::start(&world, &["exec", "-it", "box", "sh"]);
    exec.read_until("#");
    exec.type_in("vi /tmp/note\n");
    exec.read_until("/tmp/note");
    exec.type_in("ihello from vi");
    exec.read_until("from vi");
    exec.type_in("\x1b");
    // An escape and a letter at once would be another key.
    std::thread::sleep(Duration::from_millis(300));
    exec.type_in(":wq\n");
    exec.read_until("#");
    exec.type_in("cat /tmp/note; echo $((40+2))\n");
    let seen = exec.read_until("42\r\n");
    assert!(seen.contains("hello from vi"), "{seen:?}");
    exec.type_in("top\n");
    exec.read_until("Load average");
    exec.type_in("q");
    exec.read_until("#");
    exec.type_in("exit 3\n");
    assert_eq!(exec.exit(), Some(3));
}

/// Debian's vim, with its libraries and its knowledge of terminals, mounted into a container that has none of them.
#[test]
fn vim_works_in_exec_it_and_follows_the_terminals_size() {
    let test = "vim_works_in_exec_it_and_follows_the_terminals_size";
    let Some(world) = World::with_busybox(test) else {
        return;
    };
    if !Path::new("/usr/bin/vim.tiny").exists() {
        eprintln!("SKIP {test}: needs Debian's package vim-tiny");
        return;
    }
    let mut words = vec!["run", "-d", "--name", "box"];
    words.extend(["-v", "/usr/bin/vim.tiny:/bin/vim:ro"]);
    // Where the loader is in a folder of its own.
    for mount in ["/usr/lib:/lib:ro", "/usr/lib64:/lib64:ro"] {
        if Path::new(mount.split(':').next().unwrap()).exists() {
            words.extend(["-v", mount]);
        }
    }
    words.extend(["busybox", "sleep", "1000"]);
    world.ok(&words);
    let mut exec = Terminal::start(&world, &["exec", "-it", "box", "vim", "-N", "/tmp/note"]);
    exec.read_until("[New]");
    exec.type_in("ihello from vim");
    exec.read_until("from vim");
    exec.type_in("\x1b");
    // An escape and a letter at once would be another key.
    std::thread::sleep(Duration::from_millis(300));
    exec.type_in(":set lines? columns?\n");
    let seen = exec.read_until("columns=100");
    assert!(seen.contains("lines=30"), "{seen:?}");
    exec.type_in("\n");
    exec.resize(41, 123);
    // The mark of an empty line stands on the last line but one only where the screen has grown.
    exec.read_until("\x1b[40;1H~");
    exec.type_in(":set lines? columns?\n");
    let seen = exec.read_until("columns=123");
    assert!(seen.contains("lines=41"), "{seen:?}");
    exec.type_in("\n:wq\n");
    assert_eq!(exec.exit(), Some(0));
    let note = world.ok(&["exec", "box", "cat", "/tmp/note"]);
    assert_eq!(note, "hello from vim\n");
}

#[test]
fn a_pipe_is_passed_in_and_its_end_too() {
    let Some(world) = World::with_busybox("a_pipe_is_passed_in_and_its_end_too") else {
        return;
    };
    let piped = |words: &[&str], input: &[u8]| {
        let mut command = world
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = command.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = command.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        (output.status.code(), output.stdout)
    };
    let words = ["run", "--rm", "-i", "busybox", "cat"];
    assert_eq!(piped(&words, b"hi\n"), (Some(0), b"hi\n".to_vec()));
    assert_eq!(piped(&words, b""), (Some(0), Vec::new()));
    let bytes: Vec<u8> = (0..3 << 20).map(|index: u32| index as u8).collect();
    assert_eq!(piped(&words, &bytes), (Some(0), bytes.clone()));
    world.ok(&["run", "-d", "--name", "box", "busybox", "sleep", "1000"]);
    let words = ["exec", "-i", "box", "sh", "-c", "cat; exit 9"];
    assert_eq!(piped(&words, &bytes), (Some(9), bytes.clone()));
}

#[test]
fn a_signal_from_elsewhere_leaves_the_terminal_as_it_was() {
    let Some(world) = World::with_busybox("a_signal_from_elsewhere_leaves_the_terminal_as_it_was")
    else {
        return;
    };
    let words = ["run", "-it", "--name", "box", "busybox", "sh"];
    let mut run = Terminal::start(&world, &words);
    run.read_until("#");
    assert!(run.is_raw());
    kill_process(Pid::from_child(&run.child), Signal::HUP).unwrap();
    assert_eq!(run.exit(), Some(130));
    assert!(world.ok(&["ps"]).contains("box"), "it runs on");
    let attach = Terminal::start(&world, &["attach", "box"]);
    eventually("raw mode", || attach.is_raw());
    // An interactive shell takes no SIGTERM; at the third this command goes.
    for _ in 0..3 {
        kill_process(Pid::from_child(&attach.child), Signal::TERM).unwrap();
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(attach.exit(), Some(130));
}

#[test]
fn what_a_terminal_can_not_be_had_for_is_said() {
    let Some(world) = World::with_busybox("what_a_terminal_can_not_be_had_for_is_said") else {
        return;
    };
    let said = world.fails(125, &["run", "-it", "busybox", "sh"]);
    assert!(
        said.contains("expected standard input to be a terminal") && said.contains("hint: use -i"),
        "{said}"
    );
    let said = world.fails(1, &["attach", "nothing-like-it"]);
    assert!(said.contains("no container is called"), "{said}");
    world.ok(&["run", "-d", "--name", "box", "busybox", "sleep", "1000"]);
    let mut attach = Terminal::start(&world, &["attach", "--sig-proxy=false", "box"]);
    attach.read_until("started without -i");
    kill_process(Pid::from_child(&attach.child), Signal::INT).unwrap();
    assert_eq!(attach.exit(), Some(130));
    assert!(world.ok(&["ps"]).contains("box"));
    world.ok(&["run", "-dit", "--name", "later", "busybox", "sh"]);
    let mut attach = Terminal::start(&world, &["attach", "later"]);
    attach.type_in("stty size; exit 2\n");
    attach.read_until("30 100\r\n");
    assert_eq!(attach.exit(), Some(2));
}
