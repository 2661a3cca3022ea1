//! Opening an archive or a folder: what is known of its layers from before, then the others side by side, then the whole.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use estiva_shared::image::{self, LayerRead, LayerSpan, Limits};
use web_sys::DedicatedWorkerGlobalScope;

use super::archive::FileAt;
use super::contents::Source;
use super::program::{Held, send};
use super::shelf::Shelf;
use super::{Answer, hands};

/// Layers of fewer bytes in all are read as fast by this worker alone, which need not start another.
const SIDE_BY_SIDE_BYTES_MIN: u64 = 16 << 20;

/// Smaller layers are read as fast as they are found on the shelf.
const KEPT_BYTES_MIN: u64 = 1 << 20;

/// Layers that were read before, by their files' paths.
pub(super) type Given = BTreeMap<String, LayerRead>;

/// Who is told, and where what was opened is held.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) scope: DedicatedWorkerGlobalScope,
    pub(super) held: Rc<RefCell<Held>>,
}

impl Stage {
    /// Takes apart what was dropped, telling how far it is.
    pub(super) async fn open(self, id: u64, source: Source) {
        // What is wrong with it is told below.
        let spans = image::layers_of(source.subject(), &Limits::default()).unwrap_or_default();
        let shelf = Shelf::open().await;
        let mut given = Given::new();
        if let Some(shelf) = &shelf {
            for span in &spans {
                if let Some(read) = known(shelf, span, &source).await {
                    given.insert(span.member.clone(), read);
                }
            }
        }
        let kept = given.len();
        let missing: Vec<_> = spans
            .iter()
            .filter(|span| !given.contains_key(&span.member))
            .collect();
        let fresh = self.side_by_side(id, &missing, &source).await;
        for (span, bytes) in missing.iter().zip(&fresh) {
            if let Some(read) = bytes.as_deref().and_then(LayerRead::from_bytes) {
                given.insert(span.member.clone(), read);
            }
        }
        let scope = self.scope.clone();
        let mut answer = |answer| send(&scope, &answer);
        let reader = &self.held;
        reader
            .borrow_mut()
            .reader
            .open(id, source, given, kept, &mut answer);
        let Some(shelf) = shelf else { return };
        for (span, bytes) in missing.iter().zip(&fresh) {
            if let (Some(key), Some(bytes)) = (span.key(), bytes)
                && span.size_bytes >= KEPT_BYTES_MIN
            {
                shelf.put(&key, bytes).await;
            }
        }
        shelf.tidy().await;
    }

    /// Forgets all layers that are kept.
    pub(super) async fn forget(self, id: u64) {
        let layers = match Shelf::open().await {
            Some(shelf) => shelf.clear().await,
            None => 0,
        };
        send(&self.scope, &Answer::Forgotten { id, layers });
    }

    /// Reads layers side by side, where there is enough to read.
    async fn side_by_side(
        &self,
        id: u64,
        spans: &[&LayerSpan],
        source: &Source,
    ) -> Vec<Option<Vec<u8>>> {
        let total_bytes: u64 = spans.iter().map(|span| span.size_bytes).sum();
        let layers: Option<Vec<_>> = spans.iter().map(|span| source.layer(span)).collect();
        let layers = match layers {
            Some(layers) if total_bytes >= SIDE_BY_SIDE_BYTES_MIN => layers,
            _ => return Vec::new(),
        };
        let (scope, last) = (self.scope.clone(), Cell::new(0));
        let told = move |done_bytes: u64| {
            if done_bytes > last.replace(done_bytes) {
                let answer = Answer::Progress {
                    id,
                    done_bytes,
                    total_bytes,
                };
                send(&scope, &answer);
            }
        };
        hands::read(layers, told).await
    }
}

/// A layer as it was read before, where samples of its bytes are still what they were.
async fn known(shelf: &Shelf, span: &LayerSpan, source: &Source) -> Option<LayerRead> {
    if span.size_bytes < KEPT_BYTES_MIN {
        return None;
    }
    let read = shelf.get(&span.key()?).await?;
    let blob = FileAt::open(source.layer(span)?).ok()?;
    read.is_of(span, &blob).then_some(read)
}
