//! A tree as bytes, for the way from the worker to the page: the page reads it in a fraction of the time that JSON takes.
//!
//! Both ends are built together, so there is no version.

use estiva_shared::image::{Aspects, Change, EntryKind};
use estiva_shared::packed::{self, put, put_bytes};

use super::{DifferenceTree, Node};

const CHANGES: [Option<Change>; 4] = [
    None,
    Some(Change::Added),
    Some(Change::Changed),
    Some(Change::Removed),
];

// What a node's first byte holds: its kind and change as places in the lists above, and what of the rest is there.
const KIND_BITS: u8 = 3;
const CHANGE_BITS: u8 = 2;
const HAS_LINK: u8 = 1 << 5;

impl DifferenceTree {
    /// The tree as bytes.
    pub fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len() * 24);
        put(&mut bytes, self.shortened() as u64);
        put(&mut bytes, self.len() as u64);
        for node in self.nodes() {
            let kind = EntryKind::ALL.iter().position(|kind| *kind == node.kind);
            let change = CHANGES.iter().position(|change| *change == node.change);
            let mut first =
                kind.unwrap_or_default() as u8 | (change.unwrap_or_default() as u8) << KIND_BITS;
            if node.link.is_some() {
                first |= HAS_LINK;
            }
            bytes.push(first);
            bytes.push(node.aspects.bits());
            put(
                &mut bytes,
                node.parent.map_or(0, |parent| parent as u64 + 1),
            );
            put_bytes(&mut bytes, node.name.as_bytes());
            put(&mut bytes, node.total_bytes);
            put(&mut bytes, u64::from(node.mode));
            put(&mut bytes, node.owner.0);
            put(&mut bytes, node.owner.1);
            if let Some(link) = &node.link {
                put_bytes(&mut bytes, link.as_bytes());
            }
        }
        bytes
    }

    /// The tree of bytes that [`DifferenceTree::pack`] wrote; `None` for others.
    pub fn unpack(bytes: &[u8]) -> Option<DifferenceTree> {
        let mut reader = Reader(bytes);
        let shortened = reader.index()?;
        let count = reader.index()?;
        // Each node takes several bytes, so a count beyond that is wrong.
        let mut nodes = Vec::with_capacity(count.min(bytes.len()));
        for _ in 0..count {
            nodes.push(reader.node()?);
        }
        DifferenceTree::of_nodes(nodes, shortened)
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn node(&mut self) -> Option<Node> {
        let first = self.byte()?;
        let aspects = Aspects::of_bits(self.byte()?);
        let kind = first & ((1 << KIND_BITS) - 1);
        let change = (first >> KIND_BITS) & ((1 << CHANGE_BITS) - 1);
        Some(Node {
            parent: self.index()?.checked_sub(1),
            name: self.text()?,
            kind: *EntryKind::ALL.get(usize::from(kind))?,
            change: *CHANGES.get(usize::from(change))?,
            total_bytes: self.number()?,
            mode: u32::try_from(self.number()?).ok()?,
            owner: (self.number()?, self.number()?),
            link: match first & HAS_LINK {
                0 => None,
                _ => Some(self.text()?),
            },
            aspects,
        })
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        packed::take(&mut self.0)
    }

    fn index(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn text(&mut self) -> Option<String> {
        packed::take_text(&mut self.0).map(String::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::difference_tree::DifferencePath;
    use crate::difference_tree::tests::{entry, sample};

    #[test]
    fn a_tree_is_the_same_after_its_way() {
        let special = DifferencePath {
            kind: EntryKind::Symlink,
            mode: 0o4777,
            owner: (u64::MAX, 300),
            link: Some("../ão"),
            aspects: Aspects::of_bits(u8::MAX),
            ..entry("a/b", u64::MAX, Change::Removed)
        };
        for tree in [
            sample(),
            DifferenceTree::of_paths([special].into_iter()),
            DifferenceTree::default(),
        ] {
            assert_eq!(DifferenceTree::unpack(&tree.pack()), Some(tree));
        }
    }

    #[test]
    fn bytes_that_are_no_tree_are_refused() {
        let whole = sample().pack();
        for end in 0..whole.len() {
            assert_eq!(DifferenceTree::unpack(&whole[..end]), None, "{end}");
        }
        // A count of 2^63, and a node that is its own parent.
        assert_eq!(
            DifferenceTree::unpack(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            None
        );
        assert_eq!(
            DifferenceTree::unpack(&[0, 1, 0, 0, 1, 0, 0, 0, 0, 0]),
            None
        );
    }
}
