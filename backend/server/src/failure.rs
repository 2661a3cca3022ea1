//! Why a command did not do what it was asked: a sentence, what to do about it, and the exit status.

use std::fmt::Display;

use estiva_shared::protocol::ErrorBody;

/// The exit status of most failures.
pub(crate) const EXIT_FAILURE: u8 = 1;

/// The exit status of `inspect --ci` where there is no verdict: the image, the rules or the words can't be read.
pub(crate) const EXIT_UNREADABLE: u8 = 2;

/// The exit status of `run` and `exec` for Estiva's own failures, as Docker has it: the container's are its own.
pub(crate) const EXIT_NOT_STARTED: u8 = 125;

/// The exit status after Ctrl-C: 128 + SIGINT.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

/// A command's failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What went wrong; empty where all was said already.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// The exit status.
    pub(crate) exit_code: u8,
    /// The stable name of the server's error, where it is one.
    pub(crate) code: Option<String>,
}

impl Failure {
    /// A failure with this sentence.
    pub(crate) fn new(message: impl Display) -> Self {
        Self {
            message: message.to_string(),
            hint: None,
            exit_code: EXIT_FAILURE,
            code: None,
        }
    }

    /// A failure of which all was said already.
    pub(crate) fn told(exit_code: u8) -> Self {
        Self {
            exit_code,
            ..Self::new("")
        }
    }

    /// The same, with what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with another exit status.
    pub(crate) fn exit_code(mut self, exit_code: u8) -> Self {
        self.exit_code = exit_code;
        self
    }

    /// The exit status of `run` and `exec` for it: 127 and 126 where the program is not there or can't be executed. A
    /// status that means something else, such as the 0 of a reader that went away (`run … | head`), stays.
    pub(crate) fn of_a_start(self) -> Self {
        if self.exit_code != EXIT_FAILURE {
            return self;
        }
        let exit_code = match self.code.as_deref() {
            Some("program-not-found") => 127,
            Some("program-not-executable") => 126,
            _ => EXIT_NOT_STARTED,
        };
        self.exit_code(exit_code)
    }
}

impl From<ErrorBody> for Failure {
    fn from(body: ErrorBody) -> Self {
        Self {
            message: body.message,
            hint: body.hint,
            exit_code: EXIT_FAILURE,
            code: Some(body.code),
        }
    }
}

impl From<crate::root::RootError> for Failure {
    fn from(error: crate::root::RootError) -> Self {
        let failure = Self::new(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// For `map_err`: the failure of doing something to a path.
pub(crate) fn at<E: Display>(verb: &str, path: &std::path::Path) -> impl FnOnce(E) -> Failure {
    let what = format!(
        "can't {verb} {}",
        estiva_shared::text::escape_name(&path.to_string_lossy())
    );
    move |error| Failure::new(format_args!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `run … | head` once ended with 125 and without a word, as if the container had not been started.
    #[test]
    fn only_a_failure_of_a_start_gets_its_exit_status() {
        assert_eq!(Failure::new("x").of_a_start().exit_code, EXIT_NOT_STARTED);
        assert_eq!(Failure::told(0).of_a_start().exit_code, 0);
    }
}
