//! `estiva inspect`: an image taken apart. A file is read by this process alone, with the code that the page runs; an
//! image of the store is asked from the server.

use std::fs::File;
use std::path::{Path, PathBuf};

use estiva_shared::image::{ImageAnalysis, ReadAt, inspect};
use estiva_shared::text::human_bytes;

use super::completion::names;
use super::{Outcome, options::not_a_folder};
use crate::client::{Client, segment};
use crate::failure::{EXIT_FAILURE, Failure, at};
use crate::output::progress::Progress;
use crate::output::{say, say_json, short_id, table};

/// Files that are shown of each cause of waste.
const WASTED_SHOWN: usize = 5;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A file (a docker-archive or an OCI layout as tar, gzipped or not) needs neither server nor root. What is wrong with it is listed, and makes the exit status 1. An image that is called as a file here: write docker.io/library/NAME.\n\nExamples:\n  estiva inspect image.tar\n  estiva inspect hello --json"
)]
pub(crate) struct Args {
    /// Print all of it, every entry of every layer, as JSON
    #[arg(long)]
    json: bool,
    /// A file, or an image's name or id
    #[arg(value_name = "FILE|IMAGE", add = names::files_and_images())]
    subject: String,
}

impl Args {
    /// Whether a file is meant: one is there, or the word can only be a path.
    pub(crate) fn is_file(&self) -> bool {
        let path = Path::new(&self.subject);
        path.is_file()
            || path.is_absolute()
            || self.subject.starts_with('.')
            || self.subject.ends_with(".tar")
            || self.subject.ends_with(".gz")
    }
}

/// Takes a file apart.
pub(crate) fn file(args: &Args) -> Outcome {
    let path = PathBuf::from(&args.subject);
    let archive = FileAt::open(&path)?;
    let mut progress = Progress::on_terminal("reading", Some(archive.size));
    let analyses = inspect(&archive, &mut |at| {
        progress.iter_mut().for_each(|bar| bar.is_at(at.done_bytes));
        true
    })
    .map_err(at("read", &path))?;
    drop(progress);
    show(args, &analyses)
}

/// Takes an image of the store apart.
pub(crate) async fn image(args: &Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    let path = format!("/api/v1/images/{}/analysis", segment(&args.subject));
    let analysis: ImageAnalysis = client.get(&path).await?;
    show(args, &[analysis])
}

fn show(args: &Args, analyses: &[ImageAnalysis]) -> Outcome {
    if args.json {
        match analyses {
            [one] => say_json(one)?,
            several => say_json(&several)?,
        }
    } else {
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

/// What a person wants to know first.
fn text(analysis: &ImageAnalysis) -> String {
    let image = &analysis.image;
    let names = if image.names.is_empty() {
        "an image without a name".to_owned()
    } else {
        image.names.join(", ")
    };
    let mut text = format!(
        "{}\n  id        {}\n  platform  {}\n  size      {} in {} layers ({})\n",
        shown(&names),
        shown(&image.config_digest),
        shown(&image.platform),
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
    let waste = &analysis.waste;
    if waste.reclaimable_bytes == 0 {
        return String::new();
    }
    let mut text = format!(
        "\n{} could be saved:\n",
        human_bytes(waste.reclaimable_bytes)
    );
    for cause in &waste.by_cause {
        text.push_str(&format!(
            "  {} by {}\n",
            human_bytes(cause.reclaimable_bytes),
            shown(&cause.cause.replace('_', " "))
        ));
        for file in cause.files.iter().take(WASTED_SHOWN) {
            text.push_str(&format!(
                "    {:>9}  {} (layer {}, hidden by {})\n",
                human_bytes(file.size_bytes),
                shown(&file.path),
                file.layer,
                file.hidden_by
            ));
        }
    }
    text
}

fn shown(text: &str) -> String {
    estiva_shared::text::escape_name(text).into_owned()
}

/// A file, read at any place.
struct FileAt {
    file: File,
    size: u64,
}

impl FileAt {
    fn open(path: &Path) -> Result<Self, Failure> {
        let found = std::fs::metadata(path).map_err(at("open", path))?;
        // Before it is opened, which waits for a writer. An archive's index is at its end, and is read first.
        if !found.is_file() && !found.is_dir() {
            let message = format!(
                "expected a file that can be read at any place, but found a pipe or a device: {}",
                shown(&path.to_string_lossy())
            );
            return Err(Failure::new(message).hint("write it to a file first, and inspect that"));
        }
        let file = File::open(path).map_err(at("open", path))?;
        not_a_folder(&file, path)?;
        let size = file.metadata().map_err(at("look at", path))?.len();
        Ok(Self { file, size })
    }
}

impl ReadAt for FileAt {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buffer, offset)
    }
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
