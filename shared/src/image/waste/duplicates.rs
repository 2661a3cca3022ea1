//! Content that can be seen more than once, and which of its copies is the one to keep.
//!
//! Two copies are alike where size and CRC-32 are: no proof against someone who means harm, and enough to look into. The
//! copy that is kept is one that is no leftover itself, where there is such a one: else both would be counted, and a rebuild
//! could not do without either. Of these it is the one of the lowest layer, then of the first path.

use super::Seen;

/// Bytes of `same_as` for each copy of an image. Paths have some 60; an archive that gives a million files one content
/// and that one a path of 4,096 bytes must not fill memory with it.
pub(in super::super) const NAMED_BYTES_OF_COPY: usize = 128;

/// Which of the copies are second ones.
pub(super) struct Duplicates<'s> {
    seen: &'s [Seen<'s>],
    /// For each copy the one that is kept, itself where it is that or alone.
    kept: Vec<usize>,
    bytes_left: usize,
    /// Second copies whose first one was not named.
    pub(super) unnamed: usize,
}

impl<'s> Duplicates<'s> {
    /// Compares what can be seen of an image with so many copies.
    pub(super) fn of(seen: &'s [Seen<'s>], copies: usize) -> Self {
        let content = |number: usize| seen[number].copy.entry.content_key();
        let mut order: Vec<usize> = (0..seen.len()).collect();
        order.sort_unstable_by_key(|number| {
            let one = &seen[*number];
            (
                content(*number),
                one.leftover.is_some(),
                one.copy.layer,
                one.path,
            )
        });
        let mut kept = vec![0; seen.len()];
        for alike in order.chunk_by(|one, other| content(*one) == content(*other)) {
            for number in alike {
                kept[*number] = alike[0];
            }
        }
        Self {
            seen,
            kept,
            bytes_left: copies.saturating_mul(NAMED_BYTES_OF_COPY),
            unnamed: 0,
        }
    }

    /// The copy that is kept instead of this one; none where this one is.
    pub(super) fn kept_instead_of(&self, number: usize) -> Option<&'s Seen<'s>> {
        let kept = self.kept[number];
        (kept != number).then(|| &self.seen[kept])
    }

    /// Whether there is room to name this path; counts where there is none.
    pub(super) fn name(&mut self, path: &str) -> bool {
        let left = self.bytes_left.checked_sub(path.len());
        self.bytes_left = left.unwrap_or(self.bytes_left);
        self.unnamed += usize::from(left.is_none());
        left.is_some()
    }
}
