//! Folders of files as layers have them: what an entry is, its extended attributes, names made safe, removal.

pub(crate) mod copy;
pub(crate) mod node;
mod removal;
pub(crate) mod root;
pub(crate) mod xattr;

pub use removal::remove_all;

/// What a tar's name begins with to say that a path is no more (OCI image specification, "Whiteouts").
pub(crate) const WHITEOUT_PREFIX: &[u8] = b".wh.";

/// The name that says that a folder hides all that lower layers have in it ("Opaque Whiteout").
pub(crate) const OPAQUE_NAME: &[u8] = b".wh..wh..opq";
