//! The worker's program: takes an [`Ask`], gives [`Answer`]s. Between two of them it keeps what was opened last.

use std::cell::RefCell;
use std::rc::Rc;

use estiva_shared::dockerfile;
use estiva_shared::image::holdings::{SbomFormat, sbom};
use estiva_shared::image::{
    self, AccessError, ImageAnalysis, InspectError, LayerSpan, LeftOut, Limits, Listed, Progress,
    RawDocument,
};
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, DedicatedWorkerGlobalScope, File, MessageEvent};

use super::archive::FileAt;
use super::contents::{Opened, Source};
use super::folder::FolderAt;
use super::layer;
use super::opening::{Given, Stage};
use super::{
    Answer, Ask, BYTES_FIELD, Comparer, FILE_FIELD, FILES_FIELD, TEXT_FIELD, analysis_json,
};
use crate::summary::Summary;
use crate::tree::{History, Slice, View, Wish};
use crate::treemap::{MapWish, Plan, peaks};

/// How many bytes go by between two messages of progress.
pub(super) const PROGRESS_BYTES: u64 = 4 << 20;

/// Milliseconds that a search takes of the worker before it shows what it has, and hears what else is asked.
const SEARCH_TURN_MS: f64 = 40.0;

/// Milliseconds of a search after which its first finds are shown, once there are enough to fill the page.
const FIRST_TURN_MS: f64 = 15.0;

/// Milliseconds between two messages about a search that goes on.
const SEARCH_TOLD_MS: f64 = 120.0;

/// Listens for what the page asks, from now on.
pub fn start() {
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else {
        // Loaded outside a worker, where there is nobody to answer.
        return;
    };
    let held = Rc::new(RefCell::new(Held::default()));
    let turn = search_turn(&scope, &held);
    let (answer_to, searcher) = (scope.clone(), held.clone());
    let listener = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let scope = answer_to.clone();
        let stage = Stage {
            scope: scope.clone(),
            held: searcher.clone(),
        };
        let held = &mut *searcher.borrow_mut();
        take(held, &event.data(), &stage, &mut |answer| {
            send(&scope, &answer)
        });
        let reader = &mut held.reader;
        if reader.is_searching() && !reader.turn_is_due {
            reader.turn_is_due = later(&answer_to, &turn);
        }
    });
    scope.set_onmessage(Some(listener.as_ref().unchecked_ref()));
    // It lives as long as the worker does.
    listener.forget();
    send(&scope, &Answer::Ready);
}

/// A turn of a search that goes on; after it the worker hears what else is asked, and the next one comes.
fn search_turn(scope: &DedicatedWorkerGlobalScope, held: &Rc<RefCell<Held>>) -> js_sys::Function {
    let (scope, held) = (scope.clone(), held.clone());
    let itself: Rc<RefCell<Option<js_sys::Function>>> = Rc::default();
    let next = itself.clone();
    let turn = Closure::<dyn FnMut()>::new(move || {
        let reader = &mut held.borrow_mut().reader;
        reader.turn_is_due = false;
        if let Some(answer) = reader.search_on() {
            send(&scope, &answer);
        }
        if let (true, Some(turn)) = (reader.is_searching(), &*next.borrow()) {
            reader.turn_is_due = later(&scope, turn);
        }
    });
    // It lives as long as the worker does.
    let turn: js_sys::Function = turn.into_js_value().unchecked_into();
    *itself.borrow_mut() = Some(turn.clone());
    turn
}

/// Calls back once the messages that wait were heard; answers whether it will.
fn later(scope: &DedicatedWorkerGlobalScope, turn: &js_sys::Function) -> bool {
    scope.set_timeout_with_callback(turn).is_ok()
}

/// What the worker keeps between two questions.
#[derive(Default)]
pub(super) struct Held {
    pub(super) reader: Reader,
    comparer: Comparer,
}

fn take(held: &mut Held, data: &JsValue, stage: &Stage, answer: &mut dyn FnMut(Answer)) {
    let Held { reader, comparer } = held;
    let field = |name: &str| Reflect::get(data, &name.into()).unwrap_or(JsValue::UNDEFINED);
    let text = field(TEXT_FIELD).as_string().unwrap_or_default();
    let no_file = |id| Answer::Failed {
        id,
        message: "expected a file with the message, but found none".into(),
    };
    match serde_json::from_str(&text) {
        Ok(Ask::Dockerfile { id, source }) => answer(read_dockerfile(id, &source)),
        Ok(Ask::Archive { id }) => match field(FILE_FIELD).dyn_into::<File>() {
            Ok(file) => match FileAt::open(file) {
                Ok(archive) => {
                    reader.close();
                    let source = Rc::new(Source::Archive(archive));
                    spawn_local(stage.clone().open(id, source));
                }
                Err(error) => answer(failed(id, error)),
            },
            Err(_) => answer(no_file(id)),
        },
        Ok(Ask::Folder { id, paths }) => match field(FILES_FIELD).dyn_into::<Array>() {
            Ok(files) => {
                let files = files.iter().map(JsCast::unchecked_into::<Blob>);
                reader.close();
                let folder = Rc::new(Source::Folder(FolderAt::new(paths, files)));
                spawn_local(stage.clone().open(id, folder));
            }
            Err(_) => answer(no_file(id)),
        },
        Ok(Ask::Layer { id, readers }) => match field(FILE_FIELD).dyn_into::<Blob>() {
            Ok(blob) => {
                let scope = stage.scope.clone();
                let answer = move |answer| send(&scope, &answer);
                spawn_local(layer::read(id, blob, readers, answer));
            }
            Err(_) => answer(no_file(id)),
        },
        Ok(Ask::Remote { id, image }) => answer(reader.open_remote(id, &image)),
        Ok(Ask::RemoteLayer { id, digest }) => match field(FILE_FIELD).dyn_into::<Blob>() {
            Ok(blob) => reader.take_layer(id, &digest, blob, answer),
            Err(_) => answer(no_file(id)),
        },
        Ok(Ask::Forget { id }) => spawn_local(stage.clone().forget(id)),
        Ok(Ask::Json { id }) => match field(FILE_FIELD).dyn_into::<Blob>() {
            Ok(file) => answer(reader.open_json(id, &file)),
            Err(_) => answer(no_file(id)),
        },
        Ok(Ask::Analysis { id }) => match field(FILE_FIELD).dyn_into::<Blob>() {
            Ok(file) => answer(reader.open_analysis(id, &file)),
            Err(_) => answer(no_file(id)),
        },
        Ok(Ask::Compare { id, about }) => comparer.take(id, about, field(FILE_FIELD), answer),
        Ok(Ask::Sbom { id, image, format }) => answer(reader.sbom(id, image, format)),
        Ok(Ask::Files { id, image, wish }) => answer(reader.files(id, image, wish)),
        Ok(Ask::Map { id, image, wish }) => answer(reader.map(id, image, &wish)),
        Ok(Ask::WhatIf {
            id,
            image,
            left_out,
        }) => answer(reader.what_if(id, image, &left_out)),
        Ok(Ask::Documents { id, image }) => answer(reader.documents(id, image)),
        Ok(Ask::Content {
            id,
            image,
            layer,
            path,
            start,
            length,
        }) => answer(reader.content(id, image, (layer, &path), start, length)),
        Ok(Ask::Versions { id, image, path }) => answer(reader.versions(id, image, &path)),
        Ok(Ask::Download {
            id,
            image,
            layer,
            path,
        }) => reader.download(id, image, (layer, &path), answer),
        Ok(Ask::AnalysisJson { id }) => answer(reader.analysis_json(id)),
        // Page and worker are built together, so no other message comes.
        Err(_) => {}
    }
}

/// Reads a Dockerfile: its mistakes, and what it asks for that Estiva does not build, by line.
pub fn read_dockerfile(id: u64, source: &str) -> Answer {
    let (dockerfile, mut findings) = dockerfile::parse(source);
    findings.extend(dockerfile::not_built(&dockerfile));
    findings.sort_by_key(|finding| (finding.span.start, finding.severity));
    Answer::Dockerfile {
        id,
        dockerfile,
        findings,
    }
}

/// What was opened last.
#[derive(Default)]
pub struct Reader {
    images: Vec<ImageAnalysis>,
    /// Where their files' contents are; none where only their analyses came.
    opened: Option<Opened>,
    documents: Vec<Vec<RawDocument>>,
    /// The layers that were read of an image of a registry.
    pub(super) given: Given,
    shown: Option<Shown>,
    turn_is_due: bool,
}

/// The image whose files are looked at: of one at a time, because each takes memory by its paths.
#[derive(Debug)]
struct Shown {
    image: usize,
    history: Rc<History>,
    view: Option<View>,
    /// The page's number of the question that was asked last.
    asked: u64,
    told_at: f64,
    map: Option<Mapped>,
}

/// What maps of an image are made from.
#[derive(Debug)]
struct Mapped {
    peaks: Vec<u64>,
    plan: Plan,
}

impl Reader {
    /// Takes an archive apart, telling how far it is.
    pub fn open_archive(&mut self, id: u64, file: File, answer: &mut dyn FnMut(Answer)) {
        self.close();
        let archive = match FileAt::open(file) {
            Ok(archive) => archive,
            Err(error) => return answer(failed(id, error)),
        };
        let source = Rc::new(Source::Archive(archive));
        self.open(id, source, Given::new(), 0, answer);
    }

    /// Takes a folder apart that holds an image layout, telling how far it is.
    pub fn open_folder(&mut self, id: u64, folder: FolderAt, answer: &mut dyn FnMut(Answer)) {
        self.close();
        let source = Rc::new(Source::Folder(folder));
        self.open(id, source, Given::new(), 0, answer);
    }

    /// Takes apart what was dropped, with the layers that were read before; so many of them were kept from another time.
    pub(super) fn open(
        &mut self,
        id: u64,
        source: Rc<Source>,
        mut given: Given,
        kept: usize,
        answer: &mut dyn FnMut(Answer),
    ) {
        let limits = Limits::default();
        let mut all = |images: &[Listed]| (0..images.len()).collect();
        let mut ahead = |spans: &[LayerSpan], advance: &mut dyn FnMut(u64) -> bool| {
            let mut take = |span: &LayerSpan| {
                let read = given.remove(&span.member)?;
                advance(span.size_bytes).then_some(read)
            };
            spans.iter().map(&mut take).collect()
        };
        let result = image::inspect_ahead(
            source.subject(),
            &limits,
            &mut all,
            &mut ahead,
            &mut telling(id, answer),
        );
        answer(match result {
            Ok((images, contents)) => {
                let (images, documents) = images.into_iter().unzip();
                self.documents = documents;
                self.opened = Some(Opened { source, contents });
                self.shown = None;
                self.hold(id, images, kept)
            }
            Err(error) => failed(id, error),
        });
    }

    /// Takes apart what was read of it so far.
    ///
    /// # Errors
    /// Where that shows no image.
    pub(super) fn open_in_part(
        &mut self,
        source: &Rc<Source>,
        given: &Given,
    ) -> Result<Vec<Summary>, InspectError> {
        let mut given = |span: &LayerSpan| given.get(&span.member).cloned();
        let (images, contents) =
            image::inspect_given(source.subject(), &Limits::default(), &mut given)?;
        let (images, documents) = images.into_iter().unzip();
        self.documents = documents;
        self.opened = Some(Opened {
            source: source.clone(),
            contents,
        });
        self.shown = None;
        self.images = images;
        Ok(self.summaries())
    }

    /// The images that are open.
    pub fn images(&self) -> &[ImageAnalysis] {
        &self.images
    }

    /// What was opened last, where its files can be read.
    pub(super) fn source(&self) -> Option<Rc<Source>> {
        self.opened.as_ref().map(|opened| opened.source.clone())
    }

    /// What an image was opened from, and its analysis.
    pub(super) fn opened(&self, image: usize) -> Result<(&Opened, &ImageAnalysis), AccessError> {
        let analysis = self.images.get(image).ok_or(AccessError::NoSuch {
            what: "images",
            count: self.images.len(),
            number: image,
        })?;
        let opened = self.opened.as_ref().ok_or(AccessError::NotHere)?;
        Ok((opened, analysis))
    }

    /// Writes a bill of materials of an image.
    pub fn sbom(&self, id: u64, image: usize, format: SbomFormat) -> Answer {
        match self.images.get(image) {
            Some(analysis) => Answer::Sbom {
                id,
                text: sbom(analysis, format),
            },
            None => failed(id, CLOSED),
        }
    }

    /// Writes what is known of all images, as the command line does.
    pub fn analysis_json(&self, id: u64) -> Answer {
        match analysis_json(&self.images) {
            Ok(json) => Answer::AnalysisJson {
                id,
                json: Some(json),
            },
            Err(message) => failed(id, message),
        }
    }

    /// Shows a part of an image's files.
    pub fn files(&mut self, id: u64, image: usize, wish: Wish) -> Answer {
        let shown = match self.show(image) {
            Ok(shown) => shown,
            Err(message) => return failed(id, message),
        };
        shown.asked = id;
        let history = shown.history.clone();
        let view = shown
            .view
            .get_or_insert_with(|| View::of(history, wish.look.clone()));
        let enough = wish.count;
        let sight = timed(view, |view, spent_ms| {
            let mut pauses = |found: usize| {
                let spent = spent_ms();
                spent >= SEARCH_TURN_MS || (spent >= FIRST_TURN_MS && found >= enough)
            };
            view.take(wish, &mut pauses)
        });
        shown.told_at = js_sys::Date::now();
        Answer::Files {
            id,
            sight: Box::new(sight),
        }
    }

    /// Whether a search goes on.
    pub fn is_searching(&self) -> bool {
        let view = self.shown.as_ref().and_then(|shown| shown.view.as_ref());
        view.is_some_and(View::is_searching)
    }

    /// Goes on with the search for a turn; now and then, and at its end, there is something to tell.
    pub fn search_on(&mut self) -> Option<Answer> {
        let shown = self.shown.as_mut()?;
        let view = shown.view.as_mut().filter(|view| view.is_searching())?;
        timed(view, |view, spent_ms| {
            view.search_on(&mut |_| spent_ms() >= SEARCH_TURN_MS)
        });
        let now = js_sys::Date::now();
        if view.is_searching() && now < shown.told_at + SEARCH_TOLD_MS {
            return None;
        }
        shown.told_at = now;
        Some(Answer::Files {
            id: shown.asked,
            sight: Box::new(view.sight_again()),
        })
    }

    /// Makes a map of an image's files.
    pub fn map(&mut self, id: u64, image: usize, wish: &MapWish) -> Answer {
        let shown = match self.show(image) {
            Ok(shown) => shown,
            Err(message) => return failed(id, message),
        };
        let history = &shown.history;
        // What has nothing in it is shown in its folder.
        let mut folder = history.find(&wish.folder);
        while let Some(node) = folder.filter(|node| history.end(*node) == node + 1) {
            folder = history.parent(node);
        }
        let wish = &MapWish {
            folder: folder.map(|node| history.path(node)).unwrap_or_default(),
            layer: wish.layer.min(history.layers().saturating_sub(1)),
            size: wish.size,
        };
        let mut mapped = shown.map.take().unwrap_or_else(|| {
            let peaks = peaks(history);
            let plan = Plan::of(history, &peaks, folder, wish.size);
            Mapped { peaks, plan }
        });
        if !mapped.plan.is_for(folder, wish.size) {
            mapped.plan = Plan::of(history, &mapped.peaks, folder, wish.size);
        }
        let slice = Slice::of(history, wish.layer, false);
        let map = mapped.plan.lay(history, &slice, wish);
        shown.map = Some(mapped);
        Answer::Map { id, map }
    }

    /// Weighs an image without some of it.
    pub fn what_if(&self, id: u64, image: usize, left_out: &[LeftOut]) -> Answer {
        match self.images.get(image) {
            Some(analysis) => Answer::WhatIf {
                id,
                what_if: image::what_if(analysis, left_out),
            },
            None => failed(id, CLOSED),
        }
    }

    /// The documents that describe an image. Those of the store's images are the server's.
    pub fn documents(&self, id: u64, image: usize) -> Answer {
        let documents = self.documents.get(image).cloned().unwrap_or_default();
        Answer::Documents { id, documents }
    }

    fn show(&mut self, image: usize) -> Result<&mut Shown, &'static str> {
        if self.shown.as_ref().is_none_or(|shown| shown.image != image) {
            // Before the next one is made: the two together may be more than there is room for.
            self.shown = None;
            let analysis = self.images.get(image);
            let analysis = analysis.ok_or(CLOSED)?;
            self.shown = Some(Shown {
                image,
                history: Rc::new(History::of(analysis)),
                view: None,
                asked: 0,
                told_at: 0.0,
                map: None,
            });
        }
        self.shown.as_mut().ok_or("expected an image that is open")
    }

    pub(super) fn close(&mut self) {
        let turn_is_due = self.turn_is_due;
        *self = Reader {
            turn_is_due,
            ..Reader::default()
        };
    }

    pub(super) fn hold(&mut self, id: u64, images: Vec<ImageAnalysis>, kept: usize) -> Answer {
        self.images = images;
        Answer::Images {
            id,
            images: self.summaries(),
            kept,
        }
    }

    fn summaries(&self) -> Vec<Summary> {
        self.images.iter().map(Summary::of).collect()
    }
}

/// Why there is nothing to tell of an image.
pub(super) const CLOSED: &str = "expected an image that is open, but it was closed";

/// Tells the page how far a reading is, now and then. The page cancels by ending the worker: a message would wait until
/// the reading is done.
fn telling(id: u64, answer: &mut dyn FnMut(Answer)) -> impl FnMut(Progress) -> bool {
    let mut told = 0;
    move |progress| {
        if progress.done_bytes >= told + PROGRESS_BYTES {
            told = progress.done_bytes;
            answer(Answer::Progress {
                id,
                done_bytes: progress.done_bytes,
                total_bytes: progress.total_bytes,
            });
        }
        true
    }
}

/// Has a view do something that can look at how many milliseconds it took, and counts them as its search's.
fn timed<T>(view: &mut View, work: impl FnOnce(&mut View, &dyn Fn() -> f64) -> T) -> T {
    let began = js_sys::Date::now();
    let spent_ms = || (js_sys::Date::now() - began).max(0.0);
    let result = work(view, &spent_ms);
    view.spend(spent_ms() as u64);
    result
}

pub(super) fn failed(id: u64, message: impl std::fmt::Display) -> Answer {
    Answer::Failed {
        id,
        message: message.to_string(),
    }
}

pub(super) fn send(scope: &DedicatedWorkerGlobalScope, answer: &Answer) {
    // An answer is plain data; should it not become JSON, the page is told by the worker's error event.
    let text =
        serde_json::to_string(answer).expect("an answer has string keys only, so it becomes JSON");
    let message = Object::new();
    let transfer = Array::new();
    // Setting a field of a new, plain object does not fail.
    let _ = Reflect::set(&message, &TEXT_FIELD.into(), &text.into());
    if let Some(bytes) = answer.bytes() {
        let bytes = Uint8Array::from(bytes);
        let _ = Reflect::set(&message, &BYTES_FIELD.into(), &bytes);
        transfer.push(&bytes.buffer());
    }
    if let Answer::AnalysisJson {
        json: Some(json), ..
    } = answer
    {
        let _ = Reflect::set(&message, &FILE_FIELD.into(), json);
    }
    scope
        .post_message_with_transfer(&message, &transfer)
        .expect("strings and bytes can be posted");
}
