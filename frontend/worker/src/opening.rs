//! Opening an archive or a folder: what is known of its layers from before, then the others side by side, then the whole. What is
//! read so far can be looked at meanwhile.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use estiva_shared::image::{self, LayerRead, LayerSpan, Limits};
use web_sys::{Blob, DedicatedWorkerGlobalScope};

use super::Answer;
use super::archive::FileAt;
use super::beside::BESIDE_BYTES_MIN;
use super::contents::Source;
use super::hands::{self, Hearer};
use super::layer::read_whole;
use super::program::{Held, send};
use super::shelf::Shelf;

/// Layers of fewer bytes in all are read as fast by this worker alone, which need not start another.
const SIDE_BY_SIDE_BYTES_MIN: u64 = 16 << 20;

/// Smaller layers are read as fast as they are found on the shelf.
const KEPT_BYTES_MIN: u64 = 1 << 20;

/// Milliseconds between two messages of how far the reading is.
const TOLD_MS: f64 = 100.0;

/// What is known so far is told again once this many times as long has gone by as telling it took.
const SO_FAR_PAUSE: f64 = 10.0;

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
    pub(super) async fn open(self, id: u64, source: Rc<Source>) {
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
            .into_iter()
            .filter(|span| !given.contains_key(&span.member))
            .collect();
        let growing = Rc::new(Growing {
            stage: self.clone(),
            id,
            total_bytes: missing.iter().map(|span| span.size_bytes).sum(),
            members: missing.iter().map(|span| span.member.clone()).collect(),
            source: source.clone(),
            given: RefCell::new(given),
            told_at: Cell::default(),
            next_so_far: Cell::default(),
        });
        let mut fresh = growing.clone().read(&missing).await;
        let given = growing.given.take();
        // What this worker read itself is written down once the image is shown.
        let alone = match (&missing[..], &fresh[..]) {
            ([span], []) => given.get(&span.member).cloned(),
            _ => None,
        };
        let scope = self.scope.clone();
        let mut answer = |answer| send(&scope, &answer);
        let reader = &self.held;
        reader
            .borrow_mut()
            .reader
            .open(id, source, given, kept, &mut answer);
        let Some(shelf) = shelf else { return };
        fresh.extend(alone.map(|read| Some(read.to_bytes())));
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
}

/// What is being opened, as more and more of it is read.
struct Growing {
    stage: Stage,
    id: u64,
    source: Rc<Source>,
    /// Bytes of the layers that are read now.
    total_bytes: u64,
    /// The paths of their files, by their numbers.
    members: Vec<String>,
    /// What was read.
    given: RefCell<Given>,
    told_at: Cell<f64>,
    next_so_far: Cell<f64>,
}

impl Growing {
    /// Reads layers side by side, where there is enough to read; a single one by itself, with others beside who read ahead and hash.
    async fn read(self: Rc<Self>, spans: &[LayerSpan]) -> Vec<Option<Vec<u8>>> {
        let layers: Option<Vec<_>> = spans.iter().map(|span| self.source.layer(span)).collect();
        match layers.as_deref() {
            Some([layer]) if self.total_bytes >= BESIDE_BYTES_MIN => {
                self.alone(&spans[0], layer.clone()).await;
                Vec::new()
            }
            Some(layers) if self.total_bytes >= SIDE_BY_SIDE_BYTES_MIN => {
                hands::read(layers.to_vec(), Hearing(self)).await
            }
            _ => Vec::new(),
        }
    }

    async fn alone(self: Rc<Self>, span: &LayerSpan, layer: Blob) {
        let hearing = Hearing(self.clone());
        let mut tell = |done_bytes| hearing.told(done_bytes);
        let read = read_whole(layer, 1, &Limits::default(), &mut tell).await;
        // What went wrong is told when it is read in its turn.
        if let Ok(read) = read {
            self.given.borrow_mut().insert(span.member.clone(), read);
        }
    }

    /// Shows what was read so far, unless that would take too much of the time that reading takes.
    fn show(&self) {
        let began = js_sys::Date::now();
        let given = self.given.borrow();
        // The last one is shown with all the rest.
        let is_last = self.members.iter().all(|member| given.contains_key(member));
        if is_last || began < self.next_so_far.get() {
            return;
        }
        let held = &mut *self.stage.held.borrow_mut();
        if let Ok(images) = held.reader.open_in_part(&self.source, &given) {
            let id = self.id;
            send(&self.stage.scope, &Answer::SoFar { id, images });
        }
        let spent_ms = js_sys::Date::now() - began;
        self.next_so_far
            .set(began + spent_ms * (1.0 + SO_FAR_PAUSE));
    }
}

/// Hears what the hands read.
struct Hearing(Rc<Growing>);

impl Hearer for Hearing {
    fn told(&self, done_bytes: u64) {
        let now = js_sys::Date::now();
        if now < self.0.told_at.get() + TOLD_MS {
            return;
        }
        self.0.told_at.set(now);
        let answer = Answer::Progress {
            id: self.0.id,
            done_bytes,
            total_bytes: self.0.total_bytes,
        };
        send(&self.0.stage.scope, &answer);
    }

    fn read(&self, number: usize, bytes: &[u8]) {
        if let Some(read) = LayerRead::from_bytes(bytes) {
            let member = self.0.members[number].clone();
            self.0.given.borrow_mut().insert(member, read);
            self.0.show();
        }
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
