//! What the browser offers, behind plain Rust: the only part of the page that touches web_sys.

pub mod address;
pub mod analyser;
pub mod api;
pub mod base;
pub mod dom;
pub mod download;
pub mod folder;
pub mod http;
pub mod kind;
pub mod layout;
pub mod socket;
pub mod storage;
pub mod stored;
pub mod terminal;
pub mod timer;
