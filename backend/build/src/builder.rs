//! The builder as its callers see it: from a request to an image with its names.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use estiva_network::Network;
use estiva_runtime::RuntimeBinary;
use estiva_runtime::defaults::{Bind, Limits, host_ca_bind};
use estiva_shared::dockerfile::{Diagnostic, Dockerfile, Severity, not_built, parse};
use estiva_shared::image::{Digest, Reference};
use estiva_shared::protocol::{BuildEvent, BuildFailure, BuildRequest, PlannedStep};
use estiva_shared::report::BuildTimings;
use estiva_store::{ImageRecord, Store, StoreError};

use crate::bases::Bases;
use crate::context::{OpenContext, TEXT_BYTES_MAX};
use crate::execute::{Executor, StageState, StepNetwork, milliseconds_since};
use crate::failure::{cancelled, diagnosed, failure, unplanned};
use crate::limits::step_limits;
use crate::plan::{self, Inputs, Plan, Platform};
use crate::scratch::Scratch;
use crate::{CancelFlag, Clock, Context, image};

/// Where the Dockerfile lies where nobody says otherwise.
const DEFAULT_DOCKERFILE: &str = "Dockerfile";

/// Bytes of a step's text in [`PlannedStep`]: what a line of the page can show; the history has all of it.
const PLANNED_TEXT_BYTES_MAX: usize = 400;

/// Steps of a build. With [`PLANNED_TEXT_BYTES_MAX`] the plan fits into one frame of the wire, every character escaped.
/// Dockerfiles of people have less than a hundred.
const STEPS_MAX: usize = 1_000;

/// Builds images into one store. Cheap to clone; several builds may run at once.
#[derive(Clone, Debug)]
pub struct Builder {
    store: Arc<Store>,
    runtime: RuntimeBinary,
    network: Arc<Network>,
    world: String,
    clock: Clock,
    limits: Limits,
    /// Bases that the store lacks are pulled.
    registries: bool,
}

/// A finished build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The image's id: the digest of its config.
    pub image_id: Digest,
    /// The names it was given, in familiar form (`hello:latest`).
    pub tags: Vec<String>,
    /// Sum of its layers, uncompressed, in bytes.
    pub size_bytes: u64,
    /// How long all took, in milliseconds.
    pub duration_ms: u64,
}

impl Builder {
    /// A builder for `store` that runs its steps by `runtime`, on `network`, in cgroups of `world`. Removes what killed builds left
    /// under the store's root: make one for a store, and clone it.
    #[must_use]
    pub fn new(
        store: Arc<Store>,
        runtime: RuntimeBinary,
        network: Arc<Network>,
        world: String,
    ) -> Self {
        Scratch::clean(store.root());
        Self {
            store,
            runtime,
            network,
            world,
            clock: Clock::System,
            limits: step_limits(),
            registries: false,
        }
    }

    /// The same, which pulls the bases that the store lacks, by the settings of the store's root.
    #[must_use]
    pub fn with_registries(mut self) -> Self {
        self.registries = true;
        self
    }

    /// The same, with other limits for RUN steps than seven eighths of the host's memory and 8,192 processes.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same, with another clock; for tests that compare images.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds an image, and tells each event as it happens, the last one ([`BuildEvent::Done`] or
    /// [`BuildEvent::Failed`]) included. Blocks until the end.
    ///
    /// `request.context` is not looked at: the caller has turned it into `context`.
    ///
    /// # Errors
    /// The same failure that the last event carries; no image has got a name then.
    pub fn build(
        &self,
        request: &BuildRequest,
        context: Context,
        events: &mut dyn FnMut(BuildEvent),
        cancel: &CancelFlag,
    ) -> Result<Built, BuildFailure> {
        let started = Instant::now();
        let result = match self.try_build(request, context, events, cancel, started) {
            Ok(built) => {
                events(BuildEvent::Done {
                    image_id: built.image_id.to_string(),
                    tags: built.tags.clone(),
                    size_bytes: built.size_bytes,
                    duration_ms: built.duration_ms,
                });
                Ok(built)
            }
            Err(failure) => {
                let failure = BuildFailure {
                    dockerfile: Some(shown_name(request).to_owned()),
                    ..failure
                };
                events(BuildEvent::Failed(failure.clone()));
                Err(failure)
            }
        };
        // What can't be removed now is tried again when the next build ends.
        let _ = self.store.tidy_cache();
        result
    }

    fn try_build(
        &self,
        request: &BuildRequest,
        context: Context,
        events: &mut dyn FnMut(BuildEvent),
        cancel: &CancelFlag,
        started: Instant,
    ) -> Result<Built, BuildFailure> {
        let names = names(&request.tags)?;
        let mut context = OpenContext::new(context);
        let text = source(request, &context)?;
        context
            .read_ignore(path_in_context(request), request.dockerfile_origin.as_ref())
            .map_err(|error| failure("context", error.to_string()))?;
        let tree = read(&text, events)?;
        let host_ca = host_ca(request)?;
        // From here on the base's layers must not be collected.
        let _hold = self.store.hold();
        let platform = Platform::host();
        let plan = self.plan(request, &tree, &platform, events, cancel)?;
        plan.warnings
            .iter()
            .for_each(|warning| events(BuildEvent::Warning(warning.clone())));
        events(BuildEvent::Planned {
            steps: planned_steps(&plan),
        });
        let scratch = Scratch::new(self.store.root()).map_err(|error| {
            failure(
                "internal",
                format!("can't make the build's folder: {error}"),
            )
        })?;
        let executor = Executor {
            store: &self.store,
            runtime: &self.runtime,
            world: &self.world,
            network: StepNetwork::new(&self.network, scratch.id()),
            scratch: &scratch,
            clock: self.clock,
            limits: self.limits,
            context: &context,
            no_cache: request.no_cache,
            host_ca,
            events,
            cancel,
            step: 0,
            timings: BuildTimings::default(),
        };
        let (state, mut timings) = executor.execute(&plan)?;
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        timings.duration_ms = milliseconds_since(started);
        let image = self
            .keep(&plan, &state, &timings, &platform)
            .map_err(|error| internal(&error))?;
        self.name(&names, &image)
            .map_err(|error| internal(&error))?;
        Ok(Built {
            image_id: image.id,
            tags: names.iter().map(Reference::familiar).collect(),
            size_bytes: image.size_bytes,
            duration_ms: milliseconds_since(started),
        })
    }

    fn plan(
        &self,
        request: &BuildRequest,
        dockerfile: &Dockerfile,
        platform: &Platform,
        events: &mut dyn FnMut(BuildEvent),
        cancel: &CancelFlag,
    ) -> Result<Plan, BuildFailure> {
        let bases = Bases {
            store: &self.store,
            request,
            registries: self.registries,
            cancel,
            state: RefCell::new((events, HashSet::new())),
        };
        let inputs = Inputs {
            dockerfile,
            build_args: &request.build_args,
            target: request.target.as_deref(),
            network: request.network,
            platform,
            images: &|name| bases.find(name),
        };
        let plan = plan::plan(&inputs).map_err(|error| match cancel.is_cancelled() {
            true => cancelled(),
            false => unplanned(error),
        })?;
        let steps: usize = plan.stages.iter().map(|stage| stage.steps.len()).sum();
        if steps > STEPS_MAX {
            let message = format!("expected at most {STEPS_MAX} steps, but found {steps}");
            return Err(failure("dockerfile", message));
        }
        Ok(plan)
    }

    fn keep(
        &self,
        plan: &Plan,
        state: &StageState,
        timings: &BuildTimings,
        platform: &Platform,
    ) -> Result<ImageRecord, StoreError> {
        let configuration = image::configuration(plan, state, platform, self.clock);
        let known = image::same_as(&self.store, &configuration, &state.layers)?;
        if let Some(known) = known {
            // Its record says how long it took to make; that it was found again says nothing.
            return Ok(known);
        }
        let image = self.store.create_image(&configuration, &state.layers)?;
        self.store.put_build(&image.id, timings)?;
        Ok(image)
    }

    /// Gives the names, all checked before the first step.
    fn name(&self, names: &[Reference], image: &ImageRecord) -> Result<(), StoreError> {
        names
            .iter()
            .try_for_each(|name| self.store.tag(name, &image.id))
    }
}

/// The host's certificates, where they are asked for: before the first step, of which none may need them.
fn host_ca(request: &BuildRequest) -> Result<Option<Bind>, BuildFailure> {
    if !request.trust_host_ca {
        return Ok(None);
    }
    host_ca_bind().map(Some).map_err(|error| BuildFailure {
        hint: Some("install the package ca-certificates".to_owned()),
        ..failure("bad-request", error.to_string())
    })
}

fn names(tags: &[String]) -> Result<Vec<Reference>, BuildFailure> {
    let parse = |tag: &String| {
        let name: Reference = tag.parse().map_err(|error| {
            failure(
                "bad-request",
                format!("can't name the image {tag}: {error}"),
            )
        })?;
        if name.digest().is_some() {
            let message = format!("expected NAME[:TAG] for the image, but found a digest: {tag}");
            return Err(failure("bad-request", message));
        }
        Ok(name)
    };
    tags.iter().map(parse).collect()
}

/// Where the Dockerfile lies in the context, if it lies there.
fn path_in_context(request: &BuildRequest) -> &str {
    let path = request.dockerfile_path.as_deref();
    path.unwrap_or(DEFAULT_DOCKERFILE)
}

/// What messages call the Dockerfile.
fn shown_name(request: &BuildRequest) -> &str {
    let origin = request.dockerfile_origin.as_ref();
    origin.map_or_else(|| path_in_context(request), |origin| &origin.name)
}

/// The Dockerfile's text.
fn source(request: &BuildRequest, context: &OpenContext) -> Result<String, BuildFailure> {
    if let Some(text) = &request.dockerfile_text {
        if text.len() as u64 > TEXT_BYTES_MAX {
            let message = format!(
                "expected a Dockerfile of at most {TEXT_BYTES_MAX} bytes, but found {}",
                text.len()
            );
            return Err(failure("dockerfile", message));
        }
        return Ok(text.clone());
    }
    let dockerfile = path_in_context(request);
    let text = context
        .text(dockerfile)
        .map_err(|error| failure("context", error.to_string()))?;
    text.ok_or_else(|| BuildFailure {
        hint: Some("name another with -f FILE".to_owned()),
        ..failure(
            "context",
            format!("expected a Dockerfile in the context, but found none: {dockerfile}"),
        )
    })
}

/// Parses; refuses mistakes and what isn't built.
fn read(text: &str, events: &mut dyn FnMut(BuildEvent)) -> Result<Dockerfile, BuildFailure> {
    let (dockerfile, diagnostics) = parse(text);
    let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
    if diagnostics.iter().any(is_error) {
        let mut diagnostics = diagnostics;
        diagnostics.sort_by_key(|diagnostic| !is_error(diagnostic));
        return Err(diagnosed("dockerfile", diagnostics));
    }
    let refused = not_built(&dockerfile);
    if !refused.is_empty() {
        return Err(diagnosed("not-built", refused));
    }
    let warnings = diagnostics
        .into_iter()
        .filter(|found| found.severity == Severity::Warning);
    warnings.for_each(|warning| events(BuildEvent::Warning(warning)));
    Ok(dockerfile)
}

fn planned_steps(plan: &Plan) -> Vec<PlannedStep> {
    let steps = plan.stages.iter().flat_map(|stage| {
        stage.steps.iter().map(|step| PlannedStep {
            stage: stage.label.clone(),
            text: one_line(&step.text),
            line: step.line,
        })
    });
    steps.collect()
}

fn one_line(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.len() <= PLANNED_TEXT_BYTES_MAX {
        return line;
    }
    format!(
        "{}…",
        &line[..line.floor_char_boundary(PLANNED_TEXT_BYTES_MAX)]
    )
}

fn internal(error: &StoreError) -> BuildFailure {
    failure("internal", error.to_string())
}
