//! What to change so that an image gets smaller: from its waste and its history alone in words; beside the Dockerfile that
//! made it with lines, and with a patch where one is safe. See `docs/inspect.md`.
//!
//! Pure and in two parts: [`Savings`] is small and made once of an analysis, so that a page can keep it; [`suggest`] goes over
//! it again for each text.

mod apply;
pub(crate) mod diff;
mod patch;
mod savings;
mod shell;
mod source;

use serde::{Deserialize, Serialize};

use crate::image::{ImageAnalysis, ImageView, split_instruction};

pub use apply::{ApplyError, apply};
pub use savings::Savings;
use savings::{Kind, Saving};
pub use source::Fit;
use source::Source;

/// What is to be done. [`Advice::sentence`] says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// Remove or change files in the RUN that makes them.
    JoinRuns,
    /// Set owner or mode by flags of COPY.
    SetOnCopy,
    /// Leave out of a COPY what is deleted later or of no use.
    CopyLess,
    /// Bring a file once.
    WriteOnce,
    /// Make one of two copies a link.
    KeepOneCopy,
    /// Empty a package manager's cache in the RUN that fills it.
    CleanCache,
    /// Remove an archive in the RUN that brings it.
    RemoveArchive,
    /// The base image brought it.
    ChangeBase,
    /// Build in an earlier stage.
    BuildInStage,
}

impl Advice {
    /// What to do, in English: one sentence without its dot.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::JoinRuns => "remove or change the files in the RUN that makes them",
            Self::SetOnCopy => {
                "set owner and mode with COPY --chown and --chmod, instead of copying the files again in a RUN"
            }
            Self::CopyLess => {
                "don't copy what is not needed: name fewer sources, list it in .dockerignore, or mount it in the RUN that reads it"
            }
            Self::WriteOnce => "bring the files once, as they shall be",
            Self::KeepOneCopy => "keep one copy, and make the others links to it",
            Self::CleanCache => {
                "empty the cache in the RUN that fills it; a builder that has RUN --mount=type=cache keeps it out of the image"
            }
            Self::RemoveArchive => "remove the archive in the RUN that brings it",
            Self::ChangeBase => {
                "the base image brought it: choose a smaller one, or copy what is needed into a new stage"
            }
            Self::BuildInStage => "make the files in an earlier stage, and copy the result",
        }
    }
}

/// Lines of a Dockerfile, from 1, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRange {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

/// One change that makes the image smaller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// What to do.
    pub advice: Advice,
    /// The causes of waste that go by it, as in the analysis.
    pub causes: Vec<String>,
    /// The package manager whose cache it is, such as `apt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// Uncompressed bytes that go.
    pub saved_bytes: u64,
    /// Copies that go.
    pub files: u64,
    /// Some of their paths, of the largest files.
    pub paths: Vec<String>,
    /// The layers that hold the copies.
    pub made_by: Vec<usize>,
    /// The layer that hides them; none where they can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_by: Option<usize>,
    /// The lines of the Dockerfile that it is about; empty without one that fits.
    pub lines: Vec<LineRange>,
    /// A unified diff of the Dockerfile as it was given; none where it can't be changed safely by what its text says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// All that is suggested for an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestions {
    /// Whether the Dockerfile that was given is the image's.
    pub dockerfile: Fit,
    /// The largest saving first.
    pub list: Vec<Suggestion>,
}

/// What to change in the Dockerfile of an image, from its whole analysis. See [`suggest`].
#[must_use]
pub fn suggest_for(analysis: &ImageAnalysis, dockerfile: Option<&str>) -> Suggestions {
    suggest(&analysis.image, &Savings::of(analysis), dockerfile)
}

/// What to change in the Dockerfile of an image: `image` needs its history and its layers' instructions alone. With a
/// Dockerfile whose RUN, COPY and ADD are those of the history, suggestions name its lines, and have a patch where that is safe.
/// Each patch is for the text as it is, so that after one the others are to be asked for again.
#[must_use]
pub fn suggest(image: &ImageView, savings: &Savings, dockerfile: Option<&str>) -> Suggestions {
    let (source, fit) = match dockerfile.map(|text| Source::read(text, image)) {
        None => (None, Fit::NotGiven),
        Some(Ok(source)) => (Some(source), Fit::Fits),
        Some(Err(fit)) => (None, fit),
    };
    let mut drafts: Vec<(Advice, Vec<&Saving>)> = Vec::new();
    for saving in &savings.list {
        let advice = advice(saving, image, source.as_ref());
        match drafts
            .iter_mut()
            .find(|(known, list)| *known == advice && is_one_change(advice, list[0], saving))
        {
            Some((_, list)) => list.push(saving),
            None => drafts.push((advice, vec![saving])),
        }
    }
    let mut list = Vec::with_capacity(drafts.len());
    for (advice, savings) in &drafts {
        let patch = |source| patch_of(*advice, savings, source);
        let diff = source.as_ref().and_then(patch);
        let mut savings = savings.clone();
        if *advice == Advice::JoinRuns && diff.is_some() {
            savings.extend(inside(savings[0], &drafts, source.as_ref()));
        }
        list.push(suggestion(*advice, &savings, source.as_ref(), diff));
    }
    list.sort_by_key(|one| std::cmp::Reverse(one.saved_bytes));
    Suggestions {
        dockerfile: fit,
        list,
    }
}

/// Whether one change of the Dockerfile is for both savings.
fn is_one_change(advice: Advice, one: &Saving, other: &Saving) -> bool {
    let both = |of: fn(&Saving) -> usize| of(one) == of(other);
    match advice {
        Advice::JoinRuns => both(|saving| saving.made_by) && one.hidden_by == other.hidden_by,
        Advice::SetOnCopy => one.hidden_by == other.hidden_by,
        Advice::ChangeBase => true,
        _ => false,
    }
}

/// What goes as well where the RUNs from one to another are joined, because some between them are.
fn inside<'s>(
    outer: &Saving,
    drafts: &[(Advice, Vec<&'s Saving>)],
    source: Option<&Source<'_>>,
) -> Vec<&'s Saving> {
    let range = |saving: &Saving| {
        let place = |layer| source.and_then(|source| source.place_of(layer));
        place(saving.made_by).zip(saving.hidden_by.and_then(place))
    };
    let Some((first, last)) = range(outer) else {
        return Vec::new();
    };
    let is_inside = |saving: &&Saving| {
        let is_outer = (saving.made_by, saving.hidden_by) == (outer.made_by, outer.hidden_by);
        !is_outer && range(saving).is_some_and(|(from, to)| first <= from && to <= last)
    };
    let joined = drafts
        .iter()
        .filter(|(advice, _)| *advice == Advice::JoinRuns);
    joined
        .flat_map(|(_, savings)| savings.iter().copied())
        .filter(is_inside)
        .collect()
}

fn advice(saving: &Saving, image: &ImageView, source: Option<&Source<'_>>) -> Advice {
    if source.is_some_and(|source| source.place_of(saving.made_by).is_none()) {
        return Advice::ChangeBase;
    }
    let name = |layer: usize| {
        let created_by = image.layers.get(layer)?.created_by.as_deref()?;
        Some(split_instruction(created_by).0)
    };
    let (made, hidden) = (name(saving.made_by), saving.hidden_by.and_then(name));
    let (made, hidden) = (made.as_deref(), hidden.as_deref());
    let is_copy = |name: Option<&str>| matches!(name, Some("COPY" | "ADD"));
    match saving.kind {
        Kind::Duplicate => Advice::KeepOneCopy,
        Kind::PackageCache | Kind::Archive if is_copy(made) => Advice::CopyLess,
        Kind::PackageCache => Advice::CleanCache,
        Kind::Archive => Advice::RemoveArchive,
        // Twice in one layer, or brought by something that is no RUN.
        _ if saving.hidden_by == Some(saving.made_by) || is_copy(hidden) => Advice::WriteOnce,
        _ if hidden != Some("RUN") => Advice::BuildInStage,
        Kind::Metadata if is_copy(made) => Advice::SetOnCopy,
        Kind::Deleted if is_copy(made) => Advice::CopyLess,
        Kind::Overwritten if is_copy(made) => Advice::WriteOnce,
        _ if made == Some("RUN") => Advice::JoinRuns,
        _ => Advice::BuildInStage,
    }
}

/// Puts savings that go by one change together; the first is what it is about.
fn suggestion(
    advice: Advice,
    savings: &[&Saving],
    source: Option<&Source<'_>>,
    diff: Option<String>,
) -> Suggestion {
    let mut one = Suggestion {
        advice,
        causes: Vec::new(),
        manager: savings.first().and_then(|saving| saving.manager.clone()),
        saved_bytes: 0,
        files: 0,
        paths: Vec::new(),
        made_by: Vec::new(),
        hidden_by: savings.first().and_then(|saving| saving.hidden_by),
        lines: Vec::new(),
        diff,
    };
    for saving in savings {
        let new = |cause: &&String| !one.causes.contains(cause);
        let causes: Vec<_> = saving.causes.iter().filter(new).cloned().collect();
        one.causes.extend(causes);
        one.saved_bytes = one.saved_bytes.saturating_add(saving.bytes);
        one.files += saving.files;
        one.paths.extend(saving.paths.iter().cloned());
        if !one.made_by.contains(&saving.made_by) {
            one.made_by.push(saving.made_by);
        }
        // The base's savings are hidden by this and that.
        if advice == Advice::ChangeBase {
            one.hidden_by = one.hidden_by.filter(|_| saving.hidden_by == one.hidden_by);
        }
    }
    one.paths.truncate(savings::PATHS_MAX);
    one.made_by.sort_unstable();
    if let Some(source) = source {
        let mut places: Vec<_> = savings
            .iter()
            .flat_map(|saving| [Some(saving.made_by), saving.hidden_by])
            .filter_map(|layer| source.place_of(layer?))
            .collect();
        places.sort_unstable();
        places.dedup();
        let spans = places
            .iter()
            .map(|place| source.places[*place].instruction.span);
        one.lines = spans
            .map(|span| LineRange {
                first: span.start.line,
                last: span.end.line,
            })
            .collect();
    }
    one
}

/// The patch of one change, where it is safe.
fn patch_of(advice: Advice, savings: &[&Saving], source: &Source<'_>) -> Option<String> {
    let saving = savings.first()?;
    let made = source.place_of(saving.made_by)?;
    let hidden = || source.place_of(saving.hidden_by?);
    match advice {
        Advice::JoinRuns => patch::join_runs(source, made, hidden()?),
        Advice::SetOnCopy => {
            let copies: Option<Vec<_>> = savings
                .iter()
                .map(|saving| source.place_of(saving.made_by))
                .collect();
            saving
                .copied_whole
                .then(|| patch::set_on_copy(source, &copies?, hidden()?, &saving.beside))?
        }
        Advice::CleanCache => {
            let manager = saving.manager.as_deref()?;
            patch::remove_in_run(source, made, saving.removals()?, &|later| {
                patch::runs_manager(later, manager)
            })
        }
        Advice::RemoveArchive => {
            let removals = saving.removals()?;
            let is_needed = |later: &_| {
                removals
                    .iter()
                    .any(|path| patch::needs_archive(later, path))
            };
            let is_exact = removals.iter().all(|path| !path.contains('*'));
            is_exact.then(|| patch::remove_in_run(source, made, removals, &is_needed))?
        }
        _ => None,
    }
}
