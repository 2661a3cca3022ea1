//! What formats for lazy pulling put into a layer's tar beside the image's files: a table of contents, and a landmark that
//! says which files to fetch first.
//!
//! estargz has both as entries of the tar; the writers of zstd:chunked that come from it have the landmark alone, and their
//! table in a skippable frame. Such an entry is told by its name *and* by the blob's last bytes, so that a file of an ordinary
//! layer that has the name stays a file.
//!
//! Specification: stargz-snapshotter, docs/estargz.md ("eStargz: Standard-Compatible Extension to Container Layers", "Footer").

use super::Compression;

/// Bytes at a blob's end that tell: the longest footer, estargz's with a table elsewhere, has 62.
pub(super) const TAIL_BYTES: usize = 64;

/// What a footer's gzip member ends with after its extra field: an empty stored block, CRC-32 and length.
const MEMBER_END: [u8; 13] = [1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];

/// What the extra field ends with: after the table's offset in 16 digits, or where the table lies elsewhere.
const FIELD_ENDS: [&[u8]; 2] = [b"STARGZ", b"STARGZEXTERNALTOC"];

/// What the skippable frame at the end of zstd:chunked ends with.
const CHUNKED_END: &[u8] = b"GNUlInUx";

/// Whether an entry at the layer's root with this name may be such bookkeeping.
pub(super) fn is_name(path: &str) -> bool {
    matches!(
        path,
        "stargz.index.json" | ".prefetch.landmark" | ".no.prefetch.landmark"
    )
}

/// The format that a blob's last bytes tell of.
pub(super) fn format_of(compression: Compression, tail: &[u8]) -> Option<&'static str> {
    match compression {
        Compression::Gzip => {
            let field = tail.strip_suffix(&MEMBER_END)?;
            FIELD_ENDS
                .iter()
                .any(|end| field.ends_with(end))
                .then_some("estargz")
        }
        Compression::Zstd => tail.ends_with(CHUNKED_END).then_some("zstd:chunked"),
        Compression::None | Compression::Xz | Compression::Bzip2 => None,
    }
}

/// The last bytes of all that went by.
#[derive(Default)]
pub(super) struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, piece: &[u8]) {
        let kept = piece.len().min(TAIL_BYTES);
        let surplus = (self.bytes.len() + kept).saturating_sub(TAIL_BYTES);
        self.bytes.drain(..surplus);
        self.bytes.extend_from_slice(&piece[piece.len() - kept..]);
    }

    /// What it holds.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_end_of_all_however_it_came() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for size in [1, 7, 63, 64, 65, 400, 1000] {
            let mut tail = Tail::default();
            bytes.chunks(size).for_each(|piece| tail.push(piece));
            assert_eq!(tail.bytes(), &bytes[1000 - TAIL_BYTES..], "{size}");
        }
        let mut short = Tail::default();
        short.push(b"ab");
        short.push(b"");
        short.push(b"c");
        assert_eq!(short.bytes(), b"abc");
    }

    #[test]
    fn a_format_is_told_by_the_footer_of_its_compression_alone() {
        let footer = [&b"0000000000001234STARGZ"[..], &MEMBER_END].concat();
        assert_eq!(format_of(Compression::Gzip, &footer), Some("estargz"));
        assert_eq!(format_of(Compression::Zstd, &footer), None);
        assert_eq!(format_of(Compression::None, &footer), None);
        assert_eq!(format_of(Compression::Gzip, &MEMBER_END), None);
        assert_eq!(
            format_of(Compression::Zstd, b"....GNUlInUx"),
            Some("zstd:chunked")
        );
    }
}
