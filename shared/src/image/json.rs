//! The JSON of an analysis as text: the command line and the page write it here, so that the two give the same bytes.
//!
//! It stands apart from the analysis because it knows nothing of one: what is told of each image of a file may be something else,
//! too. `docs/inspect.md` describes what stands in it.

use std::io::{self, Write};

use serde::Serialize;

/// Writes what is told of each image of a file, in lines, with a line's end: the one by itself, several as a list.
///
/// # Errors
/// If it can't be written.
pub fn write_json<T: Serialize>(out: &mut impl Write, images: &[T]) -> io::Result<()> {
    match images {
        [one] => serde_json::to_writer_pretty(&mut *out, one),
        several => serde_json::to_writer_pretty(&mut *out, several),
    }?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stands_by_itself_and_several_in_a_list() {
        for (images, text) in [
            (&["a"][..], "\"a\"\n"),
            (&["a", "b"][..], "[\n  \"a\",\n  \"b\"\n]\n"),
            (&[][..], "[]\n"),
        ] {
            let mut out = Vec::new();
            write_json(&mut out, images).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn what_takes_no_more_is_an_error() {
        let mut short = [0; 4];
        assert!(write_json(&mut &mut short[..], &["longer than that"]).is_err());
    }
}
