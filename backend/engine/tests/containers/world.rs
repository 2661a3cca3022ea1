//! A root of its own for a test, with a store, a busybox image and an engine; and the proof that nothing stays of it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use estiva_engine::{Engine, EngineError, LogStream, Programs};
use estiva_network::Network;
use estiva_runtime::{RuntimeBinary, SealedProgram, cgroup};
use estiva_shared::{
    image::Digest,
    protocol::{ContainerStatus, LogChunk, NetworkMode, OutputStream, RunRequest, RunResponse},
};
use estiva_store::Store;
use tempfile::TempDir;
use tokio_stream::StreamExt as _;

/// Where Debian's busybox-static puts it.
const BUSYBOX: &str = "/bin/busybox";

/// Longer than anything here takes on a busy host; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A root, and its engine.
pub(crate) struct World {
    root: TempDir,
    world: String,
    store: Arc<Store>,
    runtime_path: PathBuf,
    proxy_path: PathBuf,
    engine: Option<Engine>,
}

impl World {
    /// A new one; `None`, with the reason printed, where this host can't run containers.
    pub(crate) async fn new(test: &str) -> Option<Self> {
        let paths = host_can_run().and_then(|()| {
            Ok((
                program("ESTIVA_RUNTIME_BIN", "estiva-runtime")?,
                program("ESTIVA_PROXY_BIN", "estiva-proxy")?,
            ))
        });
        let (runtime_path, proxy_path) = match paths {
            Ok(paths) => paths,
            Err(reason) => {
                eprintln!("SKIP {test}: {reason}");
                return None;
            }
        };
        let root = tempfile::Builder::new()
            .prefix("estiva-engine-")
            .tempdir()
            .unwrap();
        let world = Digest::of(root.path().as_os_str().as_encoded_bytes()).hex()[..8].to_owned();
        let store = Arc::new(Store::open(root.path()).unwrap());
        store.base_busybox(Path::new(BUSYBOX)).unwrap();
        let mut made = Self {
            root,
            world,
            store,
            runtime_path,
            proxy_path,
            engine: None,
        };
        made.engine = Some(made.open().await);
        Some(made)
    }

    /// Drops the engine, as a server that ends does, and opens another on the same root.
    pub(crate) async fn reopen(self) -> Self {
        self.reopen_after(async || {}).await
    }

    /// The same, with something that happens while there is no engine.
    pub(crate) async fn reopen_after(mut self, meanwhile: impl AsyncFnOnce()) -> Self {
        self.engine = None;
        meanwhile().await;
        self.engine = Some(self.open().await);
        self
    }

    async fn open(&self) -> Engine {
        let programs = programs(&self.runtime_path, &self.proxy_path);
        let network = Arc::new(Network::new(&self.world));
        let store = Arc::clone(&self.store);
        Engine::open(self.root.path(), &self.world, store, programs, network)
            .await
            .unwrap()
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        self.engine
            .as_ref()
            .expect("there is one but while it is reopened")
    }

    /// The root.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The world's name.
    pub(crate) fn world(&self) -> &str {
        &self.world
    }

    /// Where the runtime's program is.
    pub(crate) fn runtime(&self) -> &Path {
        &self.runtime_path
    }

    /// Where the proxy's program is.
    pub(crate) fn proxy(&self) -> &Path {
        &self.proxy_path
    }

    /// The store.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Starts a shell with this script.
    pub(crate) async fn sh(&self, script: &str) -> RunResponse {
        self.run(shell(script)).await.unwrap()
    }

    /// Starts what is asked for.
    pub(crate) async fn run(&self, request: RunRequest) -> Result<RunResponse, EngineError> {
        tokio::time::timeout(PATIENCE, self.engine().run(request))
            .await
            .expect("a start takes less")
    }

    /// Waits for the end.
    pub(crate) async fn wait(&self, name: &str) -> ContainerStatus {
        tokio::time::timeout(PATIENCE, self.engine().wait(name))
            .await
            .expect("it ends in time")
            .unwrap()
    }

    /// All that a container printed to one stream so far.
    pub(crate) async fn output(&self, name: &str, stream: OutputStream) -> String {
        let chunks = collect(self.engine().logs(name, false, None).unwrap()).await;
        text(&chunks, stream)
    }

    /// The container's cgroup folders that exist.
    pub(crate) fn cgroups(&self) -> Vec<PathBuf> {
        let layout = cgroup::Layout::detect().unwrap();
        let of_world =
            |hierarchy: &cgroup::Hierarchy| hierarchy.mount.join(format!("estiva-{}", self.world));
        layout
            .hierarchies()
            .iter()
            .map(of_world)
            .filter(|folder| folder.exists())
            .collect()
    }

    /// Removes all, for the last time.
    pub(crate) async fn finish(self) {
        self.remove_all().await;
    }

    /// Removes all, and finds nothing left: no container, folder, cgroup, mount, interface or process.
    pub(crate) async fn remove_all(&self) {
        self.engine().destroy_all().await.unwrap();
        assert_eq!(self.engine().list(true), []);
        assert_eq!(
            fs::read_dir(self.root().join("containers"))
                .unwrap()
                .count(),
            0
        );
        assert_eq!(self.cgroups(), Vec::<PathBuf>::new());
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(
            !mounts.contains(&*self.root().to_string_lossy()),
            "a mount of this root is left"
        );
        let interfaces = fs::read_dir("/sys/class/net").unwrap().flatten();
        let aliases = interfaces.map(|one| fs::read_to_string(one.path().join("ifalias")));
        let mut aliases = aliases.map(Result::unwrap_or_default);
        assert!(
            !aliases.any(|alias| alias.contains(&self.world)),
            "an interface of this world is left"
        );
        // What was orphaned is a zombie until the host's init has collected it.
        until("no process is left", async || !self.has_processes()).await;
    }

    /// Whether a process lives in this root, or in a cgroup of this world.
    fn has_processes(&self) -> bool {
        fs::read_dir("/proc").unwrap().flatten().any(|process| {
            // One may end while it is looked at.
            let cwd = fs::read_link(process.path().join("cwd")).unwrap_or_default();
            let cgroups = fs::read_to_string(process.path().join("cgroup")).unwrap_or_default();
            cwd.starts_with(self.root()) || cgroups.contains(&self.world)
        })
    }
}

impl Drop for World {
    /// A test that failed midway leaves nothing either.
    fn drop(&mut self) {
        let _ = cgroup::sweep(&self.world, &|_| false);
        let _ = Network::new(&self.world).remove_all();
    }
}

/// A request for a shell with this script, without a network: most tests have no use for one.
pub(crate) fn shell(script: &str) -> RunRequest {
    let args = ["sh", "-c", script].map(str::to_owned).to_vec();
    RunRequest {
        image: "busybox".to_owned(),
        args,
        network: NetworkMode::None,
        ..RunRequest::default()
    }
}

/// All of a log.
pub(crate) async fn collect(stream: LogStream) -> Vec<LogChunk> {
    let chunks = stream.collect::<Result<Vec<_>, _>>();
    tokio::time::timeout(PATIENCE, chunks)
        .await
        .expect("the log ends")
        .unwrap()
}

/// What chunks of one stream say together.
pub(crate) fn text(chunks: &[LogChunk], stream: OutputStream) -> String {
    String::from_utf8(bytes(chunks, stream)).expect("text")
}

/// The same, as it was written.
pub(crate) fn bytes(chunks: &[LogChunk], stream: OutputStream) -> Vec<u8> {
    chunks
        .iter()
        .filter(|chunk| chunk.stream == stream)
        .flat_map(|chunk| chunk.bytes.iter().copied())
        .collect()
}

/// The exit status of a container that exited.
pub(crate) fn code(status: &ContainerStatus) -> i32 {
    match status {
        ContainerStatus::Exited { code, .. } => *code,
        other => panic!("expected it exited, but found {other:?}"),
    }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

/// The programs at these paths.
pub(crate) fn programs(runtime: &Path, proxy: &Path) -> Programs {
    Programs {
        runtime: RuntimeBinary::at(runtime).unwrap(),
        proxy: SealedProgram::at(estiva_proxy::PROGRAM, proxy).unwrap(),
    }
}

fn host_can_run() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("it needs root".to_owned());
    }
    if !Path::new(BUSYBOX).exists() {
        return Err(format!(
            "{BUSYBOX} is missing: apt-get install busybox-static"
        ));
    }
    Ok(())
}

/// A program by its variable, or where cargo builds it.
fn program(variable: &str, name: &str) -> Result<PathBuf, String> {
    let built = || {
        // The tests are in TARGET/PROFILE/deps, programs beside that folder.
        let tests = std::env::current_exe().ok()?;
        Some(tests.parent()?.parent()?.join(name))
    };
    let path = std::env::var_os(variable)
        .map(PathBuf::from)
        .or_else(built)
        .unwrap_or_default();
    if path.exists() {
        return Ok(path);
    }
    Err(format!(
        "{} is missing: cargo build -p {name}",
        path.display()
    ))
}
