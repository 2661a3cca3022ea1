//! What a program or library says of itself: its ELF header, its segments and sections, the libraries that it needs, and what
//! protects it.
//!
//! The bytes come through [`ReadAt`], so that a program of gigabytes costs a few kilobytes; an error of the source ends the
//! reading and is passed on. What a file gets wrong doesn't: it is named in [`Elf::faults`], and what else can be read, is.
//!
//! Specification: System V ABI (gABI), chapter 4 "Object Files" and chapter 5 "Program Loading and Dynamic Linking"; elf(5)
//! for what GNU adds.

mod dynamic;
pub(crate) mod fields;
pub mod names;

use std::io;

use thiserror::Error;

use self::fields::{HEADER_BYTES, Header, Layout, ProgramHeader, SectionHeader, Table};
use crate::image::ReadAt;

/// Most segments that are read: usual programs have 15.
pub const SEGMENTS_MAX: u64 = 256;

/// Most sections that are read: the largest object files of C++ have some thousand.
pub const SECTIONS_MAX: u64 = 4096;

/// Most bytes of one string, such as a library's name: no path of Linux is longer (PATH_MAX).
pub const STRING_BYTES_MAX: usize = 4096;

/// Most bytes of all the sections' names: 4,096 of them have 100 kB in real files.
const NAMES_BYTES_MAX: u64 = 1 << 20;

/// Most bytes of notes that are looked through.
const NOTES_BYTES_MAX: u64 = 64 << 10;

/// Most faults that are named: one broken table could have thousands.
const FAULTS_MAX: usize = 20;

/// A program whose machine code is not there for people: what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elf {
    /// Bits of an address: 32 or 64.
    pub bits: u8,
    /// The least significant byte first.
    pub is_little_endian: bool,
    /// The ABI of the operating system, see [`names::abi`], and its version.
    pub abi: (u8, u8),
    /// What it is.
    pub kind: Kind,
    /// The machine, see [`names::machine`].
    pub machine: u16,
    /// The machine's own flags.
    pub flags: u32,
    /// Address of its first instruction; 0 where it has none.
    pub entry: u64,
    /// The program that loads it and its libraries.
    pub interpreter: Option<String>,
    /// The libraries that it needs (DT_NEEDED), in the order in which they are looked for.
    pub needed: Vec<String>,
    /// The name that it goes by as a library (DT_SONAME).
    pub soname: Option<String>,
    /// Where its libraries are looked for (DT_RPATH, of old).
    pub rpath: Option<String>,
    /// Where its libraries are looked for (DT_RUNPATH).
    pub runpath: Option<String>,
    /// What identifies its build (NT_GNU_BUILD_ID), in hexadecimal digits.
    pub build_id: Option<String>,
    /// How much of what the loader resolves is read-only afterwards.
    pub relro: Relro,
    /// Whether its stack may hold code.
    pub stack: Stack,
    /// It has no table of symbols any more.
    pub is_stripped: bool,
    /// It has what a debugger needs.
    pub has_debug: bool,
    /// It is a program that needs neither loader nor libraries.
    pub is_static: bool,
    /// The segments that are loaded, and the others.
    pub segments: Vec<Segment>,
    /// The sections.
    pub sections: Vec<Section>,
    /// What it gets wrong: expected, found, and where.
    pub faults: Vec<String>,
}

/// What an ELF file is (e_type).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An object file, to be linked.
    Relocatable,
    /// A program that lies at fixed addresses.
    Executable,
    /// A program that can lie anywhere.
    PositionIndependent,
    /// A library.
    Library,
    /// The memory of a program that fell over.
    Core,
    /// Another, of this number.
    Other(u16),
}

/// How much of what the loader resolves is read-only afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relro {
    /// Nothing.
    None,
    /// All but the table of functions that are resolved when they are first called.
    Partial,
    /// All.
    Full,
}

/// Whether a program's stack may hold code (PT_GNU_STACK).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// It may not.
    NotExecutable,
    /// It may.
    Executable,
    /// It does not say; the machine's custom decides.
    Unsaid,
}

/// A part of the file that is mapped, or says how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its type, see [`names::segment`].
    pub kind: u32,
    /// `r`, `w` and `x`, or `-`.
    pub access: String,
    /// Where it begins in the file.
    pub offset: u64,
    /// Where it begins in memory.
    pub address: u64,
    /// Its bytes in the file.
    pub file_bytes: u64,
    /// Its bytes in memory.
    pub memory_bytes: u64,
}

/// A part of the file that linkers and debuggers know by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Its type, see [`names::section`].
    pub kind: u32,
    /// Where it begins in the file.
    pub offset: u64,
    /// Its bytes; of NOBITS, in memory only.
    pub size_bytes: u64,
}

/// Why there is nothing to say of a file.
#[derive(Debug, Error)]
pub enum ElfError {
    /// It is none.
    #[error("expected an ELF file, but its first bytes are others")]
    NotElf,
    /// It ends inside its header.
    #[error("expected an ELF header of {expected} bytes, but the file ends after {found}")]
    Short {
        /// Bytes of the header.
        expected: usize,
        /// Bytes of the file.
        found: usize,
    },
    /// The source failed.
    #[error("reading it failed: {0}")]
    Io(#[from] io::Error),
}

const NOBITS: u32 = 8;

/// Reads what a file says of itself.
///
/// # Errors
/// No ELF file, one that ends inside its header, and what the source answers.
pub fn read(source: &dyn ReadAt) -> Result<Elf, ElfError> {
    let head = read_part(source, 0, HEADER_BYTES)?;
    let layout = Layout::of(&head).ok_or(ElfError::NotElf)?;
    let header = Header::of(layout, &head).ok_or(ElfError::Short {
        expected: if layout.is_wide { 64 } else { 52 },
        found: head.len(),
    })?;
    let mut reader = Reader {
        source,
        layout,
        faults: Vec::new(),
    };
    let (headers, segments) = reader.tables(&header)?;
    let sections = reader.sections(&headers, header.names)?;
    let dynamic = reader.dynamic(&segments)?;
    let interpreter = reader.interpreter(&segments)?;
    let build_id = reader.build_id(&segments, &headers)?;
    let is_program = dynamic.is_pie || (interpreter.is_some() && dynamic.soname.is_none());
    let kind = match header.kind {
        1 => Kind::Relocatable,
        2 => Kind::Executable,
        3 if is_program => Kind::PositionIndependent,
        3 => Kind::Library,
        4 => Kind::Core,
        other => Kind::Other(other),
    };
    let of_kind = |kind: u32| segments.iter().find(|segment| segment.kind == kind);
    Ok(Elf {
        bits: if layout.is_wide { 64 } else { 32 },
        is_little_endian: layout.is_little,
        abi: (head[7], head[8]),
        kind,
        machine: header.machine,
        flags: header.flags,
        entry: header.entry,
        relro: match of_kind(0x6474_e552) {
            None => Relro::None,
            Some(_) if dynamic.binds_now => Relro::Full,
            Some(_) => Relro::Partial,
        },
        stack: match of_kind(0x6474_e551) {
            None => Stack::Unsaid,
            Some(segment) if segment.flags & 1 != 0 => Stack::Executable,
            Some(_) => Stack::NotExecutable,
        },
        is_stripped: !headers.iter().any(|section| section.kind == 2),
        has_debug: sections
            .iter()
            .any(|section| matches!(section.name.as_str(), ".debug_info" | ".zdebug_info")),
        is_static: matches!(kind, Kind::Executable | Kind::PositionIndependent)
            && interpreter.is_none()
            && dynamic.needed.is_empty(),
        interpreter,
        needed: dynamic.needed,
        soname: dynamic.soname,
        rpath: dynamic.rpath,
        runpath: dynamic.runpath,
        build_id,
        segments: segments.iter().map(Segment::of).collect(),
        sections,
        faults: reader.faults,
    })
}

impl Segment {
    fn of(header: &ProgramHeader) -> Self {
        let bit = |bit: u32, letter| if header.flags & bit != 0 { letter } else { '-' };
        Self {
            kind: header.kind,
            access: [bit(4, 'r'), bit(2, 'w'), bit(1, 'x')].iter().collect(),
            offset: header.offset,
            address: header.address,
            file_bytes: header.file_bytes,
            memory_bytes: header.memory_bytes,
        }
    }
}

/// A file on its way through this module.
struct Reader<'a> {
    source: &'a dyn ReadAt,
    layout: Layout,
    faults: Vec<String>,
}

impl Reader<'_> {
    fn fault(&mut self, fault: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    /// Both tables, as far as they can be read.
    fn tables(
        &mut self,
        header: &Header,
    ) -> Result<(Vec<SectionHeader>, Vec<ProgramHeader>), ElfError> {
        let layout = self.layout;
        let (mut sections, mut segments) = (header.sections, header.segments);
        // Counts that have no room in the header stand in the first section (gABI, "ELF Header", e_shnum and e_phnum).
        if sections.offset != 0 && (sections.count == 0 || segments.count == 0xffff) {
            let first = read_part(
                self.source,
                sections.offset,
                layout.section_bytes() as usize,
            )?;
            if let Some(first) = SectionHeader::of(layout, &first) {
                if sections.count == 0 {
                    sections.count = first.size_bytes;
                }
                if segments.count == 0xffff {
                    segments.count = first.info;
                }
            }
        }
        let sections = self.table(sections, layout.section_bytes(), SECTIONS_MAX, "sections")?;
        let segments = self.table(segments, layout.segment_bytes(), SEGMENTS_MAX, "segments")?;
        let of_section = |bytes: &[u8]| SectionHeader::of(layout, bytes);
        let of_segment = |bytes: &[u8]| ProgramHeader::of(layout, bytes);
        Ok((
            sections
                .chunks(layout.section_bytes() as usize)
                .filter_map(of_section)
                .collect(),
            segments
                .chunks(layout.segment_bytes() as usize)
                .filter_map(of_segment)
                .collect(),
        ))
    }

    /// The bytes of a table's entries, as many as are read of it.
    fn table(
        &mut self,
        table: Table,
        entry_bytes: u64,
        most: u64,
        name: &str,
    ) -> Result<Vec<u8>, ElfError> {
        if table.count == 0 || table.offset == 0 {
            return Ok(Vec::new());
        }
        if table.entry_bytes != entry_bytes {
            self.fault(format!(
                "table of {name}: expected entries of {entry_bytes} bytes, but found {}",
                table.entry_bytes
            ));
            return Ok(Vec::new());
        }
        if table.count > most {
            self.fault(format!(
                "table of {name}: expected at most {most} entries, but found {}; the first are read",
                table.count
            ));
        }
        // At most 4,096 entries of 64 bytes.
        let bytes = (table.count.min(most) * entry_bytes) as usize;
        let found = read_part(self.source, table.offset, bytes)?;
        if found.len() < bytes {
            self.fault(format!(
                "table of {name}: expected {bytes} bytes from offset {} on, but the file has {}",
                table.offset,
                found.len()
            ));
        }
        Ok(found)
    }

    fn sections(
        &mut self,
        headers: &[SectionHeader],
        names: u64,
    ) -> Result<Vec<Section>, ElfError> {
        // A number that has no room in the header stands in the first section too.
        let names = match (names, headers.first()) {
            (0xffff, Some(first)) => first.link,
            (names, _) => names,
        };
        let table = usize::try_from(names)
            .ok()
            .and_then(|names| headers.get(names));
        let texts = match table.filter(|_| names != 0) {
            Some(table) => {
                let bytes = table.size_bytes.min(NAMES_BYTES_MAX);
                read_part(self.source, table.offset, bytes as usize)?
            }
            None => Vec::new(),
        };
        if names != 0 && table.is_none() && !headers.is_empty() {
            self.fault(format!(
                "names of the sections: expected them in one of {} sections, but found number {names}",
                headers.len()
            ));
        }
        let size = self.source.size();
        let mut sections = Vec::with_capacity(headers.len());
        for (number, header) in headers.iter().enumerate() {
            let is_past = header.offset.saturating_add(header.size_bytes) > size;
            if is_past && !matches!(header.kind, 0 | NOBITS) {
                self.fault(format!(
                    "section {number}: expected it to end by byte {size}, but found {} bytes from offset {} on",
                    header.size_bytes, header.offset
                ));
            }
            let name = usize::try_from(header.name)
                .ok()
                .and_then(|at| texts.get(at..));
            sections.push(Section {
                name: string(name.unwrap_or_default()),
                kind: header.kind,
                offset: header.offset,
                size_bytes: header.size_bytes,
            });
        }
        // The first is there by rule and says nothing.
        if headers.first().is_some_and(|first| first.kind == 0) {
            sections.remove(0);
        }
        Ok(sections)
    }

    fn interpreter(&mut self, segments: &[ProgramHeader]) -> Result<Option<String>, ElfError> {
        let Some(segment) = segments.iter().find(|segment| segment.kind == 3) else {
            return Ok(None);
        };
        let bytes = segment.file_bytes.min(STRING_BYTES_MAX as u64) as usize;
        let found = read_part(self.source, segment.offset, bytes)?;
        if found.is_empty() {
            self.fault(format!(
                "interpreter: expected its path at offset {}, but the file has no byte there",
                segment.offset
            ));
            return Ok(None);
        }
        Ok(Some(string(&found)))
    }

    /// The build's identification, from the segments of notes, or from the sections of an object file.
    fn build_id(
        &mut self,
        segments: &[ProgramHeader],
        sections: &[SectionHeader],
    ) -> Result<Option<String>, ElfError> {
        let in_segments = segments.iter().filter(|segment| segment.kind == 4);
        let in_segments = in_segments.map(|segment| (segment.offset, segment.file_bytes));
        let in_sections = sections.iter().filter(|section| section.kind == 7);
        let in_sections = in_sections.map(|section| (section.offset, section.size_bytes));
        let mut left = NOTES_BYTES_MAX;
        for (offset, bytes) in in_segments.chain(in_sections) {
            let bytes = bytes.min(left);
            left -= bytes;
            let notes = read_part(self.source, offset, bytes as usize)?;
            if let Some(id) = dynamic::build_id(self.layout, &notes) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

/// At most so many bytes from an offset on; fewer at the end of the source.
fn read_part(source: &dyn ReadAt, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
    // What a header claims is not allocated before it is known to be there.
    let left = source.size().saturating_sub(offset);
    let mut found = vec![0; bytes.min(usize::try_from(left).unwrap_or(usize::MAX))];
    let mut filled = 0;
    while filled < found.len() {
        match source.read_at(offset + filled as u64, &mut found[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    found.truncate(filled);
    Ok(found)
}

/// The text up to the first NUL, of a length that names have.
fn string(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(STRING_BYTES_MAX)];
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
