//! `estiva inspect --without`: what an image would weigh without some of its paths, layers or waste, by the code that the page
//! runs.

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use estiva_shared::image::{
    ImageAnalysis, LeftOut, WASTE_CAUSES, WhatIf, WhatIfPart, normalise, what_if,
};
use estiva_shared::text::{escape_name, human_bytes};

use super::super::Outcome;
use crate::failure::Failure;
use crate::output::{say, say_json_of, table};

/// What is left out.
#[derive(Debug, clap::Args)]
pub(super) struct WhatIfArgs {
    /// Print what the image would weigh without this path, and all that lies below it; may be given several times
    #[arg(long, conflicts_with = "purpose", value_name = "PATH", value_parser = NonEmptyStringValueParser::new())]
    without: Vec<String>,
    /// … without this layer, by its number from 0; may be given several times
    #[arg(long, conflicts_with = "purpose", value_name = "NUMBER")]
    without_layer: Vec<usize>,
    /// … without what is wasted, by all causes or by this one; may be given several times
    #[arg(long, conflicts_with = "purpose", value_name = "CAUSE", num_args = 0..=1, require_equals = true, default_missing_value = ALL,
        value_parser = PossibleValuesParser::new(CAUSES))]
    without_waste: Vec<String>,
}

/// The word for every cause of waste.
const ALL: &str = "all";

/// What `--without-waste` takes.
const CAUSES: [&str; WASTE_CAUSES.len() + 1] = {
    let mut words = [ALL; WASTE_CAUSES.len() + 1];
    let mut at = 0;
    while at < WASTE_CAUSES.len() {
        words[at + 1] = WASTE_CAUSES[at];
        at += 1;
    }
    words
};

impl WhatIfArgs {
    /// Whether anything is to be left out.
    pub(super) fn is_asked(&self) -> bool {
        !(self.without.is_empty() && self.without_layer.is_empty() && self.without_waste.is_empty())
    }

    fn left_out(&self) -> Vec<LeftOut> {
        let paths = self.without.iter();
        let paths = paths.map(|path| LeftOut::Path(normalise(path.as_bytes()).path));
        let layers = self.without_layer.iter().copied().map(LeftOut::Layer);
        let is_all = self.without_waste.iter().any(|cause| cause == ALL);
        let causes = WASTE_CAUSES.into_iter();
        let causes =
            causes.filter(|cause| is_all || self.without_waste.iter().any(|one| one == cause));
        let causes = causes.map(|cause| LeftOut::Waste(cause.to_owned()));
        paths.chain(layers).chain(causes).collect()
    }

    /// Prints what images would weigh.
    pub(super) fn show(&self, json: bool, analyses: &[ImageAnalysis]) -> Outcome {
        let left_out = self.left_out();
        let mut found = Vec::with_capacity(analyses.len());
        for analysis in analyses {
            let answer = what_if(analysis, &left_out);
            let mut parts = answer.parts.iter();
            if let Some(missing) = parts.find_map(|part| missing(part, analysis)) {
                return Err(missing);
            }
            found.push(answer);
        }
        if json {
            say_json_of(&found)?;
        } else {
            for (analysis, answer) in analyses.iter().zip(&found) {
                say(&in_words(analysis, answer))?;
            }
        }
        Ok(0)
    }
}

/// What is wrong with a part that the image does not have. That nothing is wasted by some cause is no mistake, nor that a path lies
/// below another that is left out too.
fn missing(part: &WhatIfPart, analysis: &ImageAnalysis) -> Option<Failure> {
    let layers = analysis.image.layers.len();
    match &part.left_out {
        LeftOut::Layer(index) if *index >= layers => {
            let message = format!(
                "expected a layer's number below {layers} with --without-layer, but found {index}"
            );
            Some(
                Failure::new(message)
                    .hint("layers are counted from 0, as estiva inspect shows them"),
            )
        }
        LeftOut::Path(path) if part.entries == 0 && !has_path(analysis, path) => {
            let message = format!(
                "expected a path that a layer of the image has with --without, but found /{}",
                escape_name(path)
            );
            Some(Failure::new(message).hint(
                "paths are whole, such as /usr/share/doc; the layers' entries are in estiva inspect --json",
            ))
        }
        _ => None,
    }
}

/// Whether any layer has a path, or something below it.
fn has_path(analysis: &ImageAnalysis, path: &str) -> bool {
    let mut entries = analysis
        .image
        .layers
        .iter()
        .flat_map(|layer| &layer.entries);
    entries.any(|entry| match entry.path.strip_prefix(path) {
        Some(rest) => path.is_empty() || rest.is_empty() || rest.starts_with('/'),
        None => false,
    })
}

fn in_words(analysis: &ImageAnalysis, answer: &WhatIf) -> String {
    let image = &analysis.image;
    let mut text = format!(
        "{}\n  size     {}\n  at rest  {}, estimated\n\n",
        super::names(analysis),
        change(answer.uncompressed_bytes, answer.saved_bytes),
        change(answer.size_bytes, answer.saved_compressed_estimate_bytes),
    );
    let parts: Vec<_> = answer
        .parts
        .iter()
        .map(|part| {
            [
                human_bytes(part.saved_bytes),
                part.entries.to_string(),
                name(&part.left_out),
            ]
        })
        .collect();
    text.push_str(&table::table(["SAVES", "ENTRIES", "WITHOUT"], &parts));
    let layers: Vec<_> = answer
        .layers
        .iter()
        .zip(&image.layers)
        .filter(|(layer, _)| layer.entries > 0 || layer.saved_bytes > 0)
        .map(|(layer, view)| {
            [
                layer.index.to_string(),
                human_bytes(view.uncompressed_bytes),
                human_bytes(view.uncompressed_bytes - layer.saved_bytes),
                layer.entries.to_string(),
                view.created_by.clone().unwrap_or_default(),
            ]
        })
        .collect();
    if !layers.is_empty() {
        text.push('\n');
        text.push_str(&table::table(
            ["LAYER", "SIZE", "WITHOUT", "ENTRIES", "INSTRUCTION"],
            &layers,
        ));
    }
    text
}

/// `118 MB → 96 MB (22 MB less, 18.6 %)`.
fn change(before: u64, saved: u64) -> String {
    format!(
        "{} → {} ({} less, {:.1} %)",
        human_bytes(before),
        human_bytes(before.saturating_sub(saved)),
        human_bytes(saved),
        saved as f64 * 100.0 / before.max(1) as f64
    )
}

fn name(left_out: &LeftOut) -> String {
    match left_out {
        LeftOut::Layer(index) => format!("layer {index}"),
        LeftOut::Path(path) => format!("/{path}"),
        LeftOut::Waste(cause) => format!("waste: {}", cause.replace('_', " ")),
    }
}
