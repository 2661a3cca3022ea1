//! What a file is, by its first bytes, and in which language a text is written, by its name and first line.
//!
//! Names are trusted for the language alone: what is an image or a program, the bytes tell. Signatures are those of each
//! format's own specification; a text is what could be read aloud (see [`super::encoding_of`]).

use super::highlight::Language;
use super::text::{Encoding, encoding_of};

/// Bytes of a file's beginning that tell what it is.
pub const HEAD_BYTES: usize = 4096;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// It has no bytes.
    Empty,
    /// A text, in the language that its name and first line tell.
    Text(Encoding, Language),
    /// A program or library of Unix.
    Elf,
    /// An image that browsers show.
    Picture(Picture),
    /// Another known form, by its name for people.
    Known(&'static str),
    /// Anything else.
    Binary,
}

/// An image that browsers show. SVG is not one: it is a text, and can hold a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
}

impl Picture {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Gif => "GIF",
            Self::Webp => "WebP",
        }
    }
}

/// First bytes and what they are.
const SIGNATURES: &[(&[u8], FileFormat)] = &[
    (b"\x7fELF", FileFormat::Elf),
    (b"\x89PNG\r\n\x1a\n", FileFormat::Picture(Picture::Png)),
    (b"\xff\xd8\xff", FileFormat::Picture(Picture::Jpeg)),
    (b"GIF87a", FileFormat::Picture(Picture::Gif)),
    (b"GIF89a", FileFormat::Picture(Picture::Gif)),
    (b"\x1f\x8b", FileFormat::Known("gzip")),
    (b"\x28\xb5\x2f\xfd", FileFormat::Known("zstd")),
    (b"\xfd7zXZ\0", FileFormat::Known("xz")),
    (b"BZh", FileFormat::Known("bzip2")),
    (b"PK\x03\x04", FileFormat::Known("zip")),
    (b"PK\x05\x06", FileFormat::Known("zip")),
    (b"SQLite format 3\0", FileFormat::Known("SQLite")),
    (b"\0asm", FileFormat::Known("WebAssembly")),
    (b"!<arch>\n", FileFormat::Known("ar")),
    (b"%PDF-", FileFormat::Known("PDF")),
    (b"\xde\x12\x04\x95", FileFormat::Known("gettext")),
    (b"\x95\x04\x12\xde", FileFormat::Known("gettext")),
    (b"TZif", FileFormat::Known("tzdata")),
    (b"wOFF", FileFormat::Known("WOFF")),
    (b"wOF2", FileFormat::Known("WOFF2")),
];

/// What a file is, by its first [`HEAD_BYTES`] or all it has, and its path.
pub fn format_of(head: &[u8], path: &str) -> FileFormat {
    if head.is_empty() {
        return FileFormat::Empty;
    }
    let signature = SIGNATURES.iter().find(|(bytes, _)| head.starts_with(bytes));
    if let Some((_, format)) = signature {
        return *format;
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        return FileFormat::Picture(Picture::Webp);
    }
    if head.get(257..262) == Some(b"ustar") {
        return FileFormat::Known("tar");
    }
    // A fat Mach-O begins so too; it has a small count of architectures where a class has its version, 45 at least.
    if head.starts_with(b"\xca\xfe\xba\xbe") && head.get(7).is_some_and(|version| *version >= 45) {
        return FileFormat::Known("Java");
    }
    match encoding_of(head) {
        Some(encoding) => FileFormat::Text(encoding, language_of(head, path)),
        None => FileFormat::Binary,
    }
}

/// Programs of a first line `#!`, and the languages that they read.
const INTERPRETERS: &[(&str, Language)] = &[
    ("sh", Language::Shell),
    ("bash", Language::Shell),
    ("dash", Language::Shell),
    ("ash", Language::Shell),
    ("zsh", Language::Shell),
    ("ksh", Language::Shell),
    ("python", Language::Python),
    ("node", Language::JavaScript),
    ("nodejs", Language::JavaScript),
    ("deno", Language::JavaScript),
    ("perl", Language::Conf),
    ("ruby", Language::Python),
];

/// Ends of names, in lower case.
const ENDS: &[(&str, Language)] = &[
    ("sh", Language::Shell),
    ("bash", Language::Shell),
    ("profile", Language::Shell),
    ("env", Language::Conf),
    ("dockerfile", Language::Dockerfile),
    ("containerfile", Language::Dockerfile),
    ("json", Language::Json),
    ("map", Language::Json),
    ("webmanifest", Language::Json),
    ("yaml", Language::Yaml),
    ("yml", Language::Yaml),
    ("toml", Language::Conf),
    ("ini", Language::Conf),
    ("conf", Language::Conf),
    ("cfg", Language::Conf),
    ("cnf", Language::Conf),
    ("properties", Language::Conf),
    ("service", Language::Conf),
    ("list", Language::Conf),
    ("sources", Language::Yaml),
    ("desktop", Language::Conf),
    ("pc", Language::Conf),
    ("js", Language::JavaScript),
    ("mjs", Language::JavaScript),
    ("cjs", Language::JavaScript),
    ("jsx", Language::JavaScript),
    ("ts", Language::JavaScript),
    ("tsx", Language::JavaScript),
    ("mts", Language::JavaScript),
    ("cts", Language::JavaScript),
    ("py", Language::Python),
    ("pyi", Language::Python),
    ("rb", Language::Python),
    ("xml", Language::Markup),
    ("html", Language::Markup),
    ("htm", Language::Markup),
    ("xhtml", Language::Markup),
    ("svg", Language::Markup),
    ("c", Language::CLike),
    ("h", Language::CLike),
    ("cc", Language::CLike),
    ("cpp", Language::CLike),
    ("hpp", Language::CLike),
    ("cs", Language::CLike),
    ("go", Language::CLike),
    ("rs", Language::CLike),
    ("java", Language::CLike),
    ("kt", Language::CLike),
    ("swift", Language::CLike),
    ("css", Language::CLike),
    ("scss", Language::CLike),
    ("php", Language::CLike),
];

/// Whole names.
const NAMES: &[(&str, Language)] = &[
    ("dockerfile", Language::Dockerfile),
    ("containerfile", Language::Dockerfile),
    (".bashrc", Language::Shell),
    (".profile", Language::Shell),
    ("profile", Language::Shell),
    (".bash_logout", Language::Shell),
    (".npmrc", Language::Conf),
    (".gitconfig", Language::Conf),
    ("os-release", Language::Conf),
    ("passwd", Language::Conf),
    ("group", Language::Conf),
    ("hosts", Language::Conf),
    ("makefile", Language::Shell),
    (".eslintrc", Language::Json),
    (".babelrc", Language::Json),
];

fn language_of(head: &[u8], path: &str) -> Language {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Some(command) = line.strip_prefix(b"#!") {
        return interpreter(&String::from_utf8_lossy(command));
    }
    let name = path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let meant = |list: &[(&str, Language)], word: &str| {
        let found = list.iter().find(|(known, _)| *known == word);
        found.map(|(_, language)| *language)
    };
    let end = name.rsplit_once('.').map(|(_, end)| end);
    // `Dockerfile.dev` is one too.
    let is_dockerfile = name.starts_with("dockerfile.");
    let by_name = meant(NAMES, &name).or_else(|| meant(ENDS, end?));
    let by_name = by_name.or(is_dockerfile.then_some(Language::Dockerfile));
    by_name.unwrap_or_else(|| {
        let begin = head.trim_ascii_start();
        match begin {
            _ if begin.starts_with(b"-----BEGIN ") => Language::Pem,
            _ if begin.starts_with(b"<?xml") || begin.starts_with(b"<!DOCTYPE") => Language::Markup,
            _ if begin.starts_with(b"{\"") || begin.starts_with(b"{\n") => Language::Json,
            _ if path.starts_with("etc/") => Language::Conf,
            _ => Language::Plain,
        }
    })
}

/// The language of a program that a first line names, also through `env`.
fn interpreter(command: &str) -> Language {
    let words = command.split_whitespace();
    let program = words
        .map(|word| word.rsplit('/').next().unwrap_or(word))
        .find(|word| *word != "env" && !word.starts_with('-') && !word.contains('='));
    let program = program.unwrap_or_default();
    // `python3.11` is python.
    let program = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let known = INTERPRETERS.iter().find(|(name, _)| *name == program);
    known.map_or(Language::Conf, |(_, language)| *language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_what_a_file_is_whatever_it_is_called() {
        let table: &[(&[u8], FileFormat)] = &[
            (b"", FileFormat::Empty),
            (b"\x7fELF\x02\x01\x01", FileFormat::Elf),
            (b"\x89PNG\r\n\x1a\n\0\0", FileFormat::Picture(Picture::Png)),
            (b"\xff\xd8\xff\xe0", FileFormat::Picture(Picture::Jpeg)),
            (b"GIF89a\x01\0", FileFormat::Picture(Picture::Gif)),
            (b"RIFF\0\0\0\0WEBPVP8 ", FileFormat::Picture(Picture::Webp)),
            (b"RIFF\0\0\0\0WAVEfmt ", FileFormat::Binary),
            (b"\x1f\x8b\x08", FileFormat::Known("gzip")),
            (b"\x28\xb5\x2f\xfd", FileFormat::Known("zstd")),
            (b"\xfd7zXZ\0", FileFormat::Known("xz")),
            (b"PK\x03\x04", FileFormat::Known("zip")),
            (b"SQLite format 3\0", FileFormat::Known("SQLite")),
            (b"\xca\xfe\xba\xbe\0\0\0\x41", FileFormat::Known("Java")),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", FileFormat::Binary),
            (b"\0asm\x01\0\0\0", FileFormat::Known("WebAssembly")),
            (b"\0\x01\x02\x03", FileFormat::Binary),
        ];
        for (bytes, format) in table {
            assert_eq!(format_of(bytes, "a/x.json"), *format, "{bytes:?}");
        }
    }

    #[test]
    fn a_first_line_goes_before_a_name_and_a_name_before_the_content() {
        let table = [
            ("#!/bin/sh\n", "x.py", Language::Shell),
            ("#!/usr/bin/env -S python3.11 -u\n", "x", Language::Python),
            (
                "#! /usr/bin/env NODE_ENV=test node\n",
                "x",
                Language::JavaScript,
            ),
            ("#!/usr/bin/awk -f\n", "x", Language::Conf),
            ("x", "a/Dockerfile", Language::Dockerfile),
            ("x", "a/Dockerfile.dev", Language::Dockerfile),
            ("{}", "a/b.JSON", Language::Json),
            ("{\"a\":1}", "a/b", Language::Json),
            ("a: 1", "a/b.yml", Language::Yaml),
            ("-----BEGIN PRIVATE KEY-----\n", "root/key", Language::Pem),
            ("<?xml version=\"1.0\"?>", "a", Language::Markup),
            ("<svg/>", "a/b.svg", Language::Markup),
            ("a = 1", "etc/thing", Language::Conf),
            ("words", "usr/share/doc/copyright", Language::Plain),
            ("a", "", Language::Plain),
        ];
        for (text, path, language) in table {
            let expected = FileFormat::Text(Encoding::Utf8, language);
            assert_eq!(format_of(text.as_bytes(), path), expected, "{path}: {text}");
        }
    }
}
