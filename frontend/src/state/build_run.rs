//! One build as the page follows it: from packing the context to its last event.

use std::rc::Rc;

use estiva_shared::dockerfile::Diagnostic;
use estiva_shared::protocol::{BuildEvent, BuildFailure, ErrorBody, PlannedStep};
use yew::Reducible;

use super::output::Output;
use super::pull::Pull;

/// The code of a failure that is none: somebody stopped the build.
pub const CANCELLED: &str = "cancelled";

/// Where a build is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum BuildPhase {
    /// None was started.
    #[default]
    Idle,
    /// The context's archive is laid out.
    Packing,
    /// The context is on its way.
    Uploading {
        /// Bytes sent.
        done_bytes: u64,
        /// Bytes in all.
        total_bytes: u64,
    },
    /// The server was asked.
    Starting,
    /// Steps run.
    Running,
    /// It ended well.
    Done {
        /// The image's id.
        image_id: String,
        /// Its names.
        tags: Vec<String>,
        /// Its size, in bytes.
        size_bytes: u64,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// It failed.
    Failed(BuildFailure),
    /// The connection was lost, and the build with it.
    Lost,
}

/// Where a step is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepPhase {
    /// Not begun.
    #[default]
    Waiting,
    /// Running since this time of the page's clock, in milliseconds.
    Running {
        /// The clock when it began.
        since_ms: u64,
    },
    /// Ended well.
    Done {
        /// It came from the cache.
        cached: bool,
        /// In milliseconds.
        duration_ms: u64,
    },
    /// Failed.
    Failed {
        /// In milliseconds.
        duration_ms: u64,
    },
    /// The build ended while it ran: it was stopped, another step failed, or the connection was lost.
    Stopped {
        /// In milliseconds.
        duration_ms: u64,
    },
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepView {
    /// What the plan says of it.
    pub planned: PlannedStep,
    /// Where it is.
    pub phase: StepPhase,
    /// What it wrote.
    pub output: Rc<Output>,
    /// Bytes done and, where known, bytes in all.
    pub progress: Option<(u64, Option<u64>)>,
    /// The layer it made, in bytes.
    pub layer_bytes: Option<u64>,
    /// Why it failed.
    pub message: Option<String>,
}

/// A base that is pulled, before the steps are known.
#[derive(Clone, Debug, PartialEq)]
pub struct BasePull {
    /// As the Dockerfile names it.
    pub reference: String,
    /// How far it is.
    pub pull: Pull,
}

/// A build, its steps, its warnings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BuildRun {
    /// Where it is.
    pub phase: BuildPhase,
    /// The bases that are pulled for it.
    pub bases: Vec<BasePull>,
    /// Its steps, once they are planned.
    pub steps: Vec<StepView>,
    /// Warnings about the Dockerfile.
    pub warnings: Vec<Diagnostic>,
}

/// What changes a [`BuildRun`].
#[derive(Clone, Debug)]
pub enum BuildAction {
    /// A new build begins; all of the last one goes.
    Reset(BuildPhase),
    /// The upload went on, or the next phase before the steps began.
    Phase(BuildPhase),
    /// The server told something, at this time of the page's clock in milliseconds.
    Event(BuildEvent, u64),
    /// The server ended it without a last event, at this time of the page's clock.
    Ended(Option<ErrorBody>, u64),
    /// The connection closed, at this time of the page's clock.
    Lost(u64),
}

impl BuildRun {
    /// Whether a build is under way.
    pub fn is_busy(&self) -> bool {
        matches!(
            self.phase,
            BuildPhase::Packing
                | BuildPhase::Uploading { .. }
                | BuildPhase::Starting
                | BuildPhase::Running
        )
    }

    /// Whether it waits for a base.
    pub fn is_pulling(&self) -> bool {
        self.phase == BuildPhase::Starting && self.bases.iter().any(|base| base.pull.is_busy())
    }

    /// Steps that ended well.
    pub fn finished_steps(&self) -> usize {
        let done = |step: &&StepView| matches!(step.phase, StepPhase::Done { .. });
        self.steps.iter().filter(done).count()
    }

    /// The word for tests and styles.
    pub fn name(&self) -> &'static str {
        match &self.phase {
            BuildPhase::Idle => "idle",
            BuildPhase::Packing => "packing",
            BuildPhase::Uploading { .. } => "uploading",
            BuildPhase::Starting => "starting",
            BuildPhase::Running => "running",
            BuildPhase::Done { .. } => "done",
            // Whoever pressed the button was not let down.
            BuildPhase::Failed(failure) if failure.code == CANCELLED => "stopped",
            BuildPhase::Failed(_) => "failed",
            BuildPhase::Lost => "lost",
        }
    }

    /// Ends the build; what still ran does not run any more.
    fn end(&mut self, phase: BuildPhase, now_ms: u64) {
        self.phase = phase;
        for base in &mut self.bases {
            base.pull.stop();
        }
        for step in &mut self.steps {
            if let StepPhase::Running { since_ms } = step.phase {
                step.phase = StepPhase::Stopped {
                    duration_ms: now_ms.saturating_sub(since_ms),
                };
                step.progress = None;
            }
        }
    }

    /// The pull of a base; one that was not told of before begins.
    fn base(&mut self, reference: String) -> &mut Pull {
        let known = self
            .bases
            .iter()
            .position(|base| base.reference == reference);
        let index = known.unwrap_or_else(|| {
            let pull = Pull::begun(reference.clone());
            self.bases.push(BasePull { reference, pull });
            self.bases.len() - 1
        });
        &mut self.bases[index].pull
    }

    fn step(&mut self, index: usize, change: impl FnOnce(&mut StepView)) {
        // An index beyond the plan comes from a faulty server only; there is nothing to show for it.
        if let Some(step) = self.steps.get_mut(index) {
            change(step);
        }
    }

    fn apply(&mut self, event: BuildEvent, now_ms: u64) {
        match event {
            BuildEvent::Planned { steps } => {
                self.phase = BuildPhase::Running;
                self.steps = steps.into_iter().map(StepView::from).collect();
            }
            BuildEvent::Pull {
                reference,
                transfer,
            } => self.base(reference).apply(transfer),
            BuildEvent::Warning(warning) => self.warnings.push(warning),
            BuildEvent::Started { step } => {
                self.step(step, |view| {
                    view.phase = StepPhase::Running { since_ms: now_ms }
                });
            }
            BuildEvent::Output { step, stream, text } => {
                self.step(step, |view| {
                    Rc::make_mut(&mut view.output).push(stream, &text)
                });
            }
            BuildEvent::Progress {
                step,
                done_bytes,
                total_bytes,
            } => {
                self.step(step, |view| view.progress = Some((done_bytes, total_bytes)));
            }
            BuildEvent::Finished {
                step,
                cached,
                duration_ms,
                layer_bytes,
            } => self.step(step, |view| {
                view.phase = StepPhase::Done {
                    cached,
                    duration_ms,
                };
                view.layer_bytes = layer_bytes;
                view.progress = None;
            }),
            BuildEvent::StepFailed {
                step,
                duration_ms,
                message,
            } => self.step(step, |view| {
                view.phase = StepPhase::Failed { duration_ms };
                view.message = Some(message);
                view.progress = None;
            }),
            BuildEvent::Done {
                image_id,
                tags,
                size_bytes,
                duration_ms,
            } => {
                self.phase = BuildPhase::Done {
                    image_id,
                    tags,
                    size_bytes,
                    duration_ms,
                };
            }
            BuildEvent::Failed(failure) => self.end(BuildPhase::Failed(failure), now_ms),
        }
    }
}

impl From<PlannedStep> for StepView {
    fn from(planned: PlannedStep) -> Self {
        StepView {
            planned,
            phase: StepPhase::Waiting,
            output: Rc::default(),
            progress: None,
            layer_bytes: None,
            message: None,
        }
    }
}

impl Reducible for BuildRun {
    type Action = BuildAction;

    fn reduce(self: Rc<Self>, action: BuildAction) -> Rc<Self> {
        let mut run = Rc::unwrap_or_clone(self);
        match action {
            BuildAction::Reset(phase) => {
                run = BuildRun {
                    phase,
                    ..BuildRun::default()
                }
            }
            BuildAction::Phase(phase) if run.is_busy() => run.phase = phase,
            BuildAction::Event(event, now_ms) => run.apply(event, now_ms),
            BuildAction::Ended(error, now_ms) if run.is_busy() => {
                let failure = error.map_or_else(ended_without_reason, failure_of);
                run.end(BuildPhase::Failed(failure), now_ms);
            }
            BuildAction::Lost(now_ms) if run.is_busy() => run.end(BuildPhase::Lost, now_ms),
            BuildAction::Phase(_) | BuildAction::Ended(..) | BuildAction::Lost(_) => {}
        }
        Rc::new(run)
    }
}

/// A refusal in the form of a build's failure.
pub fn failure_of(error: ErrorBody) -> BuildFailure {
    BuildFailure {
        code: error.code,
        message: error.message,
        hint: error.hint,
        diagnostics: Vec::new(),
        dockerfile: None,
        line: None,
        exit_code: None,
    }
}

fn ended_without_reason() -> BuildFailure {
    failure_of(ErrorBody {
        code: "ended-early".into(),
        message: "expected the build's last event, but its end came first".into(),
        hint: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::protocol::{OutputStream, TransferEvent, TransferLayer};

    fn after(actions: Vec<BuildAction>) -> BuildRun {
        let start = Rc::new(BuildRun::default());
        let end = actions
            .into_iter()
            .fold(start, |run, action| run.reduce(action));
        Rc::unwrap_or_clone(end)
    }

    fn event(event: BuildEvent) -> BuildAction {
        BuildAction::Event(event, 1_000)
    }

    fn planned() -> Vec<BuildAction> {
        let step = |text: &str, line| PlannedStep {
            stage: "0".into(),
            text: text.into(),
            line,
        };
        vec![
            BuildAction::Reset(BuildPhase::Starting),
            event(BuildEvent::Planned {
                steps: vec![step("FROM busybox", 1), step("RUN echo hi", 2)],
            }),
        ]
    }

    #[test]
    fn follows_a_build_to_its_end() {
        let mut actions = planned();
        actions.extend([
            event(BuildEvent::Started { step: 0 }),
            event(BuildEvent::Finished {
                step: 0,
                cached: true,
                duration_ms: 1,
                layer_bytes: None,
            }),
            event(BuildEvent::Started { step: 1 }),
            event(BuildEvent::Output {
                step: 1,
                stream: OutputStream::Stdout,
                text: "hi\n".into(),
            }),
            event(BuildEvent::Finished {
                step: 1,
                cached: false,
                duration_ms: 40,
                layer_bytes: Some(2_048),
            }),
            event(BuildEvent::Done {
                image_id: "sha256:0".into(),
                tags: vec!["hello:latest".into()],
                size_bytes: 2_048,
                duration_ms: 60,
            }),
            BuildAction::Ended(None, 2_000),
            BuildAction::Lost(2_000),
        ]);
        let run = after(actions);
        assert_eq!((run.name(), run.finished_steps()), ("done", 2));
        assert_eq!(
            run.steps[0].phase,
            StepPhase::Done {
                cached: true,
                duration_ms: 1
            }
        );
        assert_eq!(
            run.steps[1]
                .output
                .lines()
                .next()
                .map(|line| line.text.clone()),
            Some("hi".into())
        );
        assert_eq!(run.steps[1].layer_bytes, Some(2_048));
    }

    #[test]
    fn follows_the_bases_that_are_pulled_before_the_steps() {
        let layer = TransferLayer {
            digest: "sha256:aa".into(),
            bytes: 10,
        };
        let pull = |reference: &str, transfer| {
            event(BuildEvent::Pull {
                reference: reference.into(),
                transfer,
            })
        };
        let resolved = TransferEvent::Resolved {
            reference: "docker.io/library/node:20".into(),
            digest: None,
            platform: "linux/amd64".into(),
            layers: vec![layer],
        };
        let done = TransferEvent::Done {
            image_id: "sha256:1".into(),
            digest: None,
            names: Vec::new(),
            unchanged: false,
        };
        let mut actions = vec![
            BuildAction::Reset(BuildPhase::Starting),
            pull("node:20", resolved.clone()),
        ];
        let pulling = after(actions.clone());
        assert!(pulling.is_pulling() && pulling.bases.len() == 1);
        actions.extend([pull("node:20", done), pull("debian", resolved)]);
        let second = after(actions.clone());
        let names: Vec<&str> = second.bases.iter().map(|base| base.pull.name()).collect();
        assert_eq!(names, ["done", "moving"]);
        actions.push(BuildAction::Lost(2_000));
        let lost = after(actions);
        let names: Vec<&str> = lost.bases.iter().map(|base| base.pull.name()).collect();
        assert_eq!(names, ["done", "stopped"]);
        assert!(!lost.is_pulling());
    }

    #[test]
    fn a_lost_connection_ends_a_running_build() {
        let mut actions = planned();
        actions.push(BuildAction::Lost(2_000));
        assert_eq!(after(actions).phase, BuildPhase::Lost);
    }

    /// The step that ran when the build ended kept its spinner, and its time grew for as long as the page was open.
    #[test]
    fn no_step_runs_on_after_the_build_has_ended() {
        let cancelled = failure_of(ErrorBody {
            code: CANCELLED.into(),
            message: "the build was stopped".into(),
            hint: None,
        });
        let ends = [
            (
                BuildAction::Event(BuildEvent::Failed(cancelled), 1_250),
                "stopped",
            ),
            (BuildAction::Ended(None, 1_250), "failed"),
            (BuildAction::Lost(1_250), "lost"),
        ];
        for (end, name) in ends {
            let mut actions = planned();
            actions.extend([
                event(BuildEvent::Started { step: 0 }),
                event(BuildEvent::Progress {
                    step: 0,
                    done_bytes: 1,
                    total_bytes: None,
                }),
                end,
            ]);
            let run = after(actions);
            assert_eq!(run.name(), name);
            assert_eq!(run.steps[0].phase, StepPhase::Stopped { duration_ms: 250 });
            assert_eq!(run.steps[0].progress, None, "{name}");
            assert_eq!(run.steps[1].phase, StepPhase::Waiting, "{name}");
        }
    }

    #[test]
    fn an_end_without_a_last_event_is_a_failure() {
        let mut actions = planned();
        actions.push(BuildAction::Ended(None, 2_000));
        assert!(
            matches!(after(actions).phase, BuildPhase::Failed(failure) if failure.code == "ended-early")
        );
    }

    #[test]
    fn a_step_beyond_the_plan_changes_nothing() {
        let mut actions = planned();
        actions.push(event(BuildEvent::Started { step: 99 }));
        assert_eq!(after(actions), after(planned()));
    }

    #[test]
    fn upload_progress_after_the_end_is_ignored() {
        let mut actions = planned();
        actions.extend([
            BuildAction::Lost(2_000),
            BuildAction::Phase(BuildPhase::Starting),
        ]);
        assert_eq!(after(actions).phase, BuildPhase::Lost);
    }
}
