//! Any text is a Dockerfile with diagnostics: no panic, spans inside the text, on characters' edges and in order.
#![no_main]

use estiva_shared::dockerfile::{Span, needed_stages, not_built, parse};
use libfuzzer_sys::fuzz_target;

fn holds_place(source: &str, span: Span) {
    let (start, end) = (span.start.offset as usize, span.end.offset as usize);
    assert!(source.get(start..end).is_some(), "{span:?} is no place");
}

fuzz_target!(|source: &str| {
    let (dockerfile, diagnostics) = parse(source);
    let unbuilt = not_built(&dockerfile);
    for found in diagnostics.iter().chain(&unbuilt) {
        holds_place(source, found.span);
    }
    for (number, stage) in dockerfile.stages.iter().enumerate() {
        for instruction in &stage.instructions {
            holds_place(source, instruction.span);
        }
        let needed = needed_stages(&dockerfile, number);
        assert!(needed.contains(&number), "a stage needs itself");
    }
});
