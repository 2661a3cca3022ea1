//! `estiva inspect`: an image taken apart. A file or a folder is read by this process alone, with the code that the page
//! runs; an image of the store is asked from the server ([`subject`]). With `--ci` it is held to rules ([`gate`]), with
//! `--suggest` and `--rebuild` its Dockerfile is spoken of, with `--without` its size after something is left out.

mod ahead;
mod choose;
mod gate;
mod source;
mod subject;
mod suggest;
mod what_if;

use std::path::{Path, PathBuf};

use clap::ValueHint;
use estiva_shared::image::{Choice, ImageAnalysis};
use estiva_shared::text::human_bytes;

pub(super) use self::subject::{Opened, Wanted, is_local, read_image, read_local};
use super::completion::names as completed;
use super::{Outcome, holdings, rebuild};
use crate::failure::{EXIT_FAILURE, Failure};
use crate::output::{say, say_json_of, short_id, table};

/// Files that are shown of each cause of waste.
const WASTED_SHOWN: usize = 5;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("purpose").args(["ci", "suggest", "rebuild"]),
    after_help = "A file (a docker-archive or an OCI layout as tar, plain or with gzip or zstd) or a folder (an OCI layout, or an unpacked docker-archive) needs neither server nor root. What is wrong with it is listed, and makes the exit status 1. An image that is called as a file here: write docker.io/library/NAME.\n\nExamples:\n  estiva inspect image.tar\n  estiva inspect layout/ --platform linux/arm64\n  estiva inspect hello --json\n  estiva inspect hello --suggest --dockerfile Dockerfile\n  estiva inspect hello --rebuild\n  estiva inspect hello --without /usr/share/doc --without-waste\n  estiva inspect image.tar --ci --rule highestImageBytes=200MB --rule requiredUser=not-root"
)]
pub(crate) struct Args {
    /// Print all of it, every entry of every layer, as JSON
    #[arg(long)]
    json: bool,
    /// Of several images in a file or folder, this one: its place in the list from 0, its name, or its digest
    #[arg(long, value_name = "INDEX|NAME|DIGEST")]
    image: Option<String>,
    /// Of several images in a file or folder, the one for this platform
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<String>,
    /// Print what to change so that the image gets smaller, instead of what is in it
    #[arg(long)]
    suggest: bool,
    /// Print a Dockerfile that the image may come from, rebuilt from its history
    #[arg(long)]
    rebuild: bool,
    #[command(flatten)]
    gate: gate::GateArgs,
    #[command(flatten)]
    what_if: what_if::WhatIfArgs,
    /// The Dockerfile that made the image, for --ci (places get its lines), --suggest (patches, where they are safe) and --rebuild (which line made which layer)
    #[arg(long, requires = "purpose", value_name = "FILE", value_hint = ValueHint::FilePath)]
    dockerfile: Option<PathBuf>,
    /// A file or folder, or an image's name or id
    #[arg(value_name = "FILE|DIR|IMAGE", add = completed::files_and_images())]
    subject: String,
}

impl Args {
    /// Whether a file or a folder is meant.
    pub(crate) fn is_file(&self) -> bool {
        is_local(&self.subject)
    }

    /// Several images are shown one by one for people, and all at once for programs.
    fn wanted(&self) -> Wanted {
        let choice = Choice {
            image: self.image.clone(),
            platform: self.platform.clone(),
        };
        match self.json || self.suggest || self.rebuild || self.gate.is_asked() {
            true => Wanted::All(choice),
            false => Wanted::One(choice),
        }
    }
}

/// Takes a file or a folder apart.
pub(crate) fn file(args: &Args) -> Outcome {
    let work = || {
        let gate = args.gate.read(args.dockerfile.as_deref())?;
        let analyses = read_local(&args.subject, &args.wanted())?;
        show(args, gate.as_ref(), &analyses)
    };
    work().map_err(|failure| args.gate.failed(failure))
}

/// Takes an image of the store apart.
pub(crate) async fn image(args: &Args, root: &Path) -> Outcome {
    let work = async {
        let gate = args.gate.read(args.dockerfile.as_deref())?;
        if args.image.is_some() || args.platform.is_some() {
            let message = format!(
                "expected a file or a folder of images with --image or --platform, but found neither: {}",
                shown(&args.subject)
            );
            return Err(Failure::new(message));
        }
        let analysis = read_image(&args.subject, root).await?;
        show(args, gate.as_ref(), &[analysis])
    };
    work.await.map_err(|failure| args.gate.failed(failure))
}

fn show(args: &Args, gate: Option<&gate::Gate>, analyses: &[ImageAnalysis]) -> Outcome {
    let dockerfile = args.dockerfile.as_deref();
    if args.suggest {
        return suggest::show(dockerfile, args.json, analyses);
    }
    if args.rebuild {
        return rebuild::show(dockerfile, args.json, analyses);
    }
    if args.what_if.is_asked() {
        return args.what_if.show(args.json, analyses);
    }
    if args.json {
        say_json_of(analyses)?;
    }
    if let Some(gate) = gate {
        return gate.tell(&args.subject, analyses, args.json);
    }
    if !args.json {
        for analysis in analyses {
            say(&text(analysis))?;
        }
    }
    Ok(status(analyses))
}

/// Problems are a failure, notes are none.
fn status(analyses: &[ImageAnalysis]) -> u8 {
    let mut problems = analyses.iter().flat_map(|analysis| &analysis.problems);
    if problems.any(|problem| !problem.is_note()) {
        EXIT_FAILURE
    } else {
        0
    }
}

/// What an image is called, safe to show.
fn names(analysis: &ImageAnalysis) -> String {
    match &analysis.image.names[..] {
        [] => "an image without a name".to_owned(),
        names => shown(&names.join(", ")),
    }
}

/// What a person wants to know first.
fn text(analysis: &ImageAnalysis) -> String {
    let image = &analysis.image;
    let mut text = format!(
        "{}\n  id        {}\n  platform  {}\n  size      {} in {} layers ({})\n",
        names(analysis),
        shown(&image.config_digest),
        shown(choose::platform(&image.platform)),
        human_bytes(image.uncompressed_bytes),
        image.layers.len(),
        shown(&image.format),
    );
    for (name, value) in config(analysis) {
        text.push_str(&format!("  {name:<9} {}\n", shown(&value)));
    }
    let rows: Vec<_> = image
        .layers
        .iter()
        .map(|layer| {
            [
                layer.index.to_string(),
                short_id(&layer.diff_id).to_owned(),
                human_bytes(layer.uncompressed_bytes),
                format!("+{} ~{} -{}", layer.added, layer.changed, layer.removed),
                layer.created_by.clone().unwrap_or_default(),
            ]
        })
        .collect();
    text.push('\n');
    text.push_str(&table::table(
        ["LAYER", "DIFF ID", "SIZE", "PATHS", "INSTRUCTION"],
        &rows,
    ));
    text.push_str(&waste(analysis));
    text.push_str(&holdings::text(&analysis.holdings));
    for problem in &analysis.problems {
        let place = problem
            .layer
            .map(|layer| format!(" (layer {layer})"))
            .unwrap_or_default();
        let kind = if problem.is_note() { "note" } else { "problem" };
        text.push_str(&format!("{kind}{place}: {}\n", shown(&problem.message)));
    }
    text
}

fn config(analysis: &ImageAnalysis) -> Vec<(&'static str, String)> {
    let config = &analysis.image.config;
    let words = |words: &[String]| (!words.is_empty()).then(|| words.join(" "));
    [
        ("entry", words(&config.entrypoint)),
        ("cmd", words(&config.cmd)),
        ("workdir", config.working_dir.clone()),
        ("user", config.user.clone()),
        ("ports", words(&config.exposed_ports)),
        ("env", words(&config.env)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)))
    .collect()
}

fn waste(analysis: &ImageAnalysis) -> String {
    let (waste, layers) = (&analysis.waste, &analysis.image.layers);
    if waste.reclaimable_bytes == 0 {
        return String::new();
    }
    let mut text = format!(
        "\n{} could be saved (compressed about {}). dive gives it {:.1} % and {} wasted, by another count.\n",
        human_bytes(waste.reclaimable_bytes),
        human_bytes(waste.compressed_estimate_bytes),
        waste.dive.score * 100.0,
        human_bytes(waste.dive.wasted_bytes),
    );
    for cause in &waste.by_cause {
        text.push_str(&format!(
            "  {} by {}\n",
            human_bytes(cause.reclaimable_bytes),
            shown(&cause.cause.replace('_', " "))
        ));
        for file in cause.files.iter().take(WASTED_SHOWN) {
            let size = human_bytes(file.size_bytes);
            let made_by = suggest::instruction(layers, file.layer);
            let path = shown(&file.path);
            text.push_str(&format!("    {size:>9}  {path}\n{:15}{made_by}\n", ""));
            if let Some(layer) = file.hidden_by {
                let hidden_by = suggest::instruction(layers, layer);
                text.push_str(&format!("{:15}hidden by {hidden_by}\n", ""));
            }
            if let Some(same) = &file.same_as {
                let path = shown(&same.path);
                text.push_str(&format!(
                    "{:15}the same as {path} of layer {}\n",
                    "", same.layer
                ));
            }
        }
    }
    text
}

fn shown(text: &str) -> String {
    estiva_shared::text::escape_name(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The archives that buildx writes by default hold an attestation, and inspecting one was a failure.
    #[test]
    fn notes_are_told_apart_and_are_no_failure() {
        let with = |codes: &[&str]| -> ImageAnalysis {
            let problems: Vec<_> = codes
                .iter()
                .map(|code| serde_json::json!({"code": code, "message": "words"}))
                .collect();
            serde_json::from_value(serde_json::json!({
                "version": 2,
                "image": {
                    "format": "oci-layout", "names": [], "manifest_digest": null, "config_digest": "", "platform": "",
                    "created": null, "history": [], "layers": [], "size_bytes": 0, "uncompressed_bytes": 0,
                    "config": {
                        "user": null, "exposed_ports": [], "env": [], "entrypoint": [], "cmd": [],
                        "working_dir": null, "volumes": [], "labels": [], "stop_signal": null,
                    },
                },
                "tree": [], "waste": {"reclaimable_bytes": 0, "by_cause": [], "dive": {"score": 1.0, "wasted_bytes": 0}}, "problems": problems,
            }))
            .unwrap()
        };
        let noted = with(&["attestation", "missing-platform", "not-an-image"]);
        assert_eq!(status(std::slice::from_ref(&noted)), 0);
        assert_eq!(text(&noted).matches("\nnote: words").count(), 3);
        let broken = with(&["attestation", "truncated"]);
        assert!(text(&broken).contains("\nproblem: words"));
        assert_eq!(status(&[noted, broken]), EXIT_FAILURE);
    }
}
