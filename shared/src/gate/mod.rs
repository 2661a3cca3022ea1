//! A gate for continuous integration: rules, held against an image's analysis. See `docs/inspect.md`.
//!
//! The command line and the page run this same code: rules are read from `.dive-ci` or from a file of our own, each gives
//! pass, fail or skipped with what was measured and where, and the whole is written as JSON, SARIF or Markdown.

mod judge;
mod markdown;
mod mistake;
mod origins;
mod paths;
mod places;
mod read;
mod rules;
mod sarif;
mod show;
mod user;
mod value;
mod verdict;
mod yaml;

pub use judge::judge;
pub use markdown::markdown;
pub use mistake::Mistake;
pub use origins::Origins;
pub use read::{RULES_BYTES_MAX, read_rules};
pub use rules::{Form, Limit, RULES, Rule, RuleInfo, Rules};
pub use sarif::sarif;
pub use verdict::*;

/// Holds every image of a file to the rules.
///
/// `subject` is the file or image as it was named; with a Dockerfile, by its path, places have its lines.
#[must_use]
pub fn judge_all(
    rules: &Rules,
    analyses: &[crate::image::ImageAnalysis],
    subject: &str,
    rules_from: Option<&str>,
    dockerfile: Option<(&str, &crate::dockerfile::Dockerfile)>,
) -> GateReport {
    let images: Vec<_> = analyses
        .iter()
        .map(|analysis| {
            let origins = dockerfile.map(|(_, parsed)| Origins::new(parsed, analysis));
            judge(rules, analysis, origins.as_ref())
        })
        .collect();
    let fails = images.iter().any(|image| image.status == Status::Fail);
    GateReport {
        version: GATE_VERSION,
        subject: subject.to_owned(),
        rules_from: rules_from.map(str::to_owned),
        dockerfile: dockerfile.map(|(path, _)| path.to_owned()),
        status: if fails { Status::Fail } else { Status::Pass },
        images,
    }
}

/// An image of nothing, for tests to fill.
#[cfg(test)]
fn empty_analysis() -> crate::image::ImageAnalysis {
    serde_json::from_value(serde_json::json!({
        "version": 2,
        "image": {
            "format": "docker-archive", "names": ["test:latest"], "manifest_digest": null,
            "config_digest": "sha256:00", "platform": "linux/amd64", "created": null, "history": [], "layers": [],
            "size_bytes": 0, "uncompressed_bytes": 0,
            "config": {
                "user": null, "exposed_ports": [], "env": [], "entrypoint": [], "cmd": [], "working_dir": null,
                "volumes": [], "labels": [], "stop_signal": null,
            },
        },
        "tree": [], "problems": [],
        "waste": {"reclaimable_bytes": 0, "by_cause": [], "dive": {"score": 1.0, "wasted_bytes": 0}},
    }))
    .expect("the analysis has these fields")
}
