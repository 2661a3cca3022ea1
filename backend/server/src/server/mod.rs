//! The server: what it opens at its start, in order, and how it ends.
//!
//! The order matters: the lock before anything of the root is touched; the store, whose schema may be refused, before
//! any listener, so that nobody is served by half a server; the Unix socket last, because its answering is what those
//! who start a server wait for.

mod contexts;
mod error;
mod guard;
mod headers;
pub(crate) mod listen;
mod log;
mod page;
mod places;
mod registry;
mod resources;
mod routes;
pub(crate) mod services;
mod session;
mod socket;
mod unpack;

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use estiva_build::Builder;
use estiva_engine::Engine;
use estiva_network::Network;
use estiva_store::Store;
use rustix::fs::{Mode, OFlags, open};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

use self::contexts::Contexts;
use self::guard::Door;
use self::listen::{ListenError, Serving};
use self::log::Log;
use self::page::Page;
use self::resources::files::Kept;
use self::services::{Addresses, Ending, GREETINGS_MAX, Services};
use self::session::Sessions;
use crate::embedded;
use crate::lock::{Lock, LockError};
use crate::root::{Root, is_on_overlay};
use crate::runtime_program;

pub(crate) use self::error::with_causes;
pub(crate) use self::headers::site_policy;
pub(crate) use self::log::append as append_to_log;
pub(crate) use self::session::random_hex;

/// How long connections and builds may take to end when the server does. A RUN step is killed at once; a layer that is
/// being packed is finished or dropped.
const ENDING_TIME: Duration = Duration::from_secs(20);

/// How often uploaded contexts are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// What a server is started with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// `--listen`.
    pub(crate) listen: Option<SocketAddr>,
    /// `--share-listen`.
    pub(crate) share_listen: Option<SocketAddr>,
    /// `--context-root`.
    pub(crate) context_root: Option<PathBuf>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// Another one runs, or the root can't be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The folder holds what is not Estiva's, under a name of its own.
    #[error("expected an empty folder or a root of Estiva, but found another's {}", .path.display())]
    Stranger {
        /// Which.
        path: PathBuf,
    },
    /// No container could be started from it.
    #[error("expected a root on a disk's file system, but found overlayfs, on which the kernel stacks no other: {}", .path.display())]
    Overlay {
        /// The root.
        path: PathBuf,
    },
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] estiva_store::StoreError),
    /// The containers can't be read.
    #[error(transparent)]
    Engine(#[from] estiva_engine::EngineError),
    /// A listener can't be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A part of the server can't be had.
    #[error("can't open {what}: {source}")]
    Part {
        /// Which.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl StartError {
    /// A stable name, for whoever started it in the background.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Lock(LockError::Held { .. }) => "already-running",
            Self::Store(estiva_store::StoreError::NewerSchema { .. }) => "newer-schema",
            _ => "not-started",
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Lock(LockError::Held { .. }) => Some(
                "use that one, end it with `estiva stop-server`, or name another root with --root"
                    .to_owned(),
            ),
            Self::Store(estiva_store::StoreError::NewerSchema { .. }) => {
                Some("use the newer estiva, or name another root with --root".to_owned())
            }
            Self::Stranger { .. } => Some("name another root with --root".to_owned()),
            Self::Overlay { .. } => Some(
                "name a folder on another file system with --root; inside of a container, one of a volume or a tmpfs".to_owned(),
            ),
            Self::Listen(error) => error.hint(),
            _ => None,
        }
    }
}

/// A server that listens, and holds its root.
pub(crate) struct Server {
    services: Arc<Services>,
    listeners: Listeners,
    lock: Lock,
}

struct Listeners {
    page: tokio::net::TcpListener,
    shares: Option<tokio::net::TcpListener>,
    owner: tokio::net::UnixListener,
}

impl Server {
    /// Opens everything, in the order that the module's documentation explains.
    ///
    /// # Errors
    /// The first thing that can't be opened.
    pub(crate) async fn start(root: &Root, options: &Options) -> Result<Self, StartError> {
        // What another server is about to make looks like a stranger's until it is whole: its lock tells them apart, and
        // where it was given back meanwhile, a second look does.
        if root.stranger().is_some()
            && !Lock::is_held(root)
            && let Some(path) = root.stranger()
        {
            return Err(StartError::Stranger { path });
        }
        if is_on_overlay(root.path()).map_err(part("the root's file system"))? {
            let path = root.path().to_owned();
            return Err(StartError::Overlay { path });
        }
        let lock = Lock::take(root)?;
        let log = Log::open(&root.log()).map_err(part("its log"))?;
        let store = Arc::new(Store::open(root.path())?);
        root.close_store()
            .map_err(part("the store's files for their owner alone"))?;
        let later = |leftover: &String| log.line(&format!("tried again later: {leftover}"));
        store.leftovers().iter().for_each(later);
        let programs = runtime_program::programs()
            .map_err(part("the programs estiva-runtime and estiva-proxy"))?;
        let runtime = programs.runtime.clone();
        let network = Arc::new(Network::new(&root.world()));
        let engine = Engine::open(
            root.path(),
            &root.world(),
            Arc::clone(&store),
            programs,
            Arc::clone(&network),
        )
        .await?;
        engine.leftovers().iter().for_each(later);
        // After the engine, which has given back what nobody holds: a build's place on the bridge would be such.
        let builder =
            Builder::new(Arc::clone(&store), runtime, network, root.world()).with_registries();
        let contexts = Contexts::open(root.contexts()).map_err(part("the folder of contexts"))?;
        let context_root = options
            .context_root
            .as_deref()
            .map(open_context_root)
            .transpose()?;
        let page = listen::page(options.listen).await?;
        let shares = match options.share_listen {
            Some(address) => Some(listen::tcp(address).await?),
            None => None,
        };
        let addresses = Addresses {
            page: page.local_addr().ok(),
            shares: shares
                .as_ref()
                .and_then(|listener| listener.local_addr().ok()),
        };
        let owner = listen::owner(root)?;
        let services = Services {
            store,
            engine,
            builder,
            sessions: Sessions::default(),
            page: Page::new(embedded::PAGE),
            contexts,
            files: Kept::default(),
            context_root,
            addresses,
            log,
            tasks: TaskTracker::new(),
            ending: watch::Sender::new(Ending::None),
            greetings: Arc::new(Semaphore::new(GREETINGS_MAX)),
            images_changed: watch::Sender::new(0),
        };
        services.log.line(&format!(
            "process {} serves {}",
            std::process::id(),
            root.path().display()
        ));
        Ok(Self {
            services: Arc::new(services),
            listeners: Listeners {
                page,
                shares,
                owner,
            },
            lock,
        })
    }

    /// The addresses that it listens on.
    pub(crate) fn addresses(&self) -> Addresses {
        self.services.addresses
    }

    /// A new address for the dashboard, with a code that works once.
    pub(crate) fn page_address(&self) -> Option<String> {
        let page = self.services.addresses.page?;
        let code = self.services.sessions.new_code(Instant::now()).ok()?;
        Some(format!("http://{page}/#code={code}"))
    }

    /// Serves until a client or a signal ends it; containers go on.
    ///
    /// # Errors
    /// If signals can't be waited for.
    pub(crate) async fn run(self) -> io::Result<()> {
        let Self {
            services,
            listeners,
            lock,
        } = self;
        // Kept until the process has ended: a thread that did not end in time may still write.
        std::mem::forget(lock);
        let (mut terminate, mut interrupt) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let mut ending = services.ending.subscribe();
        let serving = Serving {
            routes: routes::routes(Arc::clone(&services)),
            ending: services.ending.subscribe(),
            tasks: services.tasks.clone(),
        };
        let page = Door::Page(
            services
                .addresses
                .page
                .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))),
        );
        let shares = async {
            match listeners.shares {
                Some(listener) => listen::serve_tcp(listener, Door::Shares, serving.clone()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = listen::serve_tcp(listeners.page, page, serving.clone()) => {}
            () = shares => {}
            () = listen::serve_owner(listeners.owner, serving.clone()) => {}
            () = sweep(Arc::clone(&services)) => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = ending.wait_for(|ending| *ending != Ending::None) => {}
        }
        end(&services).await;
        Ok(())
    }
}

/// Ends what runs, waits for it, and brings the store to the disk. The listeners are closed by now.
async fn end(services: &Arc<Services>) {
    services.ending.send_replace(Ending::Stop);
    services.tasks.close();
    if tokio::time::timeout(ENDING_TIME, services.tasks.wait())
        .await
        .is_err()
    {
        services
            .log
            .line("something did not end in time, and is ended with the process");
    }
    let inner = Arc::clone(services);
    match tokio::task::spawn_blocking(move || inner.store.sync()).await {
        Ok(Ok(())) => services.log.line("ended"),
        Ok(Err(error)) => services
            .log
            .line(&format!("ended; the store could not be synced: {error}")),
        Err(error) => services
            .log
            .line(&format!("ended; the store could not be synced: {error}")),
    }
}

async fn sweep(services: Arc<Services>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let services = Arc::clone(&services);
        // It fails where the sweep panicked, which the log has by then; the next may do better.
        let _ = tokio::task::spawn_blocking(move || services.contexts.sweep(Instant::now())).await;
    }
}

fn open_context_root(path: &Path) -> Result<OwnedFd, StartError> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).map_err(|error| StartError::Part {
        what: format!("the context root {}", path.display()),
        source: error.into(),
    })
}

fn part(what: &str) -> impl FnOnce(io::Error) -> StartError {
    let what = what.to_owned();
    move |source| StartError::Part { what, source }
}
