//! The image's configuration at the end of a build, and whether there is such an image already.

use estiva_shared::image::DiffId;
use estiva_store::{ImageRecord, Store, StoreError};
use oci_spec::image::{Arch, History, ImageConfiguration, Os};

use crate::Clock;
use crate::execute::StageState;
use crate::plan::{Beyond, Plan, Platform, StageBase};

/// The configuration of the last stage's image. The store adds the layers.
pub(crate) fn configuration(
    plan: &Plan,
    state: &StageState,
    platform: &Platform,
    clock: Clock,
) -> ImageConfiguration {
    let mut image = ImageConfiguration::default();
    image.set_architecture(Arch::from(platform.architecture.as_str()));
    image.set_os(Os::from(platform.os.as_str()));
    if let Some(base) = base_configuration(plan) {
        image.set_architecture(base.architecture().clone());
        image.set_os(base.os().clone());
        image.set_os_version(base.os_version().clone());
        image.set_variant(base.variant().clone());
    }
    image.set_created(Some(clock.now_rfc3339()));
    image.set_config(plan.stages.last().map(|stage| stage.config.to_oci()));
    image.set_history(Some(state.history.clone()));
    image
}

/// What a base image's config holds beyond the OCI's fields. A config that can't be read holds nothing: the store has
/// read it before.
pub(crate) fn beyond(config: &[u8]) -> Beyond {
    let config: serde_json::Value = serde_json::from_slice(config).unwrap_or_default();
    let config = &config["config"];
    let words = |name: &str| config[name].as_array().cloned().unwrap_or_default();
    let shell = words("Shell");
    Beyond {
        not_built: if !words("OnBuild").is_empty() {
            Some("ONBUILD instructions")
        } else if !shell.is_empty() && shell != ["/bin/sh", "-c"] {
            Some("a SHELL of its own")
        } else {
            None
        },
        dropped: config["Healthcheck"].is_object().then_some("HEALTHCHECK"),
    }
}

/// The image that the last stage comes from, through the stages before it.
fn base_configuration(plan: &Plan) -> Option<&ImageConfiguration> {
    let mut stage = plan.stages.last()?;
    loop {
        match &stage.base {
            StageBase::Scratch => return None,
            StageBase::Image(image) => return Some(&image.config),
            StageBase::Stage(index) => stage = &plan.stages[*index],
        }
    }
}

/// An image of the store that differs in nothing but its times. A build that came from the cache as a whole gives that
/// one again: otherwise each would leave an image without a name behind.
pub(crate) fn same_as(
    store: &Store,
    configuration: &ImageConfiguration,
    layers: &[DiffId],
) -> Result<Option<ImageRecord>, StoreError> {
    let wanted = without_times(configuration);
    let known = store.images()?;
    Ok(known
        .into_iter()
        .find(|image| image.diff_ids == layers && without_times(&image.config) == wanted))
}

fn without_times(configuration: &ImageConfiguration) -> ImageConfiguration {
    let mut plain = configuration.clone();
    plain.set_created(None);
    // The store sets it from the layers, which are compared on their own.
    plain.set_rootfs(oci_spec::image::RootFs::default());
    let history: Vec<History> = configuration
        .history()
        .iter()
        .flatten()
        .map(|line| {
            let mut line = line.clone();
            line.set_created(None);
            line
        })
        .collect();
    plain.set_history(Some(history));
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_oci_does_not_name_is_seen() {
        for (config, not_built, dropped) in [
            ("{}", false, false),
            (
                r#"{"config":{"OnBuild":null,"Shell":["/bin/sh","-c"]}}"#,
                false,
                false,
            ),
            (r#"{"config":{"OnBuild":["RUN x"]}}"#, true, false),
            (r#"{"config":{"Shell":["/bin/bash","-c"]}}"#, true, false),
            (
                r#"{"config":{"Healthcheck":{"Test":["NONE"]}}}"#,
                false,
                true,
            ),
        ] {
            let beyond = beyond(config.as_bytes());
            assert_eq!(beyond.not_built.is_some(), not_built, "{config}");
            assert_eq!(beyond.dropped.is_some(), dropped, "{config}");
        }
    }
}
