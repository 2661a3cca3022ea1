//! Variable expansion with a bound: `ENV A=$A$A`, written forty times, asks for a terabyte.

use std::cell::Cell;

use estiva_shared::dockerfile::{ExpandError, expand, expand_list};

/// The most bytes that variables may bring into one word. The kernel takes 128 KiB for a word of a program's
/// environment; a list of files may be longer, and is no reason to go beyond a megabyte.
const EXPANDED_BYTES_MAX: usize = 1 << 20;

/// A word with its quotes removed and its variables replaced.
pub(super) fn one(
    text: &str,
    escape: char,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    bounded(lookup, |lookup| expand(text, escape, lookup))
}

/// As [`one`], where an unquoted variable may hold several words.
pub(super) fn list(
    text: &str,
    escape: char,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<String>, String> {
    bounded(lookup, |lookup| expand_list(text, escape, lookup))
}

fn bounded<T>(
    lookup: &dyn Fn(&str) -> Option<String>,
    expand: impl FnOnce(&dyn Fn(&str) -> Option<String>) -> Result<T, ExpandError>,
) -> Result<T, String> {
    let taken = Cell::new(0_usize);
    let counting = |name: &str| {
        let value = lookup(name)?;
        taken.set(taken.get().saturating_add(value.len()));
        Some(if taken.get() > EXPANDED_BYTES_MAX {
            String::new()
        } else {
            value
        })
    };
    let expanded = expand(&counting).map_err(|error| error.to_string())?;
    if taken.get() > EXPANDED_BYTES_MAX {
        return Err(format!(
            "expected variables of at most {EXPANDED_BYTES_MAX} bytes in a word, but found {}",
            taken.get()
        ));
    }
    Ok(expanded)
}
