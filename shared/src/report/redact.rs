//! What of an instruction's text may leave the machine.
//!
//! Two walls. The first is the form: each instruction shows only what its kind allows (keys for ENV, ARG and LABEL; paths for
//! COPY; ports for EXPOSE; nothing at all for commands, unless their text was allowed; nothing for what is not
//! recognised). The second is the values: every value that the config or the history is known to give to a variable, label or
//! build argument is taken out of whatever the first wall lets through, because builders write expanded variables into
//! other instructions. A value shorter than four characters stays: taking `1` out of every text would say more than it
//! hides. A value that is an absolute path of the image stays too, since the report shows paths.

use std::collections::{BTreeMap, BTreeSet};

use super::settings::Settings;
use super::values::Values;
use super::{BuildTimings, ReportInstruction, RunText};
use crate::image::ImageAnalysis;

/// What stands where something was taken out.
pub(super) const GONE: &str = "…";

/// Longest text that is searched, in bytes; a longer one is left out whole.
const SEARCHED_BYTES_MAX: usize = 64 * 1024;

/// Longest text that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 1000;

/// What the classic builder and buildah write before every instruction but RUN.
const NOP_PREFIXES: [&str; 2] = ["/bin/sh -c #(nop)", "cmd /S /C #(nop)"];

/// What stands between a RUN's recorded build arguments and its command.
const SHELL_MARKER: &str = "/bin/sh -c ";

/// What BuildKit appends to every instruction.
const BUILDKIT_MARK: &str = "# buildkit";

/// Instructions whose names are shown; all else is `OTHER`.
const NAMES: [&str; 18] = [
    "FROM",
    "RUN",
    "CMD",
    "LABEL",
    "MAINTAINER",
    "EXPOSE",
    "ENV",
    "ADD",
    "COPY",
    "ENTRYPOINT",
    "VOLUME",
    "USER",
    "WORKDIR",
    "ARG",
    "ONBUILD",
    "STOPSIGNAL",
    "HEALTHCHECK",
    "SHELL",
];

/// Takes out of texts what must not be shown.
pub(super) struct Redactor {
    run_text: RunText,
    /// Values to take out, longest first; none where there are too many.
    values: Option<Vec<String>>,
    /// Names of variables and labels that the config lists: shown wherever they stand.
    names: BTreeSet<String>,
    /// What the history's text tells of the configuration.
    pub(super) settings: Settings,
}

/// A line of the history, or a build step, taken apart.
pub(crate) struct Line<'a> {
    pub(crate) name: String,
    pub(crate) rest: &'a str,
    /// The build arguments that RUN records, as one text.
    pub(super) build_args: Option<&'a str>,
    /// The rest can be told from what stood before it.
    is_clear: bool,
}

impl Redactor {
    /// Gathers all values that are known.
    pub(super) fn new(
        analysis: &ImageAnalysis,
        timings: Option<&BuildTimings>,
        run_text: RunText,
    ) -> Self {
        let config = &analysis.image.config;
        let mut values = Values::default();
        let env = config.env.iter().filter_map(|line| line.split_once('='));
        let labels = config
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let named: BTreeMap<_, _> = env.chain(labels).collect();
        for value in named.values() {
            values.add(value);
        }
        let history = analysis
            .image
            .history
            .iter()
            .map(|line| line.created_by.as_str());
        let steps = timings
            .into_iter()
            .flat_map(|timings| timings.steps.iter().map(|step| step.text.as_str()));
        for text in history.chain(steps) {
            values.add_line(&split(text), &named);
        }
        values.keep_paths(analysis);
        let settings = Settings::new(&analysis.image);
        for secret in settings.secrets() {
            values.add(secret);
        }
        Self {
            run_text,
            values: values.longest_first(),
            names: named.into_keys().map(str::to_owned).collect(),
            settings,
        }
    }

    /// What may be shown of an instruction.
    pub(super) fn instruction(&self, text: &str) -> ReportInstruction {
        let line = split(text);
        let commands_are_shown = self.run_text == RunText::Shown && line.is_clear;
        let (text, redacted) = match line.name.as_str() {
            "ENV" | "ARG" | "LABEL" => (self.keys(line.rest, line.name == "ARG"), true),
            "EXPOSE" => ports(line.rest),
            "RUN" | "CMD" | "ENTRYPOINT" | "HEALTHCHECK" | "SHELL" if commands_are_shown => {
                let (text, redacted) = self.text(line.rest);
                (text, redacted || line.build_args.is_some())
            }
            "COPY" | "ADD" | "FROM" | "WORKDIR" | "USER" | "VOLUME" | "STOPSIGNAL" => {
                // What follows the first line is the content of files written in place (heredocs).
                let first = line.rest.lines().next().unwrap_or_default();
                let (text, redacted) = self.text(first);
                (text, redacted || first.len() < line.rest.trim_end().len())
            }
            _ => (String::new(), !line.rest.is_empty()),
        };
        ReportInstruction {
            name: line.name,
            text,
            redacted,
        }
    }

    /// A text without the values that are known and without what addresses may hide; and whether something was taken out.
    pub(super) fn text(&self, text: &str) -> (String, bool) {
        let Some(values) = self
            .values
            .as_ref()
            .filter(|_| text.len() <= SEARCHED_BYTES_MAX)
        else {
            return (GONE.to_owned(), true);
        };
        let mut clean = text.to_owned();
        for value in values {
            if clean.contains(value.as_str()) {
                clean = clean.replace(value.as_str(), GONE);
            }
        }
        clean = without_credentials(&clean);
        if let Some((end, _)) = clean.char_indices().nth(SHOWN_CHARS_MAX) {
            clean.truncate(end);
            clean.push_str(GONE);
        }
        let redacted = clean != text;
        (clean, redacted)
    }

    /// `KEY=…` for each key. The first word begins with one for sure; later ones may be part of an unquoted value, and are
    /// shown only where the config lists them.
    fn keys(&self, rest: &str, may_lack_value: bool) -> String {
        let mut shown = Vec::new();
        for (number, word) in rest.split_whitespace().enumerate() {
            let (key, has_value) = word
                .split_once('=')
                .map_or((word, false), |(key, _)| (key, true));
            let key = key.trim_matches(['"', '\'']);
            let is_sure = (number == 0 && is_name(key)) || (has_value && self.names.contains(key));
            if is_sure {
                let value_follows =
                    has_value || !(may_lack_value && rest.split_whitespace().nth(1).is_none());
                shown.push(if value_follows {
                    format!("{key}={GONE}")
                } else {
                    key.to_owned()
                });
            }
        }
        shown.dedup();
        if shown.is_empty() {
            GONE.to_owned()
        } else {
            shown.join(" ")
        }
    }
}

/// Takes a line of the history apart: classic, buildah's and BuildKit's ways of writing.
pub(crate) fn split(text: &str) -> Line<'_> {
    let mut rest = text.trim();
    rest = rest.strip_suffix(BUILDKIT_MARK).unwrap_or(rest).trim_end();
    let instruction = NOP_PREFIXES
        .iter()
        .find_map(|prefix| rest.strip_prefix(prefix));
    if instruction.is_none() && (rest.starts_with(SHELL_MARKER) || rest.starts_with('|')) {
        return split_run(rest);
    }
    let rest = instruction.unwrap_or(rest).trim_start();
    let word_end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let name = rest[..word_end].to_ascii_uppercase();
    if !NAMES.contains(&name.as_str()) {
        return Line {
            name: "OTHER".to_owned(),
            rest,
            build_args: None,
            is_clear: false,
        };
    }
    let rest = rest[word_end..].trim_start();
    if name == "RUN" {
        return split_run(rest);
    }
    Line {
        name,
        rest,
        build_args: None,
        is_clear: true,
    }
}

/// `|2 A=x B=y /bin/sh -c command`, or without the arguments, or without the shell.
fn split_run(rest: &str) -> Line<'_> {
    let line = |rest, build_args, is_clear| Line {
        name: "RUN".to_owned(),
        rest,
        build_args,
        is_clear,
    };
    if !rest.starts_with('|') {
        return line(rest.strip_prefix(SHELL_MARKER).unwrap_or(rest), None, true);
    }
    let arguments = rest
        .trim_start_matches('|')
        .trim_start_matches(|digit: char| digit.is_ascii_digit());
    // The last one: a value may hold the marker too, and to show less is the safe mistake.
    match arguments.rfind(SHELL_MARKER) {
        Some(at) => line(
            &arguments[at + SHELL_MARKER.len()..],
            Some(arguments[..at].trim()),
            true,
        ),
        // Where the command begins can't be told, so nothing of it is shown.
        None => line(arguments, Some(arguments), false),
    }
}

/// Whether this may be a variable's or a label's name, and not a value that lost its key.
pub(super) fn is_name(text: &str) -> bool {
    const NAME_BYTES_MAX: usize = 128;
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let holds_well = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/'));
    starts_well && holds_well && text.len() <= NAME_BYTES_MAX
}

/// Only words that are ports: `8080`, `8000-8010/udp`.
fn ports(rest: &str) -> (String, bool) {
    let shown: Vec<_> = port_words(rest)
        .map(|word| if is_port(word) { word } else { GONE })
        .collect();
    let redacted = shown.contains(&GONE);
    (shown.join(" "), redacted)
}

/// The words of an EXPOSE. The classic builder writes them as Go prints a map, BuildKit as Go prints a list.
pub(super) fn port_words(rest: &str) -> impl Iterator<Item = &str> {
    let inside = |open: &str| rest.strip_prefix(open)?.strip_suffix(']');
    inside("map[")
        .or_else(|| inside("["))
        .unwrap_or(rest)
        .split_whitespace()
        .map(|word| word.trim_end_matches(":{}"))
}

/// `PORT[-PORT][/PROTOCOL]`.
pub(super) fn is_port(text: &str) -> bool {
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let is_number = |number: &str| number.parse::<u16>().is_ok();
    let range_is_good = range.split_once('-').map_or_else(
        || is_number(range),
        |(first, last)| is_number(first) && is_number(last),
    );
    range_is_good && matches!(protocol, "tcp" | "udp" | "sctp")
}

/// Addresses without user, password, query and fragment, which are where tokens are put.
fn without_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    // Without a scheme too: `git clone //user:password@host/`.
    while let Some(at) = rest.find("//") {
        let (before, after) = rest.split_at(at + 2);
        clean.push_str(before);
        let end = after
            .find(|each: char| each.is_whitespace() || matches!(each, '"' | '\'' | ')' | '>'))
            .unwrap_or(after.len());
        let (address, following) = after.split_at(end);
        // A query may hold slashes, and a fragment may hold a `?`: whichever comes first ends what is shown.
        let (place, has_more) = match address.find(['?', '#']) {
            Some(at) => (&address[..at], Some(&address[at..=at])),
            None => (address, None),
        };
        let host_end = place.find('/').unwrap_or(place.len());
        let (host, path) = place.split_at(host_end);
        match host.rsplit_once('@') {
            Some((_, host)) => clean.extend([GONE, "@", host, path]),
            None => clean.push_str(place),
        }
        if let Some(mark) = has_more {
            clean.extend([mark, GONE]);
        }
        rest = following;
    }
    clean.push_str(rest);
    clean
}
