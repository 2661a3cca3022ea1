//! What components share: handles with verbs, over the services and the state.

mod use_action;
mod use_archive;
mod use_build;
mod use_clock;
mod use_connection;
mod use_container;
mod use_dockerfile;
mod use_locale;
mod use_pull;
mod use_remote;
mod use_terminal;
mod use_theme;
mod use_title;
mod use_tree;

pub use use_action::{Action, use_action};
pub use use_archive::{ArchiveHandle, ArchiveState, use_archive_handle};
pub use use_build::{BuildHandle, use_build_handle};
pub use use_clock::{AGO_RENEWED_MS, use_clock};
pub use use_connection::{
    Connection, use_connection, use_connection_handle, use_containers, use_images,
};
pub use use_container::{use_history, use_logs};
pub use use_dockerfile::{Reading, use_dockerfile};
pub use use_locale::{Locale, use_locale, use_locale_handle};
pub use use_pull::{PullHandle, use_pull_handle};
pub use use_remote::{Load, Remote, use_remote};
pub use use_terminal::{Target, use_terminal};
pub use use_theme::{Theme, ThemeHandle, use_theme_handle};
pub use use_title::use_title;
pub use use_tree::{TreeOf, use_tree};
