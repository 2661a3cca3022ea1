//! What a file is that someone drops on the inspector, by its name and its first bytes.

use estiva_shared::dockerfile;

/// How many bytes of a file tell.
pub const LOOKED_AT_BYTES: usize = 4096;

/// A Dockerfile has at most so many bytes; BuildKit's own limit is far below.
const DOCKERFILE_BYTES_MAX: u64 = 1 << 20;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// An image archive, or something that its reader names.
    Archive,
    /// JSON: a report or an analysis.
    Json,
    /// A Dockerfile.
    Dockerfile,
}

/// What a file of this name and size is that begins with these bytes.
pub fn kind_of(name: &str, size_bytes: u64, start: &[u8]) -> FileKind {
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    if let Some(b'{' | b'[') = first {
        return FileKind::Json;
    }
    if size_bytes <= DOCKERFILE_BYTES_MAX && (is_dockerfile_name(name) || reads_as_one(start)) {
        return FileKind::Dockerfile;
    }
    FileKind::Archive
}

fn is_dockerfile_name(name: &str) -> bool {
    let name = name.to_lowercase();
    let is_archive = [".tar", ".tgz", ".gz", ".zst", ".oci"]
        .iter()
        .any(|end| name.ends_with(end));
    !is_archive && (name.contains("dockerfile") || name.contains("containerfile"))
}

/// Whether a text without a telling name has a stage as a Dockerfile has one, and no mistake up to there.
fn reads_as_one(start: &[u8]) -> bool {
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // A letter may be cut by the end.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    if text.contains('\0') {
        return false;
    }
    let words = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_ascii_whitespace().next().unwrap_or_default());
    let before = words.take_while(|word| !word.eq_ignore_ascii_case("FROM"));
    let only_args = before.clone().all(|word| word.eq_ignore_ascii_case("ARG"));
    only_args && !dockerfile::parse(text).0.stages.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_first_bytes_tell() {
        for (name, start, expected) in [
            ("Dockerfile", "RUN", FileKind::Dockerfile),
            ("api.Dockerfile", "", FileKind::Dockerfile),
            ("Containerfile.dev", "FROM x", FileKind::Dockerfile),
            (
                "recipe.txt",
                "# a comment\nARG A=1\nfrom debian AS x\n",
                FileKind::Dockerfile,
            ),
            ("letter.txt", "From: someone\n", FileKind::Archive),
            ("notes.txt", "some words\nFROM debian\n", FileKind::Archive),
            ("report.json", "{\"version\":1}", FileKind::Json),
            ("Dockerfile", "  [1]", FileKind::Json),
            ("Dockerfile.tar.gz", "\u{1f}", FileKind::Archive),
            ("image.tar", "FROM\0\0\0", FileKind::Archive),
            ("empty", "", FileKind::Archive),
        ] {
            assert_eq!(kind_of(name, 10, start.as_bytes()), expected, "{name}");
        }
        assert_eq!(kind_of("Dockerfile", 2 << 20, b"FROM x"), FileKind::Archive);
        assert_eq!(
            kind_of("x", 10, "FROM d\n# é".as_bytes().split_last().unwrap().1),
            FileKind::Dockerfile
        );
        assert_eq!(kind_of("x", 10, b"FROM \xff\xfe x"), FileKind::Archive);
    }
}
