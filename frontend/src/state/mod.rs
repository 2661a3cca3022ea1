//! What the page knows, without a browser: plain values and the rules by which they change.
//!
//! **Invariant:** nothing here names web_sys, so that all of it is tested natively.

pub mod build_run;
pub mod by_address;
pub mod choice;
pub mod comparing;
pub mod connection;
pub mod contents;
pub mod context;
pub mod difference_view;
pub mod draft;
pub mod editor;
pub mod file_kind;
pub mod file_view;
pub mod follow;
pub mod forms;
pub mod link;
pub mod log;
pub mod output;
pub mod place;
pub mod ports;
pub mod pull;
pub mod rows;
pub mod run_form;
pub mod shown;
pub mod stages;
pub mod stats;
pub mod terminal;
pub mod ticked;
