//! The engine's front: every verb that the server calls, and nothing else. What a verb does is in the file of its name.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Child,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use estiva_network::Network;
use estiva_runtime::{RuntimeBinary, SealedProgram, Started};
use estiva_shared::{
    image::Digest,
    protocol::{
        ContainerStats, ContainerStatus, ContainerSummary, ExecEvent, ExecRequest, ExecResponse,
        ExecSummary, LogChunk, RunRequest, RunResponse, VolumeRequest, VolumeSummary,
    },
};
use estiva_store::Store;
use tokio::{sync::watch, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    Attachment, EngineError, attach, entry::Entry, exec, logs, open, remove, run, session, stats,
    stop, table::Table, volume, volumes::Volumes,
};

/// Pieces of a container's log, oldest first. It ends when the log is read, or (following) when the container ends.
pub type LogStream = ReceiverStream<Result<LogChunk, EngineError>>;

/// A sample a second, until the container ends.
pub type StatsStream = ReceiverStream<Result<ContainerStats, EngineError>>;

/// Output of a further process, then its exit. Dropping the stream kills the process.
pub type ExecStream = ReceiverStream<Result<ExecEvent, EngineError>>;

/// All containers of one world. Clones are handles of the same engine; with the last one its tasks end, and the
/// containers go on.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    tasks: Arc<Tasks>,
    leftovers: Arc<[String]>,
}

/// The programs that stay beside a container.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `estiva-runtime`.
    pub runtime: RuntimeBinary,
    /// `estiva-proxy`.
    pub proxy: SealedProgram,
}

/// What all verbs and tasks work with.
pub(crate) struct Shared {
    /// `ROOT/containers`.
    pub(crate) containers: PathBuf,
    /// Names the cgroups.
    pub(crate) world: String,
    /// The volumes.
    pub(crate) volumes: Volumes,
    /// Where images are.
    pub(crate) store: Arc<Store>,
    /// What starts containers.
    pub(crate) runtime: RuntimeBinary,
    /// What serves their ports.
    pub(crate) proxy: SealedProgram,
    /// What gives them addresses.
    pub(crate) network: Arc<Network>,
    /// The containers.
    pub(crate) table: Table,
}

/// The tasks that follow containers; they end with the engine.
#[derive(Default)]
struct Tasks(Mutex<JoinSet<()>>);

impl Engine {
    /// Finds the containers of this root again: those that run are followed, those that ended meanwhile are read, what
    /// belongs to none of them is swept away, and removals that were asked for (`--rm`) or begun are finished.
    ///
    /// One engine a root: the server holds the root's lock.
    ///
    /// # Errors
    /// [`EngineError::File`] where the containers' folder can't be made or read. A single container that can't be
    /// understood is no error; it is listed as failed.
    pub async fn open(
        root: &Path,
        world: &str,
        store: Arc<Store>,
        programs: Programs,
        network: Arc<Network>,
    ) -> Result<Self, EngineError> {
        let shared = Arc::new(Shared {
            containers: root.join("containers"),
            volumes: Volumes::new(root.join("volumes")),
            world: world.to_owned(),
            store,
            runtime: programs.runtime,
            proxy: programs.proxy,
            network,
            table: Table::default(),
        });
        let mut engine = Self {
            shared,
            tasks: Arc::default(),
            leftovers: Arc::default(),
        };
        engine.leftovers = open::open(&engine).await?.into();
        Ok(engine)
    }

    /// What a former engine left and this one could not put right when it opened, in words: an interface, a cgroup, a
    /// folder. The next opening tries again.
    #[must_use]
    pub fn leftovers(&self) -> &[String] {
        &self.leftovers
    }

    /// Makes a container and starts it; returns when its program has been executed. A caller that goes away in between
    /// changes nothing: the start is finished, and the container is there.
    ///
    /// # Errors
    /// What can't be asked for is refused before anything is made ([`EngineError::UnknownImage`],
    /// [`EngineError::BadLimit`], [`EngineError::BadName`], [`EngineError::NameTaken`], [`EngineError::BadRequest`],
    /// [`EngineError::NoCommand`], [`EngineError::PortTaken`], [`EngineError::PortUnusable`]), and where its network can't
    /// be made, nothing is left ([`EngineError::Network`]). A container that could not be started stays in the list as failed (with `--rm` it
    /// goes), with the reason ([`EngineError::ProgramNotFound`], [`EngineError::ProgramNotExecutable`],
    /// [`EngineError::NotStarted`]).
    pub async fn run(&self, request: RunRequest) -> Result<RunResponse, EngineError> {
        self.run_attached(request, Duration::ZERO).await
    }

    /// As [`Self::run`], for a client that is going to read the output from the monitor or from the container's folder:
    /// a program can end before the client has reached its monitor. With `--rm` the container is kept for `linger` after
    /// its end, and for as long as a client holds the folder's lock (`flock`, shared), or until someone removes it; if
    /// the engine ends meanwhile, the next one removes it. Where `linger` is not zero, no output is lost before the
    /// client attaches: the container waits for it.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub async fn run_attached(
        &self,
        request: RunRequest,
        linger: Duration,
    ) -> Result<RunResponse, EngineError> {
        let engine = self.clone();
        detached(async move { run::run(&engine, request, linger).await }).await
    }

    /// The containers, newest first: with `all` those that ended too.
    #[must_use]
    pub fn list(&self, all: bool) -> Vec<ContainerSummary> {
        let is_live = |summary: &ContainerSummary| {
            matches!(
                summary.status,
                ContainerStatus::Created | ContainerStatus::Running
            )
        };
        self.shared
            .table
            .entries()
            .iter()
            .map(|entry| entry.summary())
            .filter(|summary| all || is_live(summary))
            .collect()
    }

    /// A container by its name, its id, or the start of its id.
    ///
    /// # Errors
    /// [`EngineError::UnknownContainer`], [`EngineError::AmbiguousId`]: all verbs below have these too.
    pub fn get(&self, name: &str) -> Result<ContainerSummary, EngineError> {
        Ok(self.shared.table.find(name)?.summary())
    }

    /// Sends a signal, by name or number, to the container's first process.
    ///
    /// # Errors
    /// [`EngineError::UnknownSignal`]; [`EngineError::WrongState`] where it does not run; [`EngineError::Monitor`].
    pub async fn kill(&self, name: &str, signal: &str) -> Result<(), EngineError> {
        stop::kill(&self.shared, name, signal).await
    }

    /// Asks the container to end by its image's stop signal (SIGTERM where it names none), and kills it where it has
    /// not after `timeout`. Returns how it ended. Stopping one that has ended is no mistake.
    ///
    /// # Errors
    /// [`EngineError::WrongState`] while it is being made; [`EngineError::Monitor`].
    pub async fn stop(
        &self,
        name: &str,
        timeout: Duration,
    ) -> Result<ContainerStatus, EngineError> {
        stop::stop(&self.shared, name, timeout).await
    }

    /// Waits until the container has ended and its cgroup and monitor are gone; with `--rm`, until it is removed (or begins to
    /// linger). By its whole id, one that is gone already is known too, for a while.
    ///
    /// # Errors
    /// Only the lookup's.
    pub async fn wait(&self, name: &str) -> Result<ContainerStatus, EngineError> {
        stop::wait(&self.shared, name).await
    }

    /// Removes a container, with all that it wrote; with `force` one that runs is killed first.
    ///
    /// # Errors
    /// [`EngineError::WrongState`] where it runs and `force` is not given; [`EngineError::File`].
    pub async fn remove(&self, name: &str, force: bool) -> Result<(), EngineError> {
        let entry = self.shared.table.find(name)?;
        let shared = Arc::clone(&self.shared);
        detached(async move { remove::remove(&shared, &entry, force).await }).await
    }

    /// As [`Self::remove`], with the volumes that were made for it and that nobody named, as `--rm` does.
    ///
    /// # Errors
    /// As for [`Self::remove`].
    pub async fn remove_with_volumes(&self, name: &str, force: bool) -> Result<(), EngineError> {
        let entry = self.shared.table.find(name)?;
        let shared = Arc::clone(&self.shared);
        detached(async move { remove::remove_with(&shared, &entry, force, true).await }).await
    }

    /// All volumes, by name. Blocks for a look at the disk, as the other verbs of volumes do.
    ///
    /// # Errors
    /// [`EngineError::File`].
    pub fn volumes(&self) -> Result<Vec<VolumeSummary>, EngineError> {
        volume::list(&self.shared)
    }

    /// A volume by its name.
    ///
    /// # Errors
    /// [`EngineError::UnknownVolume`].
    pub fn volume(&self, name: &str) -> Result<VolumeSummary, EngineError> {
        volume::get(&self.shared, name)
    }

    /// Makes a volume; one that is there is answered as it is.
    ///
    /// # Errors
    /// [`EngineError::BadVolumeName`], [`EngineError::File`].
    pub fn create_volume(&self, request: VolumeRequest) -> Result<VolumeSummary, EngineError> {
        volume::create(&self.shared, request)
    }

    /// Removes a volume with all that is in it.
    ///
    /// # Errors
    /// [`EngineError::UnknownVolume`]; [`EngineError::VolumeInUse`] while a container has it, one that ended too;
    /// [`EngineError::File`].
    pub fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        volume::remove(&self.shared, name)
    }

    /// Starts a further process in a running container; returns when its program has been executed.
    ///
    /// # Errors
    /// [`EngineError::WrongState`] where it does not run; [`EngineError::BadRequest`];
    /// [`EngineError::ProgramNotFound`], [`EngineError::ProgramNotExecutable`], [`EngineError::NotStarted`].
    pub async fn exec(&self, name: &str, request: ExecRequest) -> Result<ExecStream, EngineError> {
        exec::exec(&self.shared, name, request).await
    }

    /// Starts a further process that goes on without this engine, with a terminal or a standard input where asked for;
    /// returns when its program has been executed. [`Self::attach`] leads to it. With nobody attached, one with a terminal
    /// is hung up after an hour, and another is killed after half a minute.
    ///
    /// # Errors
    /// As for [`Self::exec`].
    pub async fn begin_exec(
        &self,
        name: &str,
        request: ExecRequest,
    ) -> Result<ExecResponse, EngineError> {
        let (engine, name) = (self.clone(), name.to_owned());
        detached(async move { session::begin(&engine, &name, request).await }).await
    }

    /// The processes of [`Self::begin_exec`] that run in this container, oldest first.
    ///
    /// # Errors
    /// Only the lookup's.
    pub fn execs(&self, name: &str) -> Result<Vec<ExecSummary>, EngineError> {
        Ok(session::list(&self.shared.table.find(name)?.folder))
    }

    /// Hangs such a process up, as a terminal that is closed does; one without a terminal is killed.
    ///
    /// # Errors
    /// [`EngineError::UnknownExec`], [`EngineError::Monitor`].
    pub async fn end_exec(&self, name: &str, id: &str) -> Result<(), EngineError> {
        session::end(&self.shared.table.find(name)?, id).await
    }

    /// Where the monitor of a container that runs listens, for a client that attaches to it by itself.
    ///
    /// # Errors
    /// [`EngineError::WrongState`] where it does not run.
    pub fn monitor(&self, name: &str) -> Result<RunResponse, EngineError> {
        attach::monitor(self.shared.table.find(name)?.as_ref())
    }

    /// Attaches to a container that runs, or to a process of [`Self::begin_exec`] in it.
    ///
    /// # Errors
    /// [`EngineError::WrongState`], [`EngineError::UnknownExec`], [`EngineError::Monitor`].
    pub async fn attach(&self, name: &str, exec: Option<&str>) -> Result<Attachment, EngineError> {
        attach::attach(&self.shared.table.find(name)?, exec).await
    }

    /// A container's output: all of it or its last `tail` lines, and with `follow` what comes until it ends.
    ///
    /// # Errors
    /// Only the lookup's; what goes wrong while reading comes as the stream's last item.
    pub fn logs(
        &self,
        name: &str,
        follow: bool,
        tail: Option<u64>,
    ) -> Result<LogStream, EngineError> {
        Ok(logs::logs(self.shared.table.find(name)?, follow, tail))
    }

    /// What a container uses, once a second, until it ends.
    ///
    /// # Errors
    /// [`EngineError::WrongState`] where it does not run.
    pub fn stats(&self, name: &str) -> Result<StatsStream, EngineError> {
        stats::stats(&self.shared, name)
    }

    /// Fires at each change of the list or of a container's status. The number means nothing but that it grew.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.table.changes()
    }

    /// The names of the containers that are made, or being made, from this image, sorted: why it can't be removed.
    #[must_use]
    pub fn in_use(&self, image_id: &Digest) -> Vec<String> {
        self.shared.table.in_use(image_id)
    }

    /// Kills and removes every container of this world, and every cgroup that is left of it, a build step's too. For
    /// `estiva reset`, which ends builds first.
    ///
    /// # Errors
    /// The first that a container or the sweep gave; the others are removed all the same.
    pub async fn destroy_all(&self) -> Result<(), EngineError> {
        let shared = Arc::clone(&self.shared);
        detached(async move { remove::destroy_all(&shared).await }).await
    }

    /// Follows a container that runs until it ends.
    pub(crate) fn follow(&self, entry: Arc<Entry>) {
        let shared = Arc::clone(&self.shared);
        self.tasks
            .spawn(async move { crate::follow::follow(&shared, &entry).await });
    }

    /// Watches the proxy of a container that runs and publishes ports.
    pub(crate) fn keep_proxy(&self, entry: Arc<Entry>, child: Option<Child>) {
        let shared = Arc::clone(&self.shared);
        self.tasks
            .spawn(async move { crate::proxy::keep(&shared, &entry, child).await });
    }

    /// Removes the folder of an exec when it has ended and was read.
    pub(crate) fn follow_exec(&self, folder: PathBuf, started: Started) {
        self.tasks
            .spawn(async move { session::follow(folder, started).await });
    }

    /// Removes a container that has ended, when its output was read.
    pub(crate) fn remove_when_read(&self, entry: Arc<Entry>) {
        let shared = Arc::clone(&self.shared);
        self.tasks
            .spawn(async move { crate::follow::remove_when_read(&shared, &entry).await });
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Engine({}, world {})",
            self.shared.containers.display(),
            self.shared.world
        )
    }
}

impl Tasks {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that ended are let go here: the set would keep their results for ever.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
}

/// Runs work to its end even if the caller goes away.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, EngineError>> + Send + 'static,
) -> Result<T, EngineError> {
    joined(tokio::spawn(work).await)?
}

/// Runs blocking work on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    joined(tokio::task::spawn_blocking(work).await)?
}

/// A panic, or a runtime that is shutting down, is a fault of the engine's own.
fn joined<T>(result: Result<T, tokio::task::JoinError>) -> Result<T, EngineError> {
    result.map_err(|error| EngineError::Internal {
        reason: error.to_string(),
    })
}
