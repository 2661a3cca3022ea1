//! Any word expands or is an error, in bounded time and memory, whatever the variables hold.
#![no_main]

use estiva_shared::dockerfile::{expand, expand_list};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, bool)| {
    let (word, value, backtick) = input;
    let escape = if backtick { '`' } else { '\\' };
    let lookup = |name: &str| match name {
        "A" => Some(value.to_owned()),
        "E" => Some(String::new()),
        _ => None,
    };
    let whole = expand(word, escape, &lookup);
    let list = expand_list(word, escape, &lookup);
    assert_eq!(
        whole.is_ok(),
        list.is_ok(),
        "one word or several is one reading"
    );
});
