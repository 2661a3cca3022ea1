//! A world of its own for one test: a temporary folder, a busybox root, and a check that nothing is left of it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "each test program uses the part of it that it needs; a failed unwrap is a failed test; a skip is told"
)]

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use estiva_runtime::cgroup::{Layout, sweep};
use estiva_runtime::defaults::{ProcessOptions, default_spec};
use estiva_runtime::monitor::protocol::exit_path;
use estiva_runtime::{
    CgroupPath, Exit, LaunchError, Mode, MonitorSpec, OverlayRootfs, Rootfs, RuntimeBinary,
    spawn_step,
};

const BUSYBOX: &str = "/bin/busybox";

/// How long a test waits for what takes milliseconds, before it takes it for lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a step or exec wrote, and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) runtime: RuntimeBinary,
    pub(crate) world: String,
    next: AtomicU32,
}

impl Scene {
    /// `None`, with the reason printed, where these tests can't run.
    pub(crate) fn new(test: &str) -> Option<Self> {
        let skip = |reason: &str| eprintln!("SKIP {test}: {reason}");
        if !rustix::process::geteuid().is_root() {
            skip("expected to be root");
            return None;
        }
        if !Path::new(BUSYBOX).exists() {
            skip("expected a static busybox at /bin/busybox; hint: apt-get install busybox-static");
            return None;
        }
        if Layout::detect().is_err() {
            skip("expected a cgroup file system");
            return None;
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::TempDir::with_prefix("estiva-runtime-").unwrap();
        let root = folder.path().join("base/0/fs");
        make_root(&root);
        Some(Self {
            folder,
            runtime: RuntimeBinary::at(Path::new(env!("CARGO_BIN_EXE_estiva-runtime"))).unwrap(),
            world: format!("test-{}-{count}", std::process::id()),
            next: AtomicU32::new(0),
        })
    }

    /// The image: what every container of this scene starts from.
    pub(crate) fn image(&self) -> PathBuf {
        self.folder.path().join("base/0/fs")
    }

    /// A shell script as a container or step, on an overlay of its own.
    pub(crate) fn script(&self, mode: Mode, script: &str) -> MonitorSpec {
        self.spec(mode, |options| {
            options.args = ["sh", "-c", script].map(str::to_owned).to_vec();
        })
    }

    pub(crate) fn spec(&self, mode: Mode, change: impl FnOnce(&mut ProcessOptions)) -> MonitorSpec {
        let id = format!("c{}", self.next.fetch_add(1, Ordering::Relaxed));
        let place = self.folder.path().join(&id);
        for name in ["upper", "work", "rootfs"] {
            fs::create_dir_all(place.join(name)).unwrap();
        }
        let mut options = ProcessOptions {
            hostname: "inside".to_owned(),
            ..ProcessOptions::default()
        };
        change(&mut options);
        MonitorSpec {
            id: id.clone(),
            spec: default_spec(&options),
            rootfs: Rootfs::Overlay(OverlayRootfs {
                base: self.folder.path().join("base"),
                lowers: vec!["0/fs".to_owned()],
                upper: place.join("upper"),
                work: place.join("work"),
                mountpoint: place.join("rootfs"),
                volatile: true,
            }),
            cgroup: CgroupPath {
                world: self.world.clone(),
                id,
            },
            state_dir: place,
            mode,
            interactive: false,
        }
    }

    /// Runs a script as a step.
    pub(crate) fn run(&self, script: &str) -> Outcome {
        self.run_spec(&self.script(Mode::Step, script)).unwrap()
    }

    pub(crate) fn run_spec(&self, spec: &MonitorSpec) -> Result<Outcome, LaunchError> {
        outcome(spawn_step(&self.runtime, spec)?)
    }
}

/// Reads both outputs to their ends and waits.
pub(crate) fn outcome(mut step: estiva_runtime::StepHandle) -> Result<Outcome, LaunchError> {
    let (mut out, mut err) = (step.take_stdout().unwrap(), step.take_stderr().unwrap());
    let reader = std::thread::spawn(move || {
        let mut stderr = Vec::new();
        err.read_to_end(&mut stderr).unwrap();
        stderr
    });
    let mut stdout = Vec::new();
    out.read_to_end(&mut stdout).unwrap();
    let stderr = reader.join().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Outcome {
        exit: step.wait()?,
        stdout: text(stdout),
        stderr: text(stderr),
    })
}

impl Drop for Scene {
    fn drop(&mut self) {
        let left = self.left();
        // Clean up first, so that a failed test leaves nothing either.
        let swept = sweep(&self.world, &|_| false);
        if !std::thread::panicking() {
            assert!(left.is_empty(), "left behind: {left:?}; swept: {swept:?}");
        }
    }
}

impl Scene {
    /// Cgroups and mounts of this scene, after the monitors have had time to end.
    fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        let gone = eventually(|| {
            left = self.look_for_leftovers();
            left.is_empty()
        });
        if gone { Vec::new() } else { left }
    }

    fn look_for_leftovers(&self) -> Vec<String> {
        let layout = Layout::detect().unwrap();
        let name = format!("estiva-{}", self.world);
        let groups = layout
            .hierarchies()
            .iter()
            .map(|hierarchy| hierarchy.mount.join(&name));
        let mut left: Vec<_> = groups
            .filter(|group| group.exists())
            .map(|group| group.display().to_string())
            .collect();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let folder = self.folder.path().display().to_string();
        left.extend(
            mounts
                .lines()
                .filter(|line| line.contains(&folder))
                .map(str::to_owned),
        );
        left
    }
}

/// Whether `condition` came true within the patience of a test.
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    condition()
}

/// How a container ended, once its monitor has written that down.
pub(crate) fn recorded_exit(spec: &MonitorSpec) -> Exit {
    let path = exit_path(&spec.state_dir);
    assert!(eventually(|| path.exists()), "no exit.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Whether a process with this number exists that is not a zombie.
pub(crate) fn is_running(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('Z'))
    })
}

fn make_root(root: &Path) {
    for folder in ["bin", "etc", "home/node", "root", "tmp"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::copy(BUSYBOX, root.join("bin/busybox")).unwrap();
    let applets = "awk cat chmod chown cut dd echo env false find grep head hostname id ifconfig kill ls mkdir mknod mount \
                   nproc ps pwd readlink rm sh sleep stat stty test touch tr true tty umask uname wc yes";
    for applet in applets.split_whitespace() {
        symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
    fs::write(
        root.join("etc/passwd"),
        "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1001::/home/node:/bin/sh\n",
    )
    .unwrap();
    fs::write(
        root.join("etc/group"),
        "root:x:0:\nnode:x:1001:\nstaff:x:50:node\n",
    )
    .unwrap();
}
