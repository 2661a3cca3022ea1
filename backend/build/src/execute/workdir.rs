//! WORKDIR: makes the folder where there is none.

use estiva_shared::image::DiffId;
use estiva_store::LayerRecord;

use super::snapshot::Snapshot;
use super::{Executor, StepError, copy};
use crate::plan::WorkdirStep;
use crate::tree::Writer;

impl Executor<'_> {
    /// Makes the folder, and those above it, owned by the stage's USER.
    pub(super) fn workdir(
        &mut self,
        step: &WorkdirStep,
        parents: &[DiffId],
    ) -> Result<Option<LayerRecord>, StepError> {
        let snapshot = Snapshot::new(self.store, parents)?;
        {
            let tree = snapshot.mount()?;
            let folder = tree.resolve(step.path.as_ref())?;
            if folder.is_folder() {
                return Ok(None);
            }
            let owner = copy::owner(&tree, &step.user)?;
            let mut silent = |_| {};
            let writer = Writer {
                tree: &tree,
                owner: Some(owner),
                mode: None,
                cancel: self.cancel,
                progress: &mut silent,
                done_bytes: 0,
            };
            writer.make_folders(&folder.path)?;
        }
        self.commit(snapshot, &[])
    }
}
