//! How a blob lies: told by its first bytes, because names and media types are only claims.

use serde::{Deserialize, Serialize};

use super::zstd::is_skippable;

/// How a blob is compressed, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// A plain tar.
    None,
    /// gzip, of one member or several.
    Gzip,
    /// zstd, of one frame or several.
    Zstd,
    /// xz, which is named but not read: the OCI has no layers of it.
    Xz,
    /// bzip2, which is named but not read, as xz.
    Bzip2,
}

impl Compression {
    /// What these first bytes say; six are enough.
    #[must_use]
    pub fn sniff(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ if is_skippable(start) => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            // Then the size of its blocks, and the mark of the first, which is pi's digits.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => Self::Bzip2,
            _ => Self::None,
        }
    }

    /// `none`, `gzip`, `zstd`, `xz` or `bzip2`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }

    /// The command that unpacks what is not read here.
    #[must_use]
    pub fn unpack_with(self) -> Option<&'static str> {
        match self {
            Self::Xz => Some("xz -d"),
            Self::Bzip2 => Some("bzip2 -d"),
            Self::None | Self::Gzip | Self::Zstd => None,
        }
    }
}
