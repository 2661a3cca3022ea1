//! Asking before something is gone for good.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::failure::Failure;
use crate::output::complain;

/// Asks a person; where none can be asked, `option` has to say it.
///
/// # Errors
/// If nobody can be asked or the answer can't be read.
pub(super) fn confirmed(question: &str, option: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(format_args!(
            "expected {option}, because nobody can be asked here"
        )));
    }
    complain(&format!("{question} [y/N] "));
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::new(format_args!("can't read the answer: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
