//! Commands that do one thing to each of several names: all are tried, each that worked is printed, each that did not is
//! told, and the exit status says whether one failed.

use crate::command::Outcome;
use crate::failure::{EXIT_FAILURE, Failure};
use crate::output::{complain, say_line};

/// What was done to one name, or why not.
pub(super) fn tell(
    name: &str,
    done: Result<(), Failure>,
    failed: &mut bool,
) -> Result<(), Failure> {
    match done {
        Ok(()) => say_line(name),
        Err(failure) => {
            *failed = true;
            let hint = failure
                .hint
                .map(|hint| format!("hint: {hint}\n"))
                .unwrap_or_default();
            complain(&format!("estiva: error: {}\n{hint}", failure.message));
            Ok(())
        }
    }
}

/// The exit status after all.
pub(super) fn outcome(failed: bool) -> Outcome {
    Ok(if failed { EXIT_FAILURE } else { 0 })
}
