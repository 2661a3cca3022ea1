//! The names that a shell offers: images, containers, volumes. They come from the server that runs, and from none that doesn't.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};
use estiva_shared::gate::RULES;
use estiva_shared::protocol::{ContainerStatus, ContainerSummary, ImageSummary, VolumeSummary};
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::command::root;

/// How long the server may take. Who presses Tab wants an answer at once or none.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_millis(800);

/// Images, by every name.
pub(in crate::command) fn images() -> ArgValueCandidates {
    ArgValueCandidates::new(all_images)
}

/// Files, and images by every name.
pub(in crate::command) fn files_and_images() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let mut found = PathCompleter::file().complete(typed);
        let images = all_images().into_iter();
        let start = typed.as_encoded_bytes();
        found
            .extend(images.filter(|image| image.get_value().as_encoded_bytes().starts_with(start)));
        found
    })
}

/// Containers in any state.
pub(in crate::command) fn containers() -> ArgValueCandidates {
    ArgValueCandidates::new(|| containers_that(|_| true))
}

/// Containers that run.
pub(in crate::command) fn running() -> ArgValueCandidates {
    ArgValueCandidates::new(|| containers_that(|status| *status == ContainerStatus::Running))
}

/// Volumes.
pub(in crate::command) fn volumes() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let volumes: Vec<VolumeSummary> = ask("/api/v1/volumes");
        let names = volumes.into_iter().map(|volume| volume.name);
        names.map(CompletionCandidate::new).collect()
    })
}

/// The gate's rules, ready for their values.
pub(in crate::command) fn rules() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let rules = RULES.iter();
        rules
            .map(|info| candidate(format!("{}=", info.key), info.about))
            .collect()
    })
}

fn all_images() -> Vec<CompletionCandidate> {
    let images: Vec<ImageSummary> = ask("/api/v1/images");
    let names = images.into_iter().flat_map(|image| {
        let help = image.platform;
        image
            .names
            .into_iter()
            .map(move |name| candidate(name, &help))
    });
    names.collect()
}

fn containers_that(wanted: fn(&ContainerStatus) -> bool) -> Vec<CompletionCandidate> {
    let containers: Vec<ContainerSummary> = ask("/api/v1/containers");
    let wanted = containers
        .into_iter()
        .filter(|container| wanted(&container.status));
    wanted
        .map(|container| candidate(container.name, &container.image))
        .collect()
}

fn candidate(name: String, help: &str) -> CompletionCandidate {
    CompletionCandidate::new(name).help(Some(help.to_owned().into()))
}

/// What the server of the root that is being typed answers; nothing where it can't be asked.
fn ask<T: DeserializeOwned + Default>(path: &str) -> T {
    let words: Vec<OsString> = std::env::args_os().collect();
    let root = root(named_root(&words));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return T::default();
    };
    let answer = runtime
        .block_on(async { tokio::time::timeout(ANSWER_WITHIN, ask_running(&root, path)).await });
    answer.ok().flatten().unwrap_or_default()
}

async fn ask_running<T: DeserializeOwned>(root: &Path, path: &str) -> Option<T> {
    let mut client = Client::connect_running(root).await.ok()??;
    client.get(path).await.ok()
}

/// The value of `--root` in the words that are typed.
fn named_root(words: &[OsString]) -> Option<PathBuf> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == OsStr::new("--root") {
            return words.next().map(PathBuf::from);
        }
        if let Some(root) = word.to_str().and_then(|word| word.strip_prefix("--root=")) {
            return Some(PathBuf::from(root));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_that_is_typed_is_asked() {
        let words = |text: &str| -> Vec<OsString> { text.split(' ').map(OsString::from).collect() };
        assert_eq!(
            named_root(&words("estiva -- estiva --root /a rm x")),
            Some(PathBuf::from("/a"))
        );
        assert_eq!(
            named_root(&words("estiva rm --root=/b")),
            Some(PathBuf::from("/b"))
        );
        assert_eq!(named_root(&words("estiva rm --root")), None);
        assert_eq!(named_root(&words("estiva rm root")), None);
    }
}
