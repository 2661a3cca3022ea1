//! The records that may stand before an entry's header and replace its fields: PAX, and GNU's long names.

use std::collections::BTreeMap;

use super::TarError;
use super::sparse::SparseHeaders;

/// PAX keys with an extended attribute: the prefix that star, GNU tar and Go use.
const XATTR_PREFIX: &str = "SCHILY.xattr.";

/// What the headers before an entry say.
#[derive(Default)]
pub(super) struct Extended {
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    pub(super) pax: Pax,
}

/// What one PAX header says.
#[derive(Default)]
pub(super) struct Pax {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    /// Seconds and nanoseconds.
    pub(super) mtime: Option<(i64, u32)>,
    pub(super) xattrs: BTreeMap<String, Vec<u8>>,
    pub(super) sparse: SparseHeaders,
}

impl Extended {
    /// GNU's long name: ends at its first NUL.
    pub(super) fn set_long_name(&mut self, content: Vec<u8>) {
        self.long_name = Some(until_nul(content));
    }

    /// GNU's long link target.
    pub(super) fn set_long_link(&mut self, content: Vec<u8>) {
        self.long_link = Some(until_nul(content));
    }

    /// Takes a PAX header in place of an earlier one of the same entry, as Go's reader does.
    pub(super) fn set_pax(&mut self, content: &[u8], offset: u64) -> Result<(), TarError> {
        self.pax = Pax::default();
        self.pax.read(content, offset)
    }

    /// The path, where one is given; PAX's wins.
    pub(super) fn take_path(&mut self) -> Option<Vec<u8>> {
        self.pax.path.take().or(self.long_name.take())
    }

    /// The link's target, where one is given; PAX's wins.
    pub(super) fn take_link(&mut self) -> Option<Vec<u8>> {
        self.pax.link.take().or(self.long_link.take())
    }
}

impl Pax {
    /// Reads the records of a PAX header: `LENGTH KEY=VALUE\n`, the length counting all of itself. Of two records with one
    /// key, the last counts.
    fn read(&mut self, content: &[u8], offset: u64) -> Result<(), TarError> {
        let mut rest = content;
        while !rest.is_empty() {
            let wrong = |found: &[u8]| TarError::Field {
                offset,
                expected: "a PAX record",
                found: String::from_utf8_lossy(&found[..found.len().min(64)]).into_owned(),
            };
            let space = rest
                .iter()
                .take(20)
                .position(|byte| *byte == b' ')
                .ok_or_else(|| wrong(rest))?;
            let length: usize = parse(&rest[..space]).ok_or_else(|| wrong(rest))?;
            let record = rest.get(space + 1..length).ok_or_else(|| wrong(rest))?;
            let record = record.strip_suffix(b"\n").ok_or_else(|| wrong(rest))?;
            let equals = record
                .iter()
                .position(|byte| *byte == b'=')
                .ok_or_else(|| wrong(rest))?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            self.set(key, value).ok_or_else(|| wrong(rest))?;
            rest = &rest[length..];
        }
        Ok(())
    }

    /// Takes one record; none where its value can't be read. An empty value takes an earlier one back.
    fn set(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let given = !value.is_empty();
        match key {
            b"path" => self.path = given.then(|| value.to_vec()),
            b"linkpath" => self.link = given.then(|| value.to_vec()),
            b"size" => self.size = optional(value, parse)?,
            b"uid" => self.uid = optional(value, parse)?,
            b"gid" => self.gid = optional(value, parse)?,
            b"mtime" => self.mtime = optional(value, parse_time)?,
            b"GNU.sparse.name" => self.path = given.then(|| value.to_vec()),
            _ => {}
        }
        if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
            self.sparse.record(key, value);
        }
        if let Some(name) = std::str::from_utf8(key)
            .ok()
            .and_then(|key| key.strip_prefix(XATTR_PREFIX))
        {
            self.xattrs.insert(name.to_owned(), value.to_vec());
        }
        Some(())
    }
}

/// What stands before the first NUL.
fn until_nul(mut content: Vec<u8>) -> Vec<u8> {
    if let Some(end) = content.iter().position(|byte| *byte == 0) {
        content.truncate(end);
    }
    content
}

/// `Some(None)` for an empty value, none for one that can't be read.
fn optional<T>(value: &[u8], parse: impl Fn(&[u8]) -> Option<T>) -> Option<Option<T>> {
    if value.is_empty() {
        Some(None)
    } else {
        parse(value).map(Some)
    }
}

/// A decimal number without sign.
pub(super) fn parse<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// `[-]SECONDS[.FRACTION]`.
fn parse_time(value: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    if whole.starts_with('-') && nanoseconds > 0 {
        // -1.25 is a quarter before -1: seconds count down, nanoseconds always up.
        return Some((seconds.checked_sub(1)?, 1_000_000_000 - nanoseconds));
    }
    Some((seconds, nanoseconds))
}
