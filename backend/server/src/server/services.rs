//! All that a handler can reach: the crates below, the sessions, and the places where changes are told.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use estiva_build::Builder;
use estiva_engine::Engine;
use estiva_shared::protocol::ImageSummary;
use estiva_store::{ImageRecord, Store};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

use super::contexts::Contexts;
use super::error::{ApiError, ApiResult};
use super::log::Log;
use super::page::Page;
use super::resources::files::Kept;
use super::session::Sessions;

/// WebSockets of pages that have not shown their token yet, at once. They may be anybody's; each has five seconds.
pub(crate) const GREETINGS_MAX: usize = 32;

/// What the server's end is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It goes on.
    None,
    /// It ends; containers go on.
    Stop,
}

/// Addresses of the two listeners.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Addresses {
    /// The dashboard's, on loopback.
    pub(crate) page: Option<SocketAddr>,
    /// The second one, for shared links.
    pub(crate) shares: Option<SocketAddr>,
}

/// One server's services.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) store: Arc<Store>,
    pub(crate) engine: Engine,
    pub(crate) builder: Builder,
    pub(crate) sessions: Sessions,
    pub(crate) page: Page,
    pub(crate) contexts: Contexts,
    /// The ways to the files of the images that were looked into last.
    pub(crate) files: Kept,
    /// The folder of `--context-root`.
    pub(crate) context_root: Option<OwnedFd>,
    pub(crate) addresses: Addresses,
    pub(crate) log: Log,
    /// Connections and what they started; the server's end waits for them.
    pub(crate) tasks: TaskTracker,
    /// Fires when the server is to end.
    pub(crate) ending: watch::Sender<Ending>,
    /// Places for WebSockets that have not shown their token yet.
    pub(crate) greetings: Arc<Semaphore>,
    /// Fires when an image came, went or changed its names. The number only grows.
    pub(crate) images_changed: watch::Sender<u64>,
}

impl Services {
    /// Tells that the list of images is another now.
    pub(crate) fn tell_images_changed(&self) {
        // An image that is gone must not be held open.
        self.files.forget();
        self.images_changed.send_modify(|number| *number += 1);
    }

    /// All images as clients see them, newest first. Blocks.
    pub(crate) fn image_summaries(&self) -> ApiResult<Vec<ImageSummary>> {
        let images = self.store.images()?;
        Ok(images
            .iter()
            .map(|image| self.image_summary(image))
            .collect())
    }

    /// One image as clients see it.
    pub(crate) fn image_summary(&self, image: &ImageRecord) -> ImageSummary {
        ImageSummary {
            id: image.id.to_string(),
            names: image.names.iter().map(|name| name.familiar()).collect(),
            size_bytes: image.size_bytes,
            layers: image.diff_ids.len(),
            created_ms: image.created_ms,
            platform: format!("{}/{}", image.config.os(), image.config.architecture()),
            containers: self.engine.in_use(&image.id).len(),
            exposed_ports: exposed_ports(image),
        }
    }

    /// The beginning of a shared link's address.
    pub(crate) fn link_base(&self) -> String {
        let address = self.addresses.shares.or(self.addresses.page);
        match address {
            // An address that means "all of them" is none that a link can have.
            Some(all) if all.ip().is_unspecified() => {
                format!("http://{}:{}", host_name(), all.port())
            }
            Some(address) => format!("http://{address}"),
            None => String::new(),
        }
    }
}

/// An image's EXPOSEd ports, lowest first: its config has them in no order.
fn exposed_ports(image: &ImageRecord) -> Vec<String> {
    let exposed = image
        .config
        .config()
        .as_ref()
        .and_then(|run| run.exposed_ports().clone());
    let mut ports = exposed.unwrap_or_default();
    let number = |port: &str| port.split('/').next().and_then(|text| text.parse().ok());
    ports.sort_by_cached_key(|port| (number(port).unwrap_or(u16::MAX), port.clone()));
    ports
}

fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}

/// Runs what blocks where blocking is allowed.
///
/// # Errors
/// The work's own, or that it panicked.
pub(crate) async fn blocking<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> ApiResult<T>
where
    T: Send + 'static,
    E: Send + 'static,
    ApiError: From<E>,
{
    Ok(tokio::task::spawn_blocking(work).await??)
}

/// Where Debian's `busybox-static`, and most other systems, put a static busybox.
pub(crate) const BUSYBOX_PATHS: [&str; 3] =
    ["/bin/busybox", "/usr/bin/busybox", "/bin/busybox.static"];

/// The host's busybox.
pub(crate) fn busybox() -> &'static Path {
    BUSYBOX_PATHS
        .iter()
        .map(Path::new)
        .find(|path| path.exists())
        .unwrap_or(Path::new(BUSYBOX_PATHS[0]))
}
