//! Collects diagnostics, and shows what was found so that it fits a line.

use crate::dockerfile::{Diagnostic, Severity, Span};
use crate::text::escape_name;

/// The most diagnostics of one parse: a binary file taken for a Dockerfile would give a million, and nobody reads
/// past the first hundred.
pub(super) const DIAGNOSTICS_MAX: usize = 1000;

/// The most characters of the source that a message repeats; the span says the rest.
const SHOWN_CHARS_MAX: usize = 60;

/// The diagnostics so far.
#[derive(Default)]
pub(super) struct Findings {
    list: Vec<Diagnostic>,
}

impl Findings {
    pub(super) fn error(&mut self, code: &str, message: impl Into<String>, span: Span) {
        self.add(Severity::Error, code, message.into(), None, span);
    }

    pub(super) fn error_with_hint(
        &mut self,
        code: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
        span: Span,
    ) {
        self.add(
            Severity::Error,
            code,
            message.into(),
            Some(hint.into()),
            span,
        );
    }

    pub(super) fn warning(
        &mut self,
        code: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
        span: Span,
    ) {
        self.add(
            Severity::Warning,
            code,
            message.into(),
            Some(hint.into()),
            span,
        );
    }

    pub(super) fn add(
        &mut self,
        severity: Severity,
        code: &str,
        message: String,
        hint: Option<String>,
        span: Span,
    ) {
        if self.is_full() {
            return;
        }
        if self.list.len() + 1 == DIAGNOSTICS_MAX {
            let message = format!(
                "expected fewer than {DIAGNOSTICS_MAX} mistakes, but found more; the others are not listed"
            );
            let code = "too-many-mistakes".to_owned();
            self.list.push(Diagnostic {
                severity: Severity::Error,
                code,
                message,
                hint: None,
                span,
            });
            return;
        }
        self.list.push(Diagnostic {
            severity,
            code: code.to_owned(),
            message,
            hint,
            span,
        });
    }

    /// No more are taken, so that a costly hint need not be looked for.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() == DIAGNOSTICS_MAX
    }

    /// All of them, in the order of the source.
    pub(super) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list
            .sort_by_key(|diagnostic| diagnostic.span.start.offset);
        self.list
    }
}

/// Source text as a message shows it: one line, cut, control characters spelled out.
pub(super) fn shown(text: &str) -> String {
    let mut characters = text.chars();
    let mut start: String = characters.by_ref().take(SHOWN_CHARS_MAX).collect();
    if characters.next().is_some() {
        start.push('…');
    }
    if start.is_empty() {
        "nothing".to_owned()
    } else {
        escape_name(&start).into_owned()
    }
}
