//! Any bytes looked at as a file: what it is, its text in colours, its header, and what it differs in from its own other half.
#![no_main]

use estiva_shared::image::view::{self, FileFormat, Sign, elf, highlight};
use libfuzzer_sys::fuzz_target;

/// One of each language; the input's first byte chooses.
const PATHS: [&str; 11] = [
    "a/run.sh",
    "a/Dockerfile",
    "a/x.json",
    "a/x.yaml",
    "etc/x.conf",
    "a/x.js",
    "a/x.py",
    "a/x.html",
    "a/x.c",
    "a/plain",
    "usr/bin/program",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, content)) = bytes.split_first() else {
        return;
    };
    let path = PATHS[usize::from(*choice) % PATHS.len()];
    let head = &content[..content.len().min(view::HEAD_BYTES)];
    if let FileFormat::Text(encoding, language) = view::format_of(head, path) {
        let text = view::decode(content, encoding, choice % 2 == 0);
        let mut state = highlight::State::default();
        for line in text.lines() {
            let (runs, next) = highlight::paint_line(language, state, line);
            let mut at = 0;
            for run in &runs {
                assert!(run.end > at && line.is_char_boundary(run.end));
                at = run.end;
            }
            assert!(runs.is_empty() || at == line.len());
            state = next;
        }
        let middle = text.floor_char_boundary(text.len() / 2);
        let (one, other) = text.split_at(middle);
        if let Ok(diff) = view::diff_lines(one, other) {
            let rows = || diff.hunks.iter().flat_map(|hunk| &hunk.rows);
            let count = |sign| rows().filter(|row| row.sign == sign).count();
            assert_eq!((count(Sign::Added), count(Sign::Removed)), (diff.added, diff.removed));
        }
    }
    if let Ok(program) = elf::read(&content) {
        assert!(program.sections.len() as u64 <= elf::SECTIONS_MAX);
        assert!(program.segments.len() as u64 <= elf::SEGMENTS_MAX);
    }
    let (one, other) = content.split_at(content.len() / 2);
    let found = view::differ(one, other, 10);
    assert_eq!(found.first.is_none(), one == other);
});
