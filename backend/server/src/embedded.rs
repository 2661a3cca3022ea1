//! What was built into the program: the page's files and the two static programs. `build.rs` writes the lists.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
