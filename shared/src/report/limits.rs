//! What a report may hold: cut to when one is made, and checked when one is read.

use super::{Report, ReportError, ReportFile, canonical_json};

/// Longest report that is read, in bytes: a thousand layers with their files stay far below.
pub const REPORT_BYTES_MAX: usize = 4 << 20;

/// Most elements that any list of a report may have: the OCI's runtimes stop at some 500 layers, histories at as many.
const LIST_MAX: usize = 10_000;

/// What [`Report::left_out`] says of a report that was cut.
const OVER_LIMITS: &str = "over-limits";

/// Cuts a report's lists until it can be read again, and says so in it.
pub(super) fn fit(report: &mut Report) {
    let mut is_cut = false;
    let mut length_max = LIST_MAX;
    loop {
        is_cut |= cut(report, length_max);
        if canonical_json(report).len() <= REPORT_BYTES_MAX - OVER_LIMITS.len() * 2 {
            break;
        }
        if length_max == 0 {
            break;
        }
        length_max /= 2;
    }
    if is_cut {
        report.left_out.push(OVER_LIMITS.to_owned());
    }
}

/// Cuts each list to a length, and takes out what then leads nowhere; answers whether anything went.
fn cut(report: &mut Report, length_max: usize) -> bool {
    let mut is_cut = false;
    for list in file_lists(report) {
        is_cut |= shorten(list, length_max);
    }
    is_cut |= shorten(&mut report.layers, length_max);
    is_cut |= shorten(&mut report.instructions, length_max);
    is_cut |= shorten(&mut report.waste.by_cause, length_max);
    if let Some(build) = &mut report.build {
        is_cut |= shorten(&mut build.steps, length_max);
    }
    for list in [
        &mut report.config.env_names,
        &mut report.config.label_names,
        &mut report.config.exposed_ports,
    ] {
        is_cut |= shorten(list, length_max);
    }
    let (layers, instructions) = (report.layers.len(), report.instructions.len());
    for layer in &mut report.layers {
        layer.instruction = layer.instruction.filter(|index| *index < instructions);
    }
    for list in file_lists(report) {
        list.retain(|file| file.layer < layers);
    }
    is_cut
}

fn file_lists(report: &mut Report) -> impl Iterator<Item = &mut Vec<ReportFile>> {
    let layers = report.layers.iter_mut();
    let causes = report.waste.by_cause.iter_mut();
    layers
        .map(|layer| &mut layer.largest_files)
        .chain(causes.map(|cause| &mut cause.largest_files))
        .chain([&mut report.largest_files])
}

fn shorten<T>(list: &mut Vec<T>, length_max: usize) -> bool {
    let is_longer = list.len() > length_max;
    list.truncate(length_max);
    is_longer
}

/// Refuses lists that are too long and indexes that lead nowhere.
pub(super) fn check(report: &Report) -> Result<(), ReportError> {
    let layers = report.layers.iter().map(|layer| &layer.largest_files);
    let causes = report.waste.by_cause.iter();
    let files: Vec<_> = layers
        .chain(causes.map(|cause| &cause.largest_files))
        .chain([&report.largest_files])
        .collect();
    let lists = [
        ("layers", report.layers.len()),
        ("instructions", report.instructions.len()),
        ("causes of waste", report.waste.by_cause.len()),
        (
            "build steps",
            report.build.as_ref().map_or(0, |build| build.steps.len()),
        ),
        ("names of variables", report.config.env_names.len()),
        ("names of labels", report.config.label_names.len()),
        ("exposed ports", report.config.exposed_ports.len()),
        ("things left out", report.left_out.len()),
    ];
    let lists = lists
        .into_iter()
        .chain(files.iter().map(|list| ("largest files", list.len())));
    for (what, length) in lists {
        if length > LIST_MAX {
            return Err(ReportError::Bounds {
                expected: format!("at most {LIST_MAX} {what}"),
                found: length.to_string(),
            });
        }
    }
    let below = |what: &str, length: usize, index: usize| match index < length {
        true => Ok(()),
        false => Err(ReportError::Bounds {
            expected: format!("one of {length} {what}"),
            found: format!("number {index}"),
        }),
    };
    for layer in &report.layers {
        if let Some(instruction) = layer.instruction {
            below("instructions", report.instructions.len(), instruction)?;
        }
    }
    for file in files.into_iter().flatten() {
        below("layers", report.layers.len(), file.layer)?;
    }
    Ok(())
}
