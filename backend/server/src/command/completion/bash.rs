//! Completion in bash. clap's own script takes words as readline cuts them, at each colon too, and so never finishes a
//! name with a tag; this one puts them together again, and hands back only what readline is going to replace.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap_complete::env::EnvCompleter;

/// What separates candidates: no name has it.
const SEPARATOR: char = '\x0b';

/// bash, version 4.4 or later.
#[derive(Debug)]
pub(super) struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == "bash"
    }

    fn write_registration(
        &self,
        var: &str,
        name: &str,
        bin: &str,
        completer: &str,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        let script = include_str!("bash.sh")
            .replace("@VARIABLE@", var)
            .replace("@NAME@", name)
            .replace("@BIN@", bin)
            .replace("@COMPLETER@", completer);
        buf.write_all(script.as_bytes())
    }

    fn write_complete(
        &self,
        cmd: &mut clap::Command,
        args: Vec<OsString>,
        current_dir: Option<&Path>,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        // The script hands over the words up to the one that is typed.
        let last = args.len().saturating_sub(1);
        let wants_option = args
            .last()
            .is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"));
        let candidates = clap_complete::engine::complete(cmd, args, last, current_dir)?;
        // As Docker's completion does: options where one is begun, or where there is nothing else to say.
        let (options, names): (Vec<_>, Vec<_>) = candidates
            .iter()
            .map(|candidate| candidate.get_value().to_string_lossy())
            .partition(|word| word.starts_with('-'));
        let words = if wants_option || names.is_empty() {
            options
        } else {
            names
        };
        buf.write_all(words.join(&SEPARATOR.to_string()).as_bytes())
    }
}
