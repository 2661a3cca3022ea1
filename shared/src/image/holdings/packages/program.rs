//! A program as it streams by: the parts of an ELF file that hold data are searched for what compilers write of its making.
//!
//! Nothing is jumped to: the program headers stand at the beginning and say which bytes are data; those are looked through,
//! and what is found is kept up to a limit. So a header that points everywhere, or a length that lies, leads nowhere.
//!
//! Specification: elf(5), "Elf header (Ehdr)" and "Program header (Phdr)".

use super::super::UnreadReason;
use super::super::facts::PackageFact;
use super::{cargo, go};
use crate::image::view::elf::fields::{Header, Layout, ProgramHeader};

/// Bytes of a file's beginning that the headers are read from.
pub(in super::super) const HEAD_BYTES: usize = 4096;

/// Most program headers that are read: usual programs have 15.
const SEGMENTS_MAX: usize = 64;

/// Bytes that are searched at once.
const WINDOW_BYTES: usize = 32 << 10;

/// Bytes that stay when the next ones come: as many as it takes to tell what begins there; a multiple of 16.
const OVERLAP_BYTES: usize = 128;

/// Most bytes that are kept from a find on: Kubernetes' largest programs have 30 kB of modules.
const KEPT_BYTES_MAX: usize = 256 << 10;

/// What a program told.
pub(in super::super) enum Found {
    Packages(Vec<PackageFact>),
    Unread(UnreadReason),
}

/// What the kept bytes are.
#[derive(Clone, Copy)]
enum Kept {
    Go,
    Cargo,
}

/// An ELF program on its way.
pub(in super::super) struct Program {
    /// Where data lies in the file.
    data: Vec<(u64, u64)>,
    /// Offset of the next byte.
    at: u64,
    /// Bytes of data that are not searched yet, and the offset of the first.
    window: Vec<u8>,
    window_at: u64,
    kept: Option<(Kept, Vec<u8>)>,
    is_old_go: bool,
}

impl Program {
    /// Begins with a file's first bytes, which are not consumed; none where they are no ELF program with data.
    pub(in super::super) fn begin(head: &[u8]) -> Option<Self> {
        let data = data_segments(head)?;
        Some(Self {
            data,
            at: 0,
            window: Vec::new(),
            window_at: 0,
            kept: None,
            is_old_go: false,
        })
    }

    /// Takes the next bytes. `probes` is how often something may still be inflated to see what it is.
    pub(in super::super) fn feed(&mut self, piece: &[u8], probes: &mut u32) {
        let (begin, end) = (self.at, self.at.saturating_add(piece.len() as u64));
        self.at = end;
        if let Some((_, kept)) = &mut self.kept {
            let room = KEPT_BYTES_MAX.saturating_sub(kept.len());
            kept.extend_from_slice(&piece[..piece.len().min(room)]);
            return;
        }
        for number in 0..self.data.len() {
            let (from, to) = self.data[number];
            let (from, to) = (from.max(begin), to.min(end));
            if from >= to {
                continue;
            }
            // Both lie in the piece, so they fit a usize.
            let mut taken = (from - begin) as usize;
            let part = &piece[taken..(to - begin) as usize];
            if self.window_at.saturating_add(self.window.len() as u64) != from {
                self.search(true, probes);
                self.window.clear();
                // From a multiple of 16 on, as the file counts.
                self.window_at = from;
            }
            for chunk in part.chunks(WINDOW_BYTES) {
                self.window.extend_from_slice(chunk);
                self.search(false, probes);
                taken += chunk.len();
                if let Some((_, kept)) = &mut self.kept {
                    let room = KEPT_BYTES_MAX.saturating_sub(kept.len());
                    let rest = &piece[taken..];
                    kept.extend_from_slice(&rest[..rest.len().min(room)]);
                    return;
                }
            }
        }
    }

    /// What was found, once the file is at its end.
    pub(in super::super) fn finish(mut self, probes: &mut u32) -> Option<Found> {
        if self.kept.is_none() {
            self.search(true, probes);
        }
        let packages = match &self.kept {
            Some((Kept::Go, bytes)) => go::modules(bytes),
            Some((Kept::Cargo, bytes)) => cargo::crates(bytes),
            None => return self.is_old_go.then_some(Found::Unread(UnreadReason::OldGo)),
        };
        Some(packages.map_or(Found::Unread(UnreadReason::Malformed), Found::Packages))
    }

    /// Searches the window; all of it at the end of a segment, else but for the overlap, which stays.
    fn search(&mut self, is_end: bool, probes: &mut u32) {
        let end = match is_end {
            true => self.window.len(),
            false if self.window.len() < WINDOW_BYTES => return,
            false => self.window.len() - OVERLAP_BYTES,
        };
        let found = self.find_go(end).or_else(|| self.find_cargo(end, probes));
        if let Some((kind, at)) = found {
            self.kept = Some((kind, self.window.split_off(at)));
            self.window = Vec::new();
            return;
        }
        // Aligned as the file is, since Go's mark is.
        self.window.drain(..end);
        self.window_at += end as u64;
    }

    fn find_go(&mut self, end: usize) -> Option<(Kept, usize)> {
        let first = (16 - (self.window_at % 16) as usize) % 16;
        for at in (first..end).step_by(16) {
            if self.window[at] == go::MAGIC[0] && self.window[at..].starts_with(go::MAGIC) {
                match go::start(&self.window[at..]) {
                    go::Start::Inline => return Some((Kept::Go, at)),
                    go::Start::Old => self.is_old_go = true,
                    go::Start::Other => {}
                }
            }
        }
        None
    }

    fn find_cargo(&self, end: usize, probes: &mut u32) -> Option<(Kept, usize)> {
        for at in memchr::memchr_iter(0x78, &self.window[..end]) {
            let here = &self.window[at..];
            if !cargo::may_begin(here) {
                continue;
            }
            *probes = probes.checked_sub(1)?;
            if cargo::begins(here) {
                return Some((Kept::Cargo, at));
            }
        }
        None
    }
}

/// Where a program's segments that are loaded, but not run, lie in its file; none where there are none or it is no ELF file.
fn data_segments(head: &[u8]) -> Option<Vec<(u64, u64)>> {
    const LOADED: u32 = 1;
    const RUN: u32 = 1;
    let layout = Layout::of(head)?;
    let table = Header::of(layout, head)?.segments;
    let mut data = Vec::new();
    for number in 0..table.count.min(SEGMENTS_MAX as u64) {
        let at = number.checked_mul(table.entry_bytes)?;
        let at = usize::try_from(table.offset.checked_add(at)?).ok()?;
        let segment = ProgramHeader::of(layout, head.get(at..)?)?;
        if segment.kind == LOADED && segment.flags & RUN == 0 {
            let end = segment.offset.saturating_add(segment.file_bytes);
            data.push((segment.offset, end));
        }
    }
    data.sort_unstable();
    // Each byte is looked at once, whatever the headers say.
    for number in 1..data.len() {
        data[number].0 = data[number].0.max(data[number - 1].1);
        data[number].1 = data[number].1.max(data[number].0);
    }
    (!data.is_empty()).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit program of one data segment, which begins at `offset` and claims `length` bytes.
    fn elf(offset: u64, length: u64) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&1u16.to_le_bytes());
        bytes[64..68].copy_from_slice(&1u32.to_le_bytes());
        bytes[68..72].copy_from_slice(&6u32.to_le_bytes());
        bytes[72..80].copy_from_slice(&offset.to_le_bytes());
        bytes[96..104].copy_from_slice(&length.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8], step: usize) -> Option<Found> {
        let mut probes = 1000;
        let mut program = Program::begin(&bytes[..bytes.len().min(HEAD_BYTES)])?;
        for piece in bytes.chunks(step) {
            program.feed(piece, &mut probes);
        }
        program.finish(&mut probes)
    }

    fn names(found: Option<Found>) -> Vec<String> {
        match found {
            Some(Found::Packages(packages)) => packages
                .iter()
                .map(|found| found.name.to_string())
                .collect(),
            _ => Vec::new(),
        }
    }

    fn go_program(at: usize) -> Vec<u8> {
        let text = format!(
            "{}mod\tapp\tv1\ndep\tother\tv2\n{}",
            "0".repeat(16),
            "1".repeat(16)
        );
        let mut bytes = elf(512, 1 << 20);
        bytes.resize(at, 0xff);
        bytes.extend(go::MAGIC);
        bytes.extend([8, 2]);
        bytes.extend([0; 16]);
        bytes.extend([6]);
        bytes.extend(b"go1.22");
        bytes.extend([text.len() as u8]);
        bytes.extend(text.as_bytes());
        bytes.extend([7; 1000]);
        bytes
    }

    #[test]
    fn modules_are_found_wherever_they_lie_and_however_the_bytes_come() {
        for at in [512, 4096, 32 * 1024 + 496, 32 * 1024 + 512, 100_000] {
            let at = at / 16 * 16;
            let bytes = go_program(at);
            for step in [100, 4096, 65_536, 1 << 20] {
                assert_eq!(
                    names(read(&bytes, step)),
                    ["stdlib", "app", "other"],
                    "at {at} by {step}"
                );
            }
        }
        assert!(
            names(read(&go_program(520), 4096)).is_empty(),
            "the mark is aligned"
        );
        assert!(
            names(read(&go_program(256), 4096)).is_empty(),
            "it lies in the data"
        );
    }

    #[test]
    fn crates_are_found_in_the_data() {
        let list = cargo::tests::list(
            r#"{"packages":[{"name":"app","version":"1.0.0","root":true},{"name":"dep","version":"2.0.0"}]}"#,
        );
        for at in [300, 40_001, 32 * 1024 - 50] {
            let mut bytes = elf(128, 1 << 20);
            bytes.resize(at, b'x');
            bytes.extend(&list);
            bytes.extend([0; 5000]);
            for step in [77, 8192, 1 << 20] {
                assert_eq!(
                    names(read(&bytes, step)),
                    ["app", "dep"],
                    "at {at} by {step}"
                );
            }
        }
    }

    #[test]
    fn headers_that_point_everywhere_lead_nowhere() {
        for (offset, length) in [
            (u64::MAX, u64::MAX),
            (0, u64::MAX),
            (u64::MAX - 5, 100),
            (1 << 40, 1),
        ] {
            let mut bytes = elf(offset, length);
            bytes.resize(100_000, 0x78);
            assert!(read(&bytes, 4096).is_none());
        }
        let mut table = elf(0, 100);
        table[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
        table[54..58].fill(0xff);
        assert!(Program::begin(&table).is_none());
        assert!(Program::begin(b"\x7fELF\x02\x01").is_none());
        assert!(Program::begin(b"#!/bin/sh").is_none());
    }

    #[test]
    fn segments_over_each_other_are_searched_once() {
        let mut bytes = elf(0, 1000);
        bytes[56..58].copy_from_slice(&3u16.to_le_bytes());
        let header = bytes[64..120].to_vec();
        bytes.extend(&header);
        bytes.extend(&header);
        let data = data_segments(&bytes).unwrap();
        assert_eq!(data.iter().map(|(from, to)| to - from).sum::<u64>(), 1000);
    }

    #[test]
    fn what_looks_like_a_list_is_tried_so_often_and_no_more() {
        let mut bytes = elf(0, 1 << 20);
        bytes.extend([0x78, 0xda, 0].repeat(50_000));
        let mut probes = 10;
        let mut program = Program::begin(&bytes[..HEAD_BYTES]).unwrap();
        program.feed(&bytes, &mut probes);
        assert!(program.finish(&mut probes).is_none());
        assert_eq!(probes, 0);
    }
}
