//! COPY and ADD, whose sources the classic builder and buildah record as checksums, and BuildKit without their stage.

use super::line::{Piece, Style};
use super::{Confidence, Reason, write};

/// A COPY or ADD. The classic builder and buildah write `file:HASH in DESTINATION`, BuildKit the paths, others what was written.
pub(super) fn copy(name: &str, rest: &str, style: Style) -> Option<Piece> {
    let start = rest.len() - without_flags(rest).len();
    let (flags, paths) = (rest[..start].trim(), &rest[start..]);
    if let Some((sum, destination)) = checksum(paths).filter(|_| style != Style::BuildKit) {
        let source = made_up_source(sum, destination);
        let text = write::copy(name, flags, &[source, destination.to_owned()])?;
        return Some(Piece::new(text, Confidence::Guessed, Reason::SourceUnknown));
    }
    if style == Style::Plain {
        let text = format!("{name} {rest}");
        if write::is_instruction(&text, name) && !flags.contains("--from=") {
            return Some(Piece::new(text, Confidence::Certain, Reason::Verbatim));
        }
        // A stage by its number is one of a file that is not here.
        let flags: Vec<String> = flags.split_whitespace().map(named_stage).collect();
        let text = format!("{name} {} {paths}", flags.join(" "));
        return write::is_instruction(&text, name)
            .then(|| Piece::new(text, Confidence::Likely, Reason::OtherStage));
    }
    let mut words: Vec<String> = paths.split_whitespace().map(str::to_owned).collect();
    // A file that was written in place: its text is not recorded.
    let (mut confidence, mut reason) = (Confidence::Likely, Reason::StageUnknown);
    let last = words.len().saturating_sub(1);
    for word in words
        .iter_mut()
        .take(last)
        .filter(|word| word.starts_with("<<"))
    {
        *word = format!(
            "unknown-{}",
            word.trim_start_matches(['<', '-'])
                .trim_matches(['"', '\''])
        );
        (confidence, reason) = (Confidence::Guessed, Reason::SourceUnknown);
    }
    let text = write::copy(name, flags, &words)?;
    Some(Piece::new(text, confidence, reason))
}

/// What follows the flags.
fn without_flags(text: &str) -> &str {
    let mut rest = text.trim_start();
    while rest.starts_with("--") {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        rest = rest[end..].trim_start();
    }
    rest
}

/// `--from=0` as a name, since the stage of that number is not in the rebuilt file.
fn named_stage(flag: &str) -> String {
    match flag.strip_prefix("--from=") {
        Some(stage) if stage.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("--from=stage-{stage}")
        }
        _ => flag.to_owned(),
    }
}

/// What was copied and where to, of `file:HASH in /app/`.
fn checksum(paths: &str) -> Option<(&str, &str)> {
    let (sum, destination) = paths.split_once(" in ")?;
    let is_sum = ["file:", "dir:", "multi:", "archive:"].iter().any(|kind| {
        let hash = sum.strip_prefix(kind);
        hash.is_some_and(|hash| {
            !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    });
    let destination = destination.trim();
    (is_sum && !destination.is_empty()).then_some((sum, destination))
}

/// A name for what is known by its checksum alone: a folder is the context's, a file has its destination's name.
fn made_up_source(sum: &str, destination: &str) -> String {
    let (kind, hash) = sum.split_once(':').unwrap_or(("", sum));
    let base = destination.rsplit('/').next().unwrap_or_default();
    let is_word = !base.is_empty() && base != "." && base != "..";
    match kind {
        "dir" => ".".to_owned(),
        "file" if is_word && !base.contains(char::is_whitespace) => base.to_owned(),
        _ => format!("unknown-{}", hash.get(..8).unwrap_or(hash)),
    }
}
