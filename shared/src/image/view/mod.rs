//! One file of an image as a person looks at it: what it is, its text, its bytes, what a program says of itself, and what two
//! versions of it differ in.
//!
//! Nothing here fetches anything: bytes come as slices or through [`super::ReadAt`], in whatever parts the caller holds.

mod bytes;
pub mod elf;
mod format;
pub mod highlight;
mod lines;
mod text;

pub use bytes::{BytesDifference, HEX_ROW_BYTES, HexRow, differ};
pub use format::{FileFormat, HEAD_BYTES, Picture, format_of};
pub use lines::{
    DIFF_LINES_MAX, DIFF_STEPS_MAX, DiffRow, Hunk, Sign, TextDiff, TooDifferent, diff_lines,
};
pub use text::{Encoding, decode, encoding_of};
