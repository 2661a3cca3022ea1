//! Images from registries and to them, by the OCI distribution specification 1.1. `docs/registry.md` says what is done,
//! and what a registry that lies, stalls or sends us elsewhere meets.
//!
//! The way of a pull: `pull` (name → manifest → layers) asks through `client` (login by `auth`, redirects, tries), which
//! speaks through `reach` (agents, certificates, proxy) and `transport` (sockets that notice silence); `fetch` brings one
//! layer. `look` asks for documents and layers that nobody keeps. `push` compresses (`travel`) and sends (`upload`).
//!
//! **Invariant:** a name is given last. **Invariant:** credentials go to the registry and the token service that it names.
//! **Invariant:** nothing is unpacked before its digest was checked.

mod address;
mod auth;
mod client;
mod error;
mod fetch;
mod header;
mod login;
mod look;
mod manifest;
mod platform;
mod progress;
mod pull;
mod push;
mod reach;
mod said;
mod settings;
mod transport;
mod travel;
mod upload;
mod url;
mod workers;

use std::fmt;
use std::sync::Arc;

pub use error::RegistryError;
pub use login::check_login;
pub use look::{RemoteLayer, look, open_layer};
pub use pull::{PullOrder, Pulled};
pub use push::{PushOrder, Pushed};
pub use settings::{ProxyChoice, RegistryOptions, RegistrySettings, Times};

/// Whether the caller still wants what it asked for; asked ten times a second while something is waited for.
#[derive(Clone)]
pub struct Cancel(Arc<dyn Fn() -> bool + Send + Sync>);

impl Cancel {
    /// By a question that answers whether to give up.
    pub fn new(is_cancelled: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_cancelled))
    }

    /// Never.
    #[must_use]
    pub fn never() -> Self {
        Self::new(|| false)
    }

    /// Whether to give up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Cancel")
    }
}
