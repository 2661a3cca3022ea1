//! The three listeners and the connections that they take: HTTP/1.1 over TCP and over the Unix socket, one service.
//!
//! A connection has a time limit for its request heads and a limit on how many there are, so that an idle or hostile
//! client holds little. When the server ends, connections are given a short while to finish.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::guard::Door;
use super::places::{Place, Places};
use super::services::Ending;
use crate::root::Root;

/// The port that is tried first: nobody's in IANA's list that a developer's host would run.
pub(crate) const PORT: u16 = 7878;

/// Connections taken at once, on each TCP listener, WebSockets among them. A page has one socket and a few requests.
const CONNECTIONS_MAX: usize = 256;

/// The same on the Unix socket. Each command that follows something holds one or two for as long as it does, and nobody
/// but the owner comes here.
const OWNER_CONNECTIONS_MAX: usize = 1024;

/// Connections of one address at the listener for shared links: a browser opens six, and a house has several. One
/// stranger leaves room for the others.
const FROM_ONE_MAX: usize = 32;

/// How long a request's head may take. Also ends connections that are kept open and not used.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// The same at the listener for shared links, where strangers come.
const SHARES_HEAD_TIME: Duration = Duration::from_secs(5);

/// How long a connection at the listener for shared links may last, whatever it does: the largest report, 4 MiB, over a
/// slow mobile network. Who reads nothing holds no place for longer.
const SHARES_LIFE: Duration = Duration::from_secs(2 * 60);

/// How long to wait after the system refused a connection, mostly for want of descriptors.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// Why a listener was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// `--listen` with an address that others could reach.
    #[error("expected a loopback address after --listen, but found {0}")]
    NotLoopback(SocketAddr),
    /// The address is taken or not ours.
    #[error("can't listen on {address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// The Unix socket can't be made.
    #[error("can't listen on {path}: {source}")]
    Socket {
        /// Its path.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl ListenError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NotLoopback(_) => Some(
                "the dashboard can do all that root can; to show reports to others, use --share-listen".to_owned(),
            ),
            Self::Address { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                Some("another program listens there; choose another port, or leave the option out".to_owned())
            }
            _ => None,
        }
    }
}

/// The dashboard's listener: at the address asked for, or at [`PORT`], or where that is taken at any free port.
///
/// # Errors
/// If the address asked for is not loopback or can't be had.
pub(crate) async fn page(wanted: Option<SocketAddr>) -> Result<TcpListener, ListenError> {
    if let Some(address) = wanted {
        if !address.ip().is_loopback() {
            return Err(ListenError::NotLoopback(address));
        }
        return tcp(address).await;
    }
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    match tcp(SocketAddr::new(loopback, PORT)).await {
        Err(ListenError::Address { source, .. }) if source.kind() == io::ErrorKind::AddrInUse => {
            tcp(SocketAddr::new(loopback, 0)).await
        }
        other => other,
    }
}

/// A TCP listener.
///
/// # Errors
/// If the address can't be had.
pub(crate) async fn tcp(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ListenError::Address { address, source })
}

/// The owner's listener. The caller holds the root's lock, so a socket that lies there is a dead server's.
///
/// # Errors
/// If it can't be made.
pub(crate) fn owner(root: &Root) -> Result<UnixListener, ListenError> {
    let path = root.socket();
    let bind = || {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // The root is its owner's alone, as `Root::create` makes sure, so that nobody connects before the mode is set.
        let (_folder, short) = root.short_socket()?;
        let listener = UnixListener::bind(short)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    };
    bind().map_err(|source| ListenError::Socket {
        path: path.display().to_string(),
        source,
    })
}

/// What every listener serves.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    /// The routes.
    pub(crate) routes: Router,
    /// Fires when the server is to end.
    pub(crate) ending: watch::Receiver<Ending>,
    /// Connections that go on.
    pub(crate) tasks: TaskTracker,
}

/// Serves the routes on a TCP listener until the server ends.
pub(crate) async fn serve_tcp(listener: TcpListener, door: Door, serving: Serving) {
    let from_one_max = match door {
        Door::Shares => FROM_ONE_MAX,
        // All come from this host, and most from one browser.
        Door::Page(_) | Door::Owner { .. } => CONNECTIONS_MAX,
    };
    let places = Places::new(CONNECTIONS_MAX, from_one_max);
    loop {
        let Some(free) = places.free().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Some(place) = places.take(free, Some(peer.ip())) else {
                    continue;
                };
                // Frames of a live build are small, and each is waited for.
                let _ = stream.set_nodelay(true);
                serving
                    .tasks
                    .spawn(connection(stream, door, serving.clone(), place));
            }
            Err(_) => tokio::time::sleep(REFUSED_PAUSE).await,
        }
    }
}

/// Serves the routes on the Unix socket until the server ends.
pub(crate) async fn serve_owner(listener: UnixListener, serving: Serving) {
    let places = Places::new(OWNER_CONNECTIONS_MAX, OWNER_CONNECTIONS_MAX);
    loop {
        let Some(free) = places.free().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let Some(place) = places.take(free, None) else {
                    continue;
                };
                let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
                let door = Door::Owner { pid };
                serving
                    .tasks
                    .spawn(connection(stream, door, serving.clone(), place));
            }
            Err(_) => tokio::time::sleep(REFUSED_PAUSE).await,
        }
    }
}

async fn connection<S>(stream: S, door: Door, serving: Serving, place: Place)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Serving {
        routes, mut ending, ..
    } = serving;
    let service = routes.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(door);
        request.extensions_mut().insert(place.clone());
        request
    });
    let (head_time, life) = match door {
        Door::Shares => (SHARES_HEAD_TIME, Some(SHARES_LIFE)),
        Door::Page(_) | Door::Owner { .. } => (HEAD_TIME, None),
    };
    let too_old = async {
        match life {
            Some(life) => tokio::time::sleep(life).await,
            None => std::future::pending().await,
        }
    };
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let stopped = async {
        // An error means that the sender is gone, which is an end too.
        let _ = ending.wait_for(|ending| *ending != Ending::None).await;
    };
    tokio::select! {
        // What a client did wrong, the client was told; a broken connection is nobody's fault.
        _ = connection.as_mut() => {}
        () = too_old => {}
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_dashboard_listens_on_loopback_only() {
        for open in ["0.0.0.0:0", "192.0.2.1:80", "[::]:0"] {
            let refused = page(Some(open.parse().unwrap())).await.unwrap_err();
            assert!(matches!(refused, ListenError::NotLoopback(_)), "{open}");
            assert!(refused.hint().unwrap().contains("--share-listen"));
        }
        page(Some("127.0.0.1:0".parse().unwrap())).await.unwrap();
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error_only_where_it_was_asked_for() {
        let taken = page(None).await.unwrap();
        let address = taken.local_addr().unwrap();
        assert!(
            page(Some(address))
                .await
                .unwrap_err()
                .hint()
                .unwrap()
                .contains("another program")
        );
        assert_ne!(page(None).await.unwrap().local_addr().unwrap(), address);
    }

    #[tokio::test]
    async fn a_socket_is_its_owners_alone_however_long_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::create(&folder.path().join("r".repeat(200))).unwrap();
        let _first = owner(&root).unwrap();
        let mode = std::fs::metadata(root.socket())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        // A dead server's socket is replaced.
        let _second = owner(&root).unwrap();
    }
}
