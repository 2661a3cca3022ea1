//! Does what the plan says: stage after stage, step after step, each from the cache where it can be.
//!
//! A stage's state is the list of its layers. A step takes it, and gives it back with one layer more or none.

mod copy;
mod network;
mod output;
mod run;
mod snapshot;
mod workdir;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use estiva_runtime::RuntimeBinary;
use estiva_runtime::defaults::{Bind, Limits};
use estiva_shared::image::DiffId;
use estiva_shared::protocol::{BuildEvent, BuildFailure};
use estiva_shared::report::{BuildStepTiming, BuildTimings};
use estiva_store::{CacheEntry, LayerRecord, Store, StoreError};
use oci_spec::image::{History, HistoryBuilder};

use crate::cache;
use crate::context::OpenContext;
use crate::failure::{cancelled, failure};
use crate::plan::{Action, CopyFrom, Plan, StageBase, StagePlan, Step};
use crate::scratch::Scratch;
use crate::tree::TreeError;
use crate::{CancelFlag, Clock};
pub(crate) use network::StepNetwork;
use snapshot::Snapshot;

/// Layers in an image, as Docker's limit: older kernels and tools mount no more.
const LAYERS_MAX: usize = 127;

/// A step tells its progress each time so many bytes more are done: often enough for a bar, and rare enough that
/// telling costs nothing.
const PROGRESS_BYTES: u64 = 4 << 20;

/// What all steps need.
pub(crate) struct Executor<'a> {
    pub(crate) store: &'a Store,
    pub(crate) runtime: &'a RuntimeBinary,
    pub(crate) world: &'a str,
    /// What RUN steps on the bridge share.
    pub(crate) network: StepNetwork<'a>,
    pub(crate) scratch: &'a Scratch,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) context: &'a OpenContext,
    pub(crate) no_cache: bool,
    /// The host's certificates, where RUN steps are to trust them. No part of any key: a step that works with them
    /// makes the same as one on a host that needs none.
    pub(crate) host_ca: Option<Bind>,
    pub(crate) events: &'a mut dyn FnMut(BuildEvent),
    pub(crate) cancel: &'a CancelFlag,
    /// The step that is being done, by its index in the plan.
    pub(crate) step: usize,
    /// Of the steps that were done.
    pub(crate) timings: BuildTimings,
}

/// A stage that was built.
#[derive(Clone, Debug, Default)]
pub(crate) struct StageState {
    /// Its layers, lowest first.
    pub(crate) layers: Vec<DiffId>,
    /// How they came to be.
    pub(crate) history: Vec<History>,
}

/// Why a step failed.
pub(crate) enum StepError {
    /// With a code of its own.
    Failure(BuildFailure),
    /// A path of the context or of the image.
    Tree(TreeError),
    /// The store.
    Store(StoreError),
}

impl From<TreeError> for StepError {
    fn from(error: TreeError) -> Self {
        Self::Tree(error)
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a step gave.
struct Outcome {
    cached: bool,
    layer: Option<LayerRecord>,
}

impl Executor<'_> {
    /// Does all steps. The last stage's state is the image's.
    pub(crate) fn execute(
        mut self,
        plan: &Plan,
    ) -> Result<(StageState, BuildTimings), BuildFailure> {
        let mut states: Vec<StageState> = Vec::with_capacity(plan.stages.len());
        for stage in &plan.stages {
            let state = self.stage(stage, &states)?;
            states.push(state);
        }
        Ok((states.pop().unwrap_or_default(), self.timings))
    }

    fn stage(
        &mut self,
        stage: &StagePlan,
        earlier: &[StageState],
    ) -> Result<StageState, BuildFailure> {
        let mut state = match &stage.base {
            StageBase::Scratch => StageState::default(),
            StageBase::Stage(index) => earlier[*index].clone(),
            StageBase::Image(image) => StageState {
                layers: image.diff_ids.clone(),
                history: image.config.history().clone().unwrap_or_default(),
            },
        };
        for step in &stage.steps {
            if self.cancel.is_cancelled() {
                return Err(cancelled());
            }
            (self.events)(BuildEvent::Started { step: self.step });
            let started = Instant::now();
            let outcome = self.perform(step, &state, earlier);
            let duration_ms = milliseconds_since(started);
            match outcome {
                Ok(outcome) => self.finished(stage, step, &mut state, &outcome, duration_ms),
                Err(error) => {
                    let failure = self.explain(step, error);
                    let message = failure.message.clone();
                    (self.events)(BuildEvent::StepFailed {
                        step: self.step,
                        duration_ms,
                        message,
                    });
                    return Err(failure);
                }
            }
            self.step += 1;
        }
        Ok(state)
    }

    fn finished(
        &mut self,
        stage: &StagePlan,
        step: &Step,
        state: &mut StageState,
        outcome: &Outcome,
        duration_ms: u64,
    ) {
        let layer_bytes = outcome.layer.map(|layer| layer.size_bytes);
        state
            .layers
            .extend(outcome.layer.map(|layer| layer.diff_id));
        // FROM's history is its base's.
        if !matches!(step.action, Action::From(_)) {
            state
                .history
                .push(self.history(step, outcome.layer.is_none()));
        }
        let cached = outcome.cached;
        (self.events)(BuildEvent::Finished {
            step: self.step,
            cached,
            duration_ms,
            layer_bytes,
        });
        self.timings.steps.push(BuildStepTiming {
            stage: stage.label.clone(),
            text: step.text.clone(),
            cached,
            duration_ms,
            layer_bytes,
        });
    }

    fn history(&self, step: &Step, empty_layer: bool) -> History {
        let mut history = HistoryBuilder::default()
            .created(self.clock.now_rfc3339())
            .created_by(step.text.clone())
            .comment("estiva");
        if empty_layer {
            history = history.empty_layer(true);
        }
        history
            .build()
            .expect("every field of a history has a default")
    }

    /// Does one step, or finds it done.
    fn perform(
        &mut self,
        step: &Step,
        state: &StageState,
        earlier: &[StageState],
    ) -> Result<Outcome, StepError> {
        let taken = match &step.action {
            Action::Copy(copy) => Some(self.read_sources(copy, earlier)?),
            _ => None,
        };
        if taken.as_ref().is_some_and(|taken| taken.sources.is_empty()) {
            (self.events)(BuildEvent::Warning(copy::found_nothing(step)));
        }
        let sources = taken
            .as_ref()
            .map(|taken| taken.sources.as_slice())
            .unwrap_or_default();
        let key = cache::key(&state.layers, &step.action, sources);
        if !self.no_cache
            && let Some(layer) = self.cached(&key)?
        {
            return Ok(Outcome {
                cached: true,
                layer,
            });
        }
        let makes_layer = matches!(
            step.action,
            Action::Copy(_) | Action::Workdir(_) | Action::Run(_)
        );
        if makes_layer && state.layers.len() >= LAYERS_MAX {
            let message = format!("expected at most {LAYERS_MAX} layers, but found one more");
            return Err(StepError::Failure(failure("step-failed", message)));
        }
        let layer = match (&step.action, taken) {
            (Action::Copy(copy), Some(taken)) => self.copy(copy, &taken, &state.layers)?,
            (Action::Workdir(workdir), _) => self.workdir(workdir, &state.layers)?,
            (Action::Run(run), _) => self.run(run, &state.layers)?,
            _ => None,
        };
        self.store.cache_put(
            &key,
            &CacheEntry {
                diff_id: layer.map(|layer| layer.diff_id),
            },
        )?;
        Ok(Outcome {
            cached: false,
            layer,
        })
    }

    /// The layer that a step made when it was done before (`Some(None)` where it made none).
    fn cached(
        &self,
        key: &estiva_shared::image::Digest,
    ) -> Result<Option<Option<LayerRecord>>, StepError> {
        let Some(entry) = self.store.cache_get(key)? else {
            return Ok(None);
        };
        match entry.diff_id {
            None => Ok(Some(None)),
            // A layer that was collected meanwhile is made again.
            Some(diff_id) => Ok(self.store.layer(&diff_id)?.map(Some)),
        }
    }

    fn explain(&self, step: &Step, error: StepError) -> BuildFailure {
        if self.cancel.is_cancelled() {
            return cancelled();
        }
        let from_context =
            matches!(&step.action, Action::Copy(copy) if copy.from == CopyFrom::Context);
        let failure = match error {
            StepError::Failure(failure) => failure,
            StepError::Tree(TreeError::Cancelled) => cancelled(),
            StepError::Tree(error) => {
                let about_context = matches!(
                    error,
                    TreeError::NotFound { .. }
                        | TreeError::Excluded { .. }
                        | TreeError::Special { .. }
                        | TreeError::Changed { .. }
                        | TreeError::TooMany { .. }
                );
                let code = if from_context && about_context {
                    "context"
                } else {
                    "step-failed"
                };
                failure(code, format!("{}: {error}", step.text))
            }
            // What the step left can't be a layer: folders too deep, a name that is reserved.
            StepError::Store(StoreError::Commit(error)) => {
                failure("step-failed", format!("{}: {error}", step.text))
            }
            StepError::Store(error) => failure("internal", error.to_string()),
        };
        BuildFailure {
            line: failure.line.or(Some(step.line)),
            ..failure
        }
    }

    /// Makes a step's layer, and tells how far it is: packing a large one takes seconds.
    fn commit(
        &mut self,
        snapshot: Snapshot<'_>,
        hide: &[PathBuf],
    ) -> Result<Option<LayerRecord>, StepError> {
        let (mut done_bytes, mut told) = (0, 0);
        let cancel = self.cancel;
        let layer = snapshot.commit(hide, &mut |bytes| {
            if cancel.is_cancelled() {
                return ControlFlow::Break(());
            }
            done_bytes += bytes;
            if done_bytes - told >= PROGRESS_BYTES {
                told = done_bytes;
                self.progress(done_bytes, None);
            }
            ControlFlow::Continue(())
        })?;
        Ok(layer)
    }

    /// Tells how far a step that moves bytes is.
    fn progress(&mut self, done_bytes: u64, total_bytes: Option<u64>) {
        (self.events)(BuildEvent::Progress {
            step: self.step,
            done_bytes,
            total_bytes,
        });
    }
}

/// The time since `start`, in milliseconds.
pub(crate) fn milliseconds_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}
