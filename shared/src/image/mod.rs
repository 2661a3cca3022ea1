//! Images: names and digests, archives, layers, the merged tree, waste. See `docs/inspect.md`.

mod analyse;
mod analysis;
mod compression;
mod config;
mod digest;
mod dive;
mod hashing;
mod inspect;
mod layer;
pub mod media_type;
mod merge;
pub mod path;
mod path_set;
mod problems;
mod read_at;
mod reference;
pub mod tar;

pub use analyse::{ImageParts, LayerPart, analyse, analyse_while};
pub use analysis::*;
pub use compression::Compression;
pub use digest::{ChainId, DiffId, Digest, DigestError, DigestReader, DigestWriter};
pub use inspect::{InspectError, Progress, inspect, inspect_within};
pub use layer::{IndexEntry, LayerError, LayerIndex, Limits};
pub use path::normalise;
pub use read_at::{Capped, ReadAt, Window};
pub use reference::{Reference, ReferenceError};
pub use tar::{TarEntry, TarError, TarKind, TarReader};
