//! The rules, held against an image. Pure: an analysis and rules give a verdict.

use std::collections::HashSet;

use super::paths::Paths;
use super::places::{self, Places};
use super::{
    ImageVerdict, Limit, Measure, Origins, Place, Rule, RuleResult, Rules, Status, Unit, user,
    value,
};
use crate::image::{Change, EntryKind, ImageAnalysis, WASTE_CAUSES};

/// `S_ISUID`.
const SETUID: u32 = 0o4000;
/// `S_ISGID`; without the group's right to execute it does not make a program (inode(7)).
const SETGID: u32 = 0o2000;
const GROUP_EXECUTE: u32 = 0o010;

/// Holds an image to the rules. With `origins`, places have the line of the Dockerfile that made them.
#[must_use]
pub fn judge(rules: &Rules, analysis: &ImageAnalysis, origins: Option<&Origins>) -> ImageVerdict {
    let image = &analysis.image;
    let results: Vec<_> = rules
        .iter()
        .map(|(rule, limit)| {
            let mut result = match limit {
                Some(limit) => judge_rule(rule, limit, analysis),
                None => skipped(rule),
            };
            if let Some(origins) = origins {
                for place in &mut result.places {
                    place.line = match place.layer {
                        Some(layer) => origins.line_of_layer(layer),
                        None if unit(rule) == Unit::Users => origins.line_of_user(),
                        None => None,
                    };
                }
            }
            result
        })
        .collect();
    let fails = results.iter().any(|result| result.status == Status::Fail);
    ImageVerdict {
        names: image.names.clone(),
        config_digest: image.config_digest.clone(),
        platform: image.platform.clone(),
        uncompressed_bytes: image.uncompressed_bytes,
        layers: image.layers.len(),
        status: if fails { Status::Fail } else { Status::Pass },
        rules: results,
    }
}

/// What a rule found.
struct Found {
    measured: Measure,
    passes: bool,
    note: Option<String>,
    places: Places,
}

fn judge_rule(rule: Rule, limit: &Limit, analysis: &ImageAnalysis) -> RuleResult {
    let found = match limit {
        Limit::Ratio(limit) => ratio(rule, *limit, analysis),
        Limit::Number(limit) => number(rule, *limit, analysis),
        Limit::List(list) => listed(rule, list, analysis),
    };
    let (places_total, places) = match found.passes {
        true => (0, Vec::new()),
        false => (found.places.total(), found.places.into_largest()),
    };
    RuleResult {
        rule: rule.info().key.to_owned(),
        status: if found.passes {
            Status::Pass
        } else {
            Status::Fail
        },
        unit: unit(rule),
        measured: Some(found.measured),
        limit: Some(match limit {
            Limit::Ratio(ratio) => Measure::Ratio(*ratio),
            Limit::Number(number) => Measure::Number(*number),
            Limit::List(list) => Measure::List(list.clone()),
        }),
        note: found.note,
        places,
        places_total,
    }
}

fn skipped(rule: Rule) -> RuleResult {
    RuleResult {
        rule: rule.info().key.to_owned(),
        status: Status::Skipped,
        unit: unit(rule),
        measured: None,
        limit: None,
        note: None,
        places: Vec::new(),
        places_total: 0,
    }
}

fn unit(rule: Rule) -> Unit {
    match rule {
        Rule::LowestEfficiency
        | Rule::HighestUserWastedPercent
        | Rule::HighestReclaimablePercent => Unit::Ratio,
        Rule::HighestWastedBytes | Rule::HighestReclaimableBytes | Rule::HighestImageBytes => {
            Unit::Bytes
        }
        Rule::HighestLayers => Unit::Layers,
        Rule::HighestProblems => Unit::Problems,
        Rule::RequiredUser | Rule::ForbiddenUser => Unit::Users,
        Rule::ForbiddenFiles
        | Rule::ForbiddenFilesInTree
        | Rule::ForbiddenWaste
        | Rule::AllowedSetuid => Unit::Files,
    }
}

fn ratio(rule: Rule, limit: f64, analysis: &ImageAnalysis) -> Found {
    let waste = &analysis.waste;
    // Bytes of nothing are no waste, and waste beside nothing is more than any limit.
    let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    let measured = match rule {
        Rule::LowestEfficiency => waste.dive.score,
        Rule::HighestUserWastedPercent => {
            let own = analysis.image.layers.iter().skip(1);
            let own_bytes = own.map(places::content_bytes).fold(0, u64::saturating_add);
            share(waste.dive.wasted_bytes, own_bytes)
        }
        _ => share(waste.reclaimable_bytes, analysis.image.uncompressed_bytes),
    };
    let passes = match rule {
        Rule::LowestEfficiency => measured >= limit,
        _ => measured <= limit,
    };
    Found {
        measured: Measure::Ratio(measured),
        passes,
        note: None,
        places: match rule {
            _ if passes => Places::default(),
            Rule::HighestReclaimablePercent => wasted(analysis, |_| true),
            _ => places::twice_shipped(analysis),
        },
    }
}

fn number(rule: Rule, limit: u64, analysis: &ImageAnalysis) -> Found {
    let layers = &analysis.image.layers;
    let measured = match rule {
        Rule::HighestWastedBytes => analysis.waste.dive.wasted_bytes,
        Rule::HighestReclaimableBytes => analysis.waste.reclaimable_bytes,
        Rule::HighestImageBytes => analysis.image.uncompressed_bytes,
        Rule::HighestLayers => layers.len() as u64,
        _ => problems(analysis).total() as u64,
    };
    let passes = measured <= limit;
    let large = |first: usize| {
        let mut places = Places::default();
        let layers = layers.iter().skip(first);
        places.extend(layers.map(|layer| Place {
            layer: Some(layer.index),
            size_bytes: layer.uncompressed_bytes,
            ..Place::default()
        }));
        places
    };
    Found {
        measured: Measure::Number(measured),
        passes,
        note: None,
        places: match rule {
            _ if passes => Places::default(),
            Rule::HighestWastedBytes => places::twice_shipped(analysis),
            Rule::HighestReclaimableBytes => wasted(analysis, |_| true),
            Rule::HighestImageBytes => large(0),
            // Those beyond the limit.
            Rule::HighestLayers => large(usize::try_from(limit).unwrap_or(usize::MAX)),
            _ => problems(analysis),
        },
    }
}

fn listed(rule: Rule, list: &[String], analysis: &ImageAnalysis) -> Found {
    if unit(rule) == Unit::Users {
        return starts_as(rule, list, analysis);
    }
    let mut note = None;
    let places = match rule {
        Rule::ForbiddenFiles => in_layers(analysis, &Paths::new(list)),
        Rule::ForbiddenFilesInTree => in_tree(analysis, &Paths::new(list)),
        Rule::AllowedSetuid => setuid(analysis, &Paths::new(list)),
        _ => {
            let names: Vec<_> = list.iter().map(|name| name.replace('-', "_")).collect();
            note = unknown_causes(&names, analysis);
            wasted(analysis, |cause| names.iter().any(|name| name == cause))
        }
    };
    Found {
        measured: Measure::Number(places.total() as u64),
        passes: places.total() == 0,
        note,
        places,
    }
}

/// The files that ship unseen by the causes that are wanted.
fn wasted(analysis: &ImageAnalysis, is_wanted: impl Fn(&str) -> bool) -> Places {
    let mut places = Places::default();
    let causes = analysis.waste.by_cause.iter();
    for cause in causes.filter(|cause| is_wanted(&cause.cause)) {
        places.extend(cause.files.iter().map(|wasted| Place {
            note: Some(cause.cause.clone()),
            ..places::file(wasted.layer, &wasted.path, wasted.size_bytes)
        }));
    }
    places
}

/// Names of causes that nothing is known by: they may be misspelt, and would pass for ever. They are pointed out and no more,
/// since an analysis may tell causes apart that are not known here.
fn unknown_causes(names: &[String], analysis: &ImageAnalysis) -> Option<String> {
    let found = &analysis.waste.by_cause;
    let unknown = names.iter().find(|name| {
        !WASTE_CAUSES.contains(&name.as_str()) && found.iter().all(|cause| cause.cause != **name)
    })?;
    let hint = match value::nearest_cause(unknown) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("known ones are {}", WASTE_CAUSES.join(", ")),
    };
    let unknown = super::mistake::quoted(unknown);
    Some(format!("no cause of waste is called {unknown}: {hint}"))
}

/// Files of any layer, also those that a later one hides.
fn in_layers(analysis: &ImageAnalysis, paths: &Paths) -> Places {
    let mut places = Places::default();
    let mut seen = HashSet::new();
    for layer in &analysis.image.layers {
        let entries = layer.entries.iter().filter(|entry| {
            let is_there = entry.change != Change::Removed && entry.kind != EntryKind::Directory;
            is_there && paths.hold(&entry.path)
        });
        for entry in entries {
            seen.insert((layer.index, entry.path.as_str()));
            places.add(places::file(layer.index, &entry.path, entry.size_bytes));
        }
    }
    // What the same layer put away again is among the waste alone.
    let wasted = analysis
        .waste
        .by_cause
        .iter()
        .flat_map(|cause| &cause.files);
    for file in wasted.filter(|file| paths.hold(&file.path)) {
        if seen.insert((file.layer, file.path.as_str())) {
            places.add(places::file(file.layer, &file.path, file.size_bytes));
        }
    }
    places
}

/// Files that a container sees.
fn in_tree(analysis: &ImageAnalysis, paths: &Paths) -> Places {
    let mut places = Places::default();
    let files = analysis
        .tree
        .iter()
        .filter(|entry| entry.kind != EntryKind::Directory && paths.hold(&entry.path));
    places.extend(files.map(|entry| places::file(entry.layer, &entry.path, entry.size_bytes)));
    places
}

/// Programs that run with their owner's or group's rights.
fn setuid(analysis: &ImageAnalysis, allowed: &Paths) -> Places {
    let mut places = Places::default();
    for entry in &analysis.tree {
        let is_setgid = entry.mode & SETGID != 0 && entry.mode & GROUP_EXECUTE != 0;
        let note = match (entry.mode & SETUID != 0, is_setgid) {
            (true, true) => "setuid, setgid",
            (true, false) => "setuid",
            (false, true) => "setgid",
            (false, false) => continue,
        };
        let is_file = matches!(entry.kind, EntryKind::File | EntryKind::Hardlink);
        if is_file && !allowed.hold(&entry.path) {
            places.add(Place {
                note: Some(note.to_owned()),
                ..places::file(entry.layer, &entry.path, entry.size_bytes)
            });
        }
    }
    places
}

/// What is wrong with the archive or the image; notes are no problems.
fn problems(analysis: &ImageAnalysis) -> Places {
    let mut places = Places::default();
    let problems = analysis.problems.iter();
    places.extend(
        problems
            .filter(|problem| !problem.is_note())
            .map(|problem| Place {
                layer: problem.layer,
                path: problem.entry.clone(),
                note: Some(format!("{}: {}", problem.code, problem.message)),
                ..Place::default()
            }),
    );
    places
}

fn starts_as(rule: Rule, names: &[String], analysis: &ImageAnalysis) -> Found {
    let user = analysis.image.config.user.as_deref().unwrap_or_default();
    let is_named = names.iter().any(|name| user::is_named(user, name));
    let mut places = Places::default();
    let note = match user {
        "" => "the image's config names no user",
        _ => "the image's config",
    };
    places.add(Place {
        note: Some(note.to_owned()),
        ..Place::default()
    });
    let shown = if user.is_empty() { user::ROOT } else { user };
    Found {
        measured: Measure::Text(shown.to_owned()),
        passes: is_named == (rule == Rule::RequiredUser),
        note: None,
        places,
    }
}
