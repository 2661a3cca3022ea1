//! A layer's index as bytes and back: its entries, of which there may be a million, field by field; the rest as JSON.

use super::{EntryKind, IndexEntry, LayerIndex};
use crate::packed::{put, put_bytes, take, take_bytes, take_text};

/// The bit beside a kind of an entry that has a link.
const HAS_LINK: u64 = 8;

/// That of an entry that is a sparse file.
const IS_SPARSE: u64 = 16;

/// The bits of a kind.
const KIND: u64 = 7;

impl LayerIndex {
    /// Writes it at the end of what is there.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let rest = Self {
            digest: self.digest,
            diff_id: self.diff_id,
            compression: self.compression,
            size_bytes: self.size_bytes,
            uncompressed_bytes: self.uncompressed_bytes,
            entries: Vec::new(),
            whiteouts: self.whiteouts.clone(),
            opaque: self.opaque.clone(),
            problems: self.problems.clone(),
            facts: self.facts.clone(),
        };
        // It is plain data with string keys, so that it becomes JSON.
        put_bytes(out, &serde_json::to_vec(&rest).unwrap_or_default());
        put(out, self.entries.len() as u64);
        for entry in &self.entries {
            entry.write(out);
        }
    }

    /// Takes what [`Self::write`] wrote from the beginning; none where it is something else.
    pub(super) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let mut index: Self = serde_json::from_slice(take_bytes(bytes)?).ok()?;
        let count = usize::try_from(take(bytes)?).ok()?;
        // Room for no more than can follow: each takes some bytes.
        index.entries = Vec::with_capacity(count.min(bytes.len() / ENTRY_BYTES_MIN));
        for _ in 0..count {
            index.entries.push(IndexEntry::take(bytes)?);
        }
        Some(index)
    }
}

/// Bytes of an entry whose fields are all short.
const ENTRY_BYTES_MIN: usize = 8;

impl IndexEntry {
    fn write(&self, out: &mut Vec<u8>) {
        let kind = EntryKind::ALL.iter().position(|kind| *kind == self.kind);
        let link = self.link.as_ref().map_or(0, |_| HAS_LINK);
        let sparse = self.apparent_bytes.map_or(0, |_| IS_SPARSE);
        put(out, kind.unwrap_or_default() as u64 | link | sparse);
        put_bytes(out, self.path.as_bytes());
        put(out, self.mode.into());
        put(out, self.uid);
        put(out, self.gid);
        // The sign last, so that a time shortly before 1970 is short, too.
        put(
            out,
            (self.mtime.cast_unsigned() << 1) ^ (self.mtime >> 63).cast_unsigned(),
        );
        put(out, self.size_bytes);
        put(out, self.crc.into());
        if let Some(link) = &self.link {
            put_bytes(out, link.as_bytes());
        }
        if let Some(bytes) = self.apparent_bytes {
            put(out, bytes);
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let bits = take(bytes)?;
        let kind = *EntryKind::ALL.get(usize::try_from(bits & KIND).ok()?)?;
        let path = take_text(bytes)?;
        let mode = take(bytes)?.try_into().ok()?;
        let (uid, gid, mtime) = (take(bytes)?, take(bytes)?, take(bytes)?);
        let (size_bytes, crc) = (take(bytes)?, take(bytes)?.try_into().ok()?);
        let link = match bits & HAS_LINK {
            0 => None,
            _ => Some(take_text(bytes)?),
        };
        let apparent_bytes = match bits & IS_SPARSE {
            0 => None,
            _ => Some(take(bytes)?),
        };
        Some(Self {
            path,
            kind,
            mode,
            uid,
            gid,
            mtime: (mtime >> 1).cast_signed() ^ -(mtime & 1).cast_signed(),
            size_bytes,
            apparent_bytes,
            crc,
            link,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back() {
        for (mtime, link, apparent_bytes) in [
            (0, None, None),
            (-1, Some("target"), None),
            (i64::MIN, None, Some(u64::MAX)),
            (i64::MAX, Some(""), Some(0)),
        ] {
            let entry = IndexEntry {
                path: "usr/bin/ação".into(),
                kind: EntryKind::Fifo,
                mode: 0o4755,
                uid: u64::MAX,
                gid: 7,
                mtime,
                size_bytes: 5 << 40,
                apparent_bytes,
                crc: u32::MAX,
                link: link.map(Into::into),
            };
            let mut bytes = Vec::new();
            entry.write(&mut bytes);
            assert!(bytes.len() >= ENTRY_BYTES_MIN);
            let mut rest = bytes.as_slice();
            assert_eq!(IndexEntry::take(&mut rest), Some(entry));
            assert!(rest.is_empty());
            for end in 0..bytes.len() {
                assert_eq!(IndexEntry::take(&mut &bytes[..end]), None, "{end}");
            }
        }
    }
}
