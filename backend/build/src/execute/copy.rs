//! COPY: reads the sources, and writes them into the stage's file system.

use std::path::Path;

use estiva_runtime::user;
use estiva_shared::dockerfile::{Diagnostic, Position, Severity, Span};
use estiva_shared::image::DiffId;
use estiva_store::LayerRecord;

use super::snapshot::{Snapshot, View};
use super::{Executor, PROGRESS_BYTES, StageState, StepError};
use crate::failure::failure;
use crate::plan::{CopyFrom, CopyStep, Step};
use crate::tree::{Owner, Scan, Source, Tree, TreeError, Writer, may_find_nothing};

/// The sources of one COPY, read.
pub(super) struct Taken<'a> {
    /// The stage that they lie in; `None` is the context.
    view: Option<View<'a>>,
    /// In the order of writing.
    pub(super) sources: Vec<Source>,
}

impl<'a> Executor<'a> {
    /// Reads the sources of a COPY, so that the cache can be asked.
    pub(super) fn read_sources(
        &self,
        step: &CopyStep,
        earlier: &[StageState],
    ) -> Result<Taken<'a>, StepError> {
        let layers = match &step.from {
            CopyFrom::Context => None,
            CopyFrom::Stage(index) => Some(earlier[*index].layers.as_slice()),
            CopyFrom::Image(layers) => Some(layers.as_slice()),
        };
        let view = layers
            .map(|layers| View::new(self.store, layers))
            .transpose()?;
        let context = self.context.tree();
        let Some(tree) = view.as_ref().map(|view| &view.tree).or(context) else {
            let mut sources = step.sources.iter();
            return match sources.find(|path| !may_find_nothing(path)) {
                Some(path) => Err(TreeError::NotFound { path: path.into() }.into()),
                None => Ok(Taken {
                    view,
                    sources: Vec::new(),
                }),
            };
        };
        let filter = if view.is_some() {
            None
        } else {
            self.context.filter()
        };
        let scan = Scan {
            tree,
            filter,
            stage: view.is_some(),
            cancel: self.cancel,
        };
        let sources = scan.sources(&step.sources)?;
        Ok(Taken { view, sources })
    }

    /// Writes them. Where all patterns found nothing there is no layer, as in BuildKit.
    pub(super) fn copy(
        &mut self,
        step: &CopyStep,
        taken: &Taken<'_>,
        parents: &[DiffId],
    ) -> Result<Option<LayerRecord>, StepError> {
        if taken.sources.is_empty() {
            return Ok(None);
        }
        let snapshot = Snapshot::new(self.store, parents)?;
        {
            let tree = snapshot.mount()?;
            self.write(step, taken, &tree)?;
        }
        self.commit(snapshot, &[])
    }

    fn write(&mut self, step: &CopyStep, taken: &Taken<'_>, tree: &Tree) -> Result<(), StepError> {
        let owner = match (&step.chown, &taken.view) {
            (Some(chown), _) => Some(self::owner(tree, chown)?),
            (None, None) => Some(Owner::default()),
            // Between stages, files keep their owners.
            (None, Some(_)) => None,
        };
        let total_bytes = taken.sources.iter().map(Source::bytes).sum();
        let context = self.context;
        let Some(from) = taken
            .view
            .as_ref()
            .map(|view| &view.tree)
            .or(context.tree())
        else {
            return Ok(());
        };
        let cancel = self.cancel;
        let mut told = 0;
        let mut progress = |done_bytes: u64| {
            if done_bytes - told >= PROGRESS_BYTES {
                told = done_bytes;
                self.progress(done_bytes, Some(total_bytes));
            }
        };
        let mode = step.chmod;
        let mut writer = Writer {
            tree,
            owner,
            mode,
            cancel,
            progress: &mut progress,
            done_bytes: 0,
        };
        let destination = tree.resolve(Path::new(&step.destination))?;
        let into_folder = step.into_folder || destination.is_folder();
        if taken.sources.len() > 1 && !into_folder {
            let message = format!(
                "expected a folder (ending in '/') for the {} files that the wildcard found, but found: {}",
                taken.sources.len(),
                step.destination
            );
            return Err(StepError::Failure(failure("step-failed", message)));
        }
        for source in &taken.sources {
            let target = if source.is_folder() {
                writer.make_folders(&destination.path)?;
                destination.path.clone()
            } else if into_folder {
                writer.make_folders(&destination.path)?;
                destination.path.join(&source.name)
            } else {
                writer.make_folders(destination.path.parent().unwrap_or(Path::new("")))?;
                destination.path.clone()
            };
            writer.copy(from, source, &target)?;
        }
        Ok(())
    }
}

/// A COPY that copies nothing is allowed, and most often a mistake.
pub(super) fn found_nothing(step: &Step) -> Diagnostic {
    let start = Position {
        offset: 0,
        line: step.line,
        column: 1,
    };
    Diagnostic {
        severity: Severity::Warning,
        code: "empty-copy".to_owned(),
        message: format!(
            "expected files that the wildcards match, but found none: nothing is copied by {}",
            step.text
        ),
        hint: None,
        span: Span { start, end: start },
    }
}

/// Looks up `user[:group]` in the file system that is being written. A number alone is its own group, a name brings
/// the group of its entry: as BuildKit has it.
pub(super) fn owner(tree: &Tree, wanted: &str) -> Result<Owner, StepError> {
    let both;
    let number_alone = !wanted.is_empty() && wanted.bytes().all(|byte| byte.is_ascii_digit());
    let wanted = if number_alone {
        both = format!("{wanted}:{wanted}");
        &both
    } else {
        wanted
    };
    let user = user::resolve(tree.root(), wanted)
        .map_err(|error| StepError::Failure(failure("step-failed", error.to_string())))?;
    Ok(Owner {
        uid: user.uid,
        gid: user.gid,
    })
}
