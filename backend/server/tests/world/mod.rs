//! A world of its own for one test: a root in a temporary folder, and its end in any case, also after a failure.

// Each test program has its own copy of this module, and uses a part of it.
#![allow(dead_code)]
// Helpers of tests are tests: a panic is how they fail, and a skip is printed for the log to be counted.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

pub(crate) mod layout;
pub(crate) mod umoci;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long anything that a test waits for may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A root, and the program.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// A new world, or nothing with a printed reason where containers can't run here.
    pub(crate) fn new(test: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIP {test}: needs root");
            return None;
        }
        let has_runtime = std::env::var_os("ESTIVA_BIN").is_some()
            || std::env::var_os("ESTIVA_RUNTIME_BIN").is_some()
            || program().with_file_name("estiva-runtime").exists();
        if !has_runtime {
            eprintln!(
                "SKIP {test}: needs estiva-runtime beside estiva; build it with: cargo build -p estiva-runtime"
            );
            return None;
        }
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        // No test asks a registry beyond this host: a name that is not known here is known nowhere.
        fs::DirBuilder::new()
            .mode(0o700)
            .create(world.root())
            .unwrap();
        let settings = r#"{"registries": {"docker.io": {"blocked": true}}}"#;
        fs::write(world.root().join("registries.json"), settings).unwrap();
        Some(world)
    }

    /// The same, with the base image in it.
    pub(crate) fn with_busybox(test: &str) -> Option<Self> {
        if !Path::new("/bin/busybox").exists() {
            eprintln!("SKIP {test}: needs /bin/busybox, of Debian's package busybox-static");
            return None;
        }
        let world = Self::new(test)?;
        world.ok(&["base", "busybox"]);
        Some(world)
    }

    /// The root.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// A path beside the root.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command against this world, not started yet.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .arg("--root")
            .arg(self.root())
            .args(words)
            // Nor does one read what its user shows to registries.
            .env("DOCKER_CONFIG", self.path("docker"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn estiva(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Runs a command that must succeed; its standard output.
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let output = self.estiva(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail with this status; its standard error.
    pub(crate) fn fails(&self, code: i32, words: &[&str]) -> String {
        let output = self.estiva(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Starts a command and leaves it running, its outputs in pipes.
    pub(crate) fn start(&self, words: &[&str]) -> Child {
        self.command(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Starts a server with a second listener at this address, port 0; the port it got comes with it.
    pub(crate) fn serve_shares(&self, ip: &str) -> (Child, u16) {
        let address = format!("{ip}:0");
        let mut server = self.start(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--share-listen",
            &address,
        ]);
        let mut said = String::new();
        let mut out = server.stdout.take().unwrap();
        while !said.contains("/s/…") {
            let mut piece = [0; 512];
            let read = out.read(&mut piece).unwrap();
            assert!(read > 0, "{said}");
            said.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        let told = format!("shared links: http://{ip}:");
        let rest = said.split(&told).nth(1).unwrap();
        let port = rest.split('/').next().unwrap().parse().unwrap();
        (server, port)
    }

    /// The server's process.
    pub(crate) fn server(&self) -> i32 {
        fs::read_to_string(self.root().join("lock"))
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    }

    /// Kills the server as nothing else can, and waits until it is gone.
    pub(crate) fn kill_server(&self) {
        let pid = rustix::process::Pid::from_raw(self.server()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        eventually("the server's end", || !is_alive(pid.as_raw_nonzero().get()));
    }

    /// One HTTP request to the dashboard's listener; the whole answer.
    pub(crate) fn http(&self, address: &str, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A server may close before it has read all; what it said counts.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The dashboard's address and a token for it, as the page gets one.
    pub(crate) fn session(&self) -> (String, String) {
        let address = self.ok(&["dashboard"]);
        let (base, code) = address
            .trim()
            .strip_prefix("http://")
            .unwrap()
            .split_once("/#code=")
            .unwrap();
        let body = format!("{{\"code\":\"{code}\"}}");
        let length = body.len();
        let answer = self.http(
            base,
            &format!(
                "POST /api/v1/session HTTP/1.1\r\nHost: {base}\r\nConnection: close\r\n\
                 Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
            ),
        );
        let json = answer.split("\r\n\r\n").nth(1).unwrap();
        let token = serde_json::from_str::<serde_json::Value>(json).unwrap()["token"]
            .as_str()
            .unwrap()
            .to_owned();
        (base.to_owned(), token)
    }

    /// Names of this world's cgroups that are there now.
    pub(crate) fn cgroups(&self) -> Vec<PathBuf> {
        use sha2::Digest as _;
        let root = self.root().canonicalize().unwrap_or_else(|_| self.root());
        let digest = sha2::Sha256::digest(root.to_str().unwrap().as_bytes());
        let name = format!(
            "estiva-{}",
            digest
                .iter()
                .take(4)
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        );
        let mut tops = vec![PathBuf::from("/sys/fs/cgroup")];
        tops.extend(
            fs::read_dir("/sys/fs/cgroup")
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path()),
        );
        tops.into_iter()
            .map(|top| top.join(&name))
            .filter(|path| path.exists())
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let reset = self.estiva(&["reset", "--yes"]);
        if !std::thread::panicking() {
            // What the server says of itself goes with the folder.
            let log = fs::read_to_string(self.root().join("server.log")).unwrap_or_default();
            assert!(reset.status.success(), "{reset:?}\n{log}");
            assert_eq!(self.cgroups(), Vec::<PathBuf>::new(), "cgroups are left");
            let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
            assert!(
                !mounts.contains(self.folder.path().to_str().unwrap()),
                "mounts are left"
            );
        }
    }
}

/// The program under test: the one that was built for users, where it is named, else this build's.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("ESTIVA_BIN").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_estiva")),
        PathBuf::from,
    )
}

/// Whether a process is there and no zombie.
pub(crate) fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").starts_with(" Z"))
}

/// Waits for a condition.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
