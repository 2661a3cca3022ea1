//! One container's log as the page follows it.

use std::rc::Rc;

use estiva_shared::protocol::{ErrorBody, LogChunk, OutputStream, TextDecoder};
use yew::Reducible;

use super::output::Output;

/// A container's log as far as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogState {
    /// Its last lines.
    pub output: Rc<Output>,
    // Of each stream, a character that is not complete yet.
    unfinished: [TextDecoder; 2],
    /// Whether it came to its end.
    pub ended: bool,
    /// Why it can't be read, where it can't.
    pub error: Option<ErrorBody>,
    // It was asked for again from its start; what is here is shown until the first of it comes.
    stale: bool,
}

/// What changes a [`LogState`].
pub enum LogAction {
    /// Another log is to be shown.
    Clear,
    /// Output came.
    Chunks(Vec<LogChunk>),
    /// The same log comes again from its start.
    Restart,
    /// It is over.
    End(Option<ErrorBody>),
}

impl Reducible for LogState {
    type Action = LogAction;

    fn reduce(self: Rc<Self>, action: LogAction) -> Rc<Self> {
        let mut state = Rc::unwrap_or_clone(self);
        match action {
            LogAction::Clear => state = LogState::default(),
            LogAction::Chunks(chunks) => {
                if std::mem::take(&mut state.stale) {
                    state = LogState::default();
                }
                let output = Rc::make_mut(&mut state.output);
                for chunk in chunks {
                    let text = state.unfinished[chunk.stream as usize].push(&chunk.bytes);
                    output.push(chunk.stream, &text);
                }
            }
            LogAction::Restart => state.stale = true,
            LogAction::End(error) => {
                let output = Rc::make_mut(&mut state.output);
                for stream in [OutputStream::Stdout, OutputStream::Stderr] {
                    output.push(stream, &state.unfinished[stream as usize].finish());
                }
                state.ended = true;
                state.error = error;
            }
        }
        Rc::new(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(actions: Vec<LogAction>) -> Vec<String> {
        let state = actions
            .into_iter()
            .fold(Rc::new(LogState::default()), |state, action| {
                state.reduce(action)
            });
        state.output.lines().map(|line| line.text.clone()).collect()
    }

    fn chunk(text: &str) -> LogAction {
        LogAction::Chunks(vec![LogChunk {
            time_ms: 0,
            stream: OutputStream::Stdout,
            bytes: text.into(),
        }])
    }

    #[test]
    fn a_log_that_comes_again_takes_the_place_of_the_first() {
        let actions = vec![chunk("one\n"), LogAction::Restart, chunk("one\ntwo\n")];
        assert_eq!(after(actions), ["one", "two"]);
    }

    /// The server was started again after the container was removed: it knew no log, and the page forgot it too.
    #[test]
    fn a_log_that_does_not_come_again_stays() {
        let unknown = ErrorBody {
            code: "unknown-container".into(),
            message: "expected a container, but none has this id".into(),
            hint: None,
        };
        let actions = vec![
            chunk("one\n"),
            LogAction::Restart,
            LogAction::End(Some(unknown)),
        ];
        assert_eq!(after(actions), ["one"]);
    }
}
