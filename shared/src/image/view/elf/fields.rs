//! The fixed parts of an ELF file: its identification, its header, and the entries of its two tables.
//!
//! Apart from the reader, because a program that streams by is looked at through the same headers (see `holdings`).
//!
//! Specification: System V ABI (gABI), chapter 4, "ELF Header", "Sections", and chapter 5, "Program Header".

/// Bytes that the longest header takes.
pub(crate) const HEADER_BYTES: usize = 64;

/// How the numbers of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Addresses of 64 bits.
    pub(crate) is_wide: bool,
    /// The least significant byte first.
    pub(crate) is_little: bool,
}

impl Layout {
    /// The layout that an ELF file's first bytes name; none where they are no ELF file's.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        let [0x7f, b'E', b'L', b'F', class @ (1 | 2), order @ (1 | 2), ..] = head else {
            return None;
        };
        Some(Self {
            is_wide: *class == 2,
            is_little: *order == 1,
        })
    }

    /// A number of so many bytes, where there are so many.
    pub(crate) fn number(self, bytes: &[u8], at: usize, count: usize) -> Option<u64> {
        let field = bytes.get(at..at.checked_add(count)?)?;
        let push = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(match self.is_little {
            true => field.iter().rev().fold(0, push),
            false => field.iter().fold(0, push),
        })
    }

    /// A field that lies elsewhere, and is as long as an address, where addresses have 64 bits.
    fn word(self, bytes: &[u8], narrow: usize, wide: usize) -> Option<u64> {
        match self.is_wide {
            true => self.number(bytes, wide, 8),
            false => self.number(bytes, narrow, 4),
        }
    }

    /// A field of a fixed length that lies elsewhere where addresses have 64 bits.
    fn field(self, bytes: &[u8], (narrow, wide): (usize, usize), count: usize) -> Option<u64> {
        self.number(bytes, if self.is_wide { wide } else { narrow }, count)
    }

    /// Bytes of an address.
    pub(crate) fn word_bytes(self) -> usize {
        if self.is_wide { 8 } else { 4 }
    }

    /// Bytes of a program header.
    pub(crate) fn segment_bytes(self) -> u64 {
        if self.is_wide { 56 } else { 32 }
    }

    /// Bytes of a section header.
    pub(crate) fn section_bytes(self) -> u64 {
        if self.is_wide { 64 } else { 40 }
    }
}

/// A table as the header names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// Offset of its first entry in the file.
    pub(crate) offset: u64,
    /// Bytes from one entry to the next.
    pub(crate) entry_bytes: u64,
    /// Entries.
    pub(crate) count: u64,
}

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: u16,
    pub(crate) machine: u16,
    pub(crate) entry: u64,
    pub(crate) flags: u32,
    pub(crate) segments: Table,
    pub(crate) sections: Table,
    /// The section that holds the sections' names.
    pub(crate) names: u64,
}

impl Header {
    /// Reads it from a file's first bytes; none where they end before it does.
    pub(crate) fn of(layout: Layout, head: &[u8]) -> Option<Self> {
        let short = |narrow, wide| layout.field(head, (narrow, wide), 2);
        Some(Self {
            kind: layout.number(head, 16, 2)? as u16,
            machine: layout.number(head, 18, 2)? as u16,
            entry: layout.word(head, 24, 24)?,
            flags: layout.field(head, (36, 48), 4)? as u32,
            segments: Table {
                offset: layout.word(head, 28, 32)?,
                entry_bytes: short(42, 54)?,
                count: short(44, 56)?,
            },
            sections: Table {
                offset: layout.word(head, 32, 40)?,
                entry_bytes: short(46, 58)?,
                count: short(48, 60)?,
            },
            names: short(50, 62)?,
        })
    }
}

/// An entry of the table of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProgramHeader {
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) file_bytes: u64,
    pub(crate) memory_bytes: u64,
}

impl ProgramHeader {
    /// Reads one from its first byte on; none where the bytes end before it does.
    pub(crate) fn of(layout: Layout, bytes: &[u8]) -> Option<Self> {
        Some(Self {
            kind: layout.number(bytes, 0, 4)? as u32,
            flags: layout.field(bytes, (24, 4), 4)? as u32,
            offset: layout.word(bytes, 4, 8)?,
            address: layout.word(bytes, 8, 16)?,
            file_bytes: layout.word(bytes, 16, 32)?,
            memory_bytes: layout.word(bytes, 20, 40)?,
        })
    }
}

/// An entry of the table of sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SectionHeader {
    /// Where its name begins among the names.
    pub(crate) name: u64,
    pub(crate) kind: u32,
    pub(crate) offset: u64,
    pub(crate) size_bytes: u64,
    pub(crate) link: u64,
    pub(crate) info: u64,
}

impl SectionHeader {
    /// Reads one from its first byte on; none where the bytes end before it does.
    pub(crate) fn of(layout: Layout, bytes: &[u8]) -> Option<Self> {
        Some(Self {
            name: layout.number(bytes, 0, 4)?,
            kind: layout.number(bytes, 4, 4)? as u32,
            offset: layout.word(bytes, 16, 24)?,
            size_bytes: layout.word(bytes, 20, 32)?,
            link: layout.field(bytes, (24, 40), 4)?,
            info: layout.field(bytes, (28, 44), 4)?,
        })
    }
}
