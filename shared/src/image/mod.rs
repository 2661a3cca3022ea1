//! Images: names and digests, archives, layers, the merged tree, waste. See `docs/inspect.md`.

mod access;
mod analyse;
mod analysis;
mod choice;
mod compare;
mod compression;
mod config;
mod content_sum;
mod crc;
mod digest;
mod dive;
mod documents;
mod estargz;
mod folder;
mod gzip;
mod hashing;
pub mod holdings;
mod index_bytes;
mod inflating;
mod inspect;
mod instruction;
mod json;
mod layer;
mod layer_read;
pub mod media_type;
mod merge;
pub mod path;
mod path_set;
mod problems;
mod read_at;
mod rebuild;
mod reference;
mod samples;
pub mod tar;
pub mod view;
mod waste;
mod what_if;
mod zstd;

pub use access::{
    AccessError, CHECKPOINTS_BYTES_MAX, ContentIndex, Download, FileVersion, OpenFile, versions,
};
pub use analyse::{ImageParts, LayerPart, analyse, analyse_while};
pub use analysis::*;
pub use choice::{Choice, Listed};
pub use compare::*;
pub use compression::Compression;
pub use digest::{ChainId, DiffId, Digest, DigestError, DigestReader, DigestWriter};
pub use documents::{DOCUMENT_BYTES_MAX, DOCUMENTS_BYTES_MAX, RawDocument};
pub use folder::{Folder, FolderError};
pub use hashing::{HashBeside, HashersBeside};
pub use holdings::Holdings;
pub use inflating::Inflating;
pub use inspect::{
    Documented, InspectError, Progress, ReadAhead, Subject, inspect, inspect_ahead,
    inspect_documented, inspect_folder, inspect_given, inspect_opened, inspect_some,
    inspect_within, layers_of,
};
pub use instruction::split_instruction;
pub use json::write_json;
pub use layer::{IndexEntry, LayerError, LayerIndex, Limits};
pub use layer_read::{LayerRead, LayerSpan, Undigested};
pub use path::normalise;
pub use read_at::{Capped, ReadAt, Window};
pub use rebuild::{
    Confidence, REBUILT_VERSION, Reason, Rebuilt, RebuiltLine, Reconciled, ReconciledRow, Verdict,
    rebuild, reconcile,
};
pub use reference::{Reference, ReferenceError};
pub use tar::{SparseMap, Stored, TarEntry, TarError, TarKind, TarReader};
pub use waste::{
    PACKAGE_CACHES, PackageCache, WASTE_CAUSES, is_archive, is_leftover_archive, package_cache,
};
pub use what_if::{LeftOut, WhatIf, WhatIfLayer, WhatIfPart, what_if};
pub use zstd::{ZSTD_WINDOW_BYTES_MAX, ZstdReader};
