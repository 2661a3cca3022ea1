//! What components share: handles with verbs, over the services and the state.

mod remote_images;
mod use_action;
mod use_archive;
mod use_asked;
mod use_build;
mod use_clock;
mod use_compare;
mod use_connection;
mod use_container;
mod use_content;
mod use_dockerfile;
mod use_files;
mod use_locale;
mod use_place;
mod use_pull;
mod use_remote;
mod use_terminal;
mod use_theme;
mod use_ticks;
mod use_title;

pub use remote_images::RemoteState;
pub use use_action::{Action, use_action};
pub use use_archive::{ArchiveHandle, ArchiveState, use_archive_handle};
pub use use_asked::{Asking, use_asked};
pub use use_build::{BuildHandle, use_build_handle};
pub use use_clock::{AGO_RENEWED_MS, use_clock};
pub use use_compare::{CompareHandle, Source, TreeReply, use_compare};
pub use use_connection::{
    Connection, use_connection, use_connection_handle, use_containers, use_images,
};
pub use use_container::{use_history, use_logs};
pub use use_content::{
    Beginning, FileSource, PiecesHandle, use_beginning, use_pieces, use_versions,
};
pub use use_dockerfile::{Reading, use_dockerfile};
pub use use_files::{FilesHandle, ROWS_ASKED, use_files};
pub use use_locale::{Locale, use_locale, use_locale_handle};
pub use use_place::{PlaceHandle, use_place};
pub use use_pull::{PullHandle, use_pull_handle};
pub use use_remote::{Load, Remote, use_remote};
pub use use_terminal::{Target, use_terminal};
pub use use_theme::{Theme, ThemeHandle, use_theme_handle};
pub use use_ticks::{Ticks, use_ticks, use_ticks_of};
pub use use_title::use_title;
