//! What the analyses of one archive may take of memory together.
//!
//! A layer is read and kept once, but each image that names it, and each time that it does, lists what is in it. So every use
//! is paid for before it is made, by what the lists will hold.

use super::super::LayerIndex;
use super::super::problems::bytes_of;
use super::super::waste::NAMED_BYTES_OF_COPY;

/// What an entry takes beside its names: in its layer's list, and of the tree, the wasted and the removed at most in two; and
/// what may name its other copy.
const ENTRY_BYTES: usize = 500 + NAMED_BYTES_OF_COPY;

/// How often an entry's path is copied: once for each of these lists.
const PATH_COPIES: usize = 3;

/// How often what a layer's contents told is copied: into the lists of what an image holds, with an address of each package.
const FACT_COPIES: usize = 3;

/// What one byte of a config may become: `{}` in its history is a line of 80 bytes.
const BYTES_OF_CONFIG_BYTE: usize = 32;

/// What is left.
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self { left: bytes }
    }

    /// Pays for one use; answers whether there was enough.
    pub(super) fn pay(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}

/// What showing a layer once takes.
pub(super) fn cost_of_layer(index: &LayerIndex) -> usize {
    let entries = index.entries.iter().map(|entry| {
        ENTRY_BYTES + PATH_COPIES * (entry.path.len() + entry.link.as_deref().map_or(0, str::len))
    });
    let marks = index.whiteouts.iter().chain(&index.opaque);
    let problems = index.problems.iter().map(bytes_of);
    entries
        .chain(marks.map(String::len))
        .chain(problems)
        .chain([FACT_COPIES * index.facts.bytes()])
        .fold(ENTRY_BYTES, usize::saturating_add)
}

/// What showing a config once takes.
pub(super) fn cost_of_config(bytes: usize) -> usize {
    bytes.saturating_mul(BYTES_OF_CONFIG_BYTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_costs_nothing() {
        let mut budget = Budget::new(10);
        assert!(budget.pay(9));
        assert!(!budget.pay(2));
        assert!(budget.pay(1));
        assert!(!budget.pay(1));
    }
}
