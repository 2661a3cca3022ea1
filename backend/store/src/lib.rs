//! What Estiva keeps: blobs by digest, layers as overlayfs snapshots, images and their names, cached steps, shared
//! reports. `docs/store.md` describes the layout on disk, what holds after a crash, and the faults that were tried.
//!
//! Everything here is synchronous and `Send + Sync`; an asynchronous caller runs it on a blocking thread.
//!
//! **Invariant:** content has one name, its digest, and lands by rename. A name in the database refers only to content
//! that is complete and on the disk. Nothing is ever mounted where another program could see it.
//!
//! **Invariant:** one process writes a root. The server holds `ROOT/lock`; this crate doesn't take it.
#![forbid(unsafe_code)]

mod analysis;
mod archive;
mod base;
mod blobs;
mod builds;
mod cache;
mod commit;
mod content;
mod contents;
mod database;
mod diff;
mod error;
mod extract;
mod gc;
mod images;
mod layers;
mod layout;
mod limits;
mod names;
mod overlay;
mod recover;
mod registry;
mod remove;
mod reserve;
mod rubbish;
mod shares;
mod similar;
mod store;
mod tar_writer;
mod tree;

pub use archive::{ArchiveError, Loaded};
pub use base::{BaseError, BaseStep};
pub use cache::CacheEntry;
pub use commit::CommitError;
pub use contents::ImageContents;
pub use database::SCHEMA_VERSION;
pub use error::{IoFault, StoreError};
pub use extract::ExtractError;
pub use gc::{Collected, KeepCache};
pub use images::ImageRecord;
pub use layers::{LayerRecord, LowerDirs, Prepared, RootAttributes, SnapshotId};
pub use limits::*;
pub use overlay::{OverlayError, Upper};
pub use registry::{
    Cancel, ProxyChoice, PullOrder, Pulled, PushOrder, Pushed, RegistryError, RegistryOptions,
    RegistrySettings, RemoteLayer, Times, check_login, look, open_layer,
};
pub use remove::Removed;
pub use shares::ShareRecord;
pub use store::{Hold, Store};
pub use tree::remove_all;
