//! The dynamic section, which says what the loader has to know, and the notes, of which one identifies the build.
//!
//! Specification: System V ABI (gABI), chapter 5, "Dynamic Section" and "Note Section"; elf(5) for DT_FLAGS_1 and
//! NT_GNU_BUILD_ID.

use super::fields::{Layout, ProgramHeader};
use super::{ElfError, Reader, STRING_BYTES_MAX, read_part, string};

/// Most entries of the dynamic section that are read: usual ones have 30, and one more for each library.
const ENTRIES_MAX: usize = 2048;

/// Most libraries that are named.
const NEEDED_MAX: usize = 512;

/// Most bytes of a build's identification: SHA-1 has 20, others have up to 64.
const BUILD_ID_BYTES_MAX: usize = 64;

/// What the dynamic section says.
#[derive(Debug, Default)]
pub(super) struct Dynamic {
    pub(super) needed: Vec<String>,
    pub(super) soname: Option<String>,
    pub(super) rpath: Option<String>,
    pub(super) runpath: Option<String>,
    /// All is resolved when the program starts.
    pub(super) binds_now: bool,
    pub(super) is_pie: bool,
}

impl Reader<'_> {
    pub(super) fn dynamic(&mut self, segments: &[ProgramHeader]) -> Result<Dynamic, ElfError> {
        let mut dynamic = Dynamic::default();
        let Some(segment) = segments.iter().find(|segment| segment.kind == 2) else {
            return Ok(dynamic);
        };
        let word = self.layout.word_bytes();
        let most = (ENTRIES_MAX * 2 * word) as u64;
        let bytes = segment.file_bytes.min(most) as usize;
        let entries = read_part(self.source, segment.offset, bytes)?;
        if entries.len() < bytes {
            self.fault(format!(
                "dynamic section: expected {bytes} bytes from offset {} on, but the file has {}",
                segment.offset,
                entries.len()
            ));
        }
        let (mut strings, mut strings_bytes) = (None, 0);
        let mut names = Vec::new();
        for entry in entries.chunks_exact(2 * word) {
            let number = |at| self.layout.number(entry, at, word).unwrap_or_default();
            let (tag, value) = (number(0), number(word));
            match tag {
                0 => break,
                1 | 14 | 15 | 29 => names.push((tag, value)),
                5 => strings = Some(value),
                10 => strings_bytes = value,
                24 => dynamic.binds_now = true,
                30 => dynamic.binds_now |= value & 8 != 0,
                0x6fff_fffb => {
                    dynamic.binds_now |= value & 1 != 0;
                    dynamic.is_pie = value & 0x0800_0000 != 0;
                }
                _ => {}
            }
        }
        let place = strings.and_then(|address| file_offset(segments, address));
        let Some(place) = place else {
            if !names.is_empty() {
                self.fault(format!(
                    "dynamic section: expected its strings in a loaded segment, but found address {}",
                    strings.map_or("none".to_owned(), |address| format!("{address:#x}"))
                ));
            }
            return Ok(dynamic);
        };
        for (tag, at) in names {
            let Some(text) = self.dynamic_string(place, strings_bytes, at)? else {
                continue;
            };
            match tag {
                1 if dynamic.needed.len() < NEEDED_MAX => dynamic.needed.push(text),
                1 => self.fault(format!(
                    "libraries: expected at most {NEEDED_MAX}, but found more"
                )),
                14 => dynamic.soname = Some(text),
                15 => dynamic.rpath = Some(text),
                _ => dynamic.runpath = Some(text),
            }
        }
        Ok(dynamic)
    }

    fn dynamic_string(
        &mut self,
        place: u64,
        bytes: u64,
        at: u64,
    ) -> Result<Option<String>, ElfError> {
        let left = bytes.saturating_sub(at).min(STRING_BYTES_MAX as u64);
        let offset = place.checked_add(at).filter(|_| left > 0);
        let Some(offset) = offset else {
            self.fault(format!(
                "dynamic section: expected a name in {bytes} bytes of strings, but found it at {at}"
            ));
            return Ok(None);
        };
        let text = read_part(self.source, offset, left as usize)?;
        Ok(Some(string(&text)))
    }
}

/// Where an address lies in the file.
fn file_offset(segments: &[ProgramHeader], address: u64) -> Option<u64> {
    let loaded = segments.iter().filter(|segment| segment.kind == 1);
    let mut places = loaded.filter_map(|segment| {
        let into = address.checked_sub(segment.address)?;
        (into < segment.file_bytes).then(|| segment.offset.checked_add(into))?
    });
    places.next()
}

/// The build's identification, where these notes have one.
pub(super) fn build_id(layout: Layout, notes: &[u8]) -> Option<String> {
    let mut rest = notes;
    // Each turn takes 12 bytes at least.
    while rest.len() >= 12 {
        let number = |at| layout.number(rest, at, 4).unwrap_or_default() as usize;
        let (name_bytes, value_bytes, kind) = (number(0), number(4), number(8));
        let value_at = 12_usize.checked_add(name_bytes.checked_next_multiple_of(4)?)?;
        let value_end = value_at.checked_add(value_bytes)?;
        let name = rest.get(12..12_usize.checked_add(name_bytes)?)?;
        let value = rest.get(value_at..value_end)?;
        if kind == 3 && name == b"GNU\0" && !value.is_empty() {
            let value = &value[..value.len().min(BUILD_ID_BYTES_MAX)];
            return Some(value.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        rest = rest.get(value_end.checked_next_multiple_of(4)?..)?;
    }
    None
}
