//! A tree as bytes, for the way from the worker to the page: the page reads it in a fraction of the time that JSON takes.
//!
//! Numbers are written in groups of seven bits, lowest first, with the eighth bit where more follow (LEB128). Both ends are
//! built together, so there is no version.

use estiva_shared::image::{Aspects, Change, EntryKind};

use super::{DifferenceTree, Node};

const KINDS: [EntryKind; 7] = [
    EntryKind::File,
    EntryKind::Directory,
    EntryKind::Symlink,
    EntryKind::Hardlink,
    EntryKind::CharDevice,
    EntryKind::BlockDevice,
    EntryKind::Fifo,
];
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
        number(&mut bytes, self.shortened() as u64);
        number(&mut bytes, self.len() as u64);
        for node in self.nodes() {
            let kind = KINDS.iter().position(|kind| *kind == node.kind);
            let change = CHANGES.iter().position(|change| *change == node.change);
            let mut first =
                kind.unwrap_or_default() as u8 | (change.unwrap_or_default() as u8) << KIND_BITS;
            if node.link.is_some() {
                first |= HAS_LINK;
            }
            bytes.push(first);
            bytes.push(node.aspects.bits());
            number(
                &mut bytes,
                node.parent.map_or(0, |parent| parent as u64 + 1),
            );
            text(&mut bytes, &node.name);
            number(&mut bytes, node.total_bytes);
            number(&mut bytes, u64::from(node.mode));
            number(&mut bytes, node.owner.0);
            number(&mut bytes, node.owner.1);
            if let Some(link) = &node.link {
                text(&mut bytes, link);
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

fn number(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    number(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
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
            kind: *KINDS.get(usize::from(kind))?,
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
        let mut value = 0u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn index(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn text(&mut self) -> Option<String> {
        let length = self.index()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::difference_tree::DifferencePath;
    use crate::state::difference_tree::tests::{entry, sample};

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
