//! The worker's program: takes an [`Ask`], gives [`Answer`]s. Between two of them it keeps what was opened last.

use std::cell::RefCell;

use estiva_shared::dockerfile;
use estiva_shared::image::{self, ImageAnalysis};
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{Blob, DedicatedWorkerGlobalScope, File, FileReaderSync, MessageEvent};

use super::archive::FileAt;
use super::{Answer, Ask, BYTES_FIELD, FILE_FIELD, TEXT_FIELD};
use crate::state::summary::Summary;
use crate::state::tree::Tree;

/// How many bytes go by between two messages of progress.
const PROGRESS_BYTES: u64 = 4 << 20;

/// Listens for what the page asks, from now on.
pub fn start() {
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else {
        // Loaded outside a worker, where there is nobody to answer.
        return;
    };
    let answer_to = scope.clone();
    let reader = RefCell::new(Reader::default());
    let listener = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let scope = answer_to.clone();
        take(&mut reader.borrow_mut(), &event.data(), &mut |answer| {
            send(&scope, answer)
        });
    });
    scope.set_onmessage(Some(listener.as_ref().unchecked_ref()));
    // It lives as long as the worker does.
    listener.forget();
    send(&scope, Answer::Ready);
}

fn take(reader: &mut Reader, data: &JsValue, answer: &mut dyn FnMut(Answer)) {
    let field = |name: &str| Reflect::get(data, &name.into()).unwrap_or(JsValue::UNDEFINED);
    let text = field(TEXT_FIELD).as_string().unwrap_or_default();
    let no_file = |id| Answer::Failed {
        id,
        message: "expected a file with the message, but found none".into(),
    };
    match serde_json::from_str(&text) {
        Ok(Ask::Dockerfile { id, source }) => answer(read_dockerfile(id, &source)),
        Ok(Ask::Archive { id }) => match field(FILE_FIELD).dyn_into::<File>() {
            Ok(file) => reader.open_archive(id, file, answer),
            Err(_) => answer(no_file(id)),
        },
        Ok(Ask::Analysis { id }) => match field(FILE_FIELD).dyn_into::<Blob>() {
            Ok(file) => answer(reader.open_analysis(id, &file)),
            Err(_) => answer(no_file(id)),
        },
        Ok(Ask::Tree { id, image, layer }) => answer(reader.tree(id, image, layer)),
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
#[derive(Debug, Default)]
pub struct Reader {
    images: Vec<ImageAnalysis>,
}

impl Reader {
    /// Takes an archive apart, telling how far it is.
    pub fn open_archive(&mut self, id: u64, file: File, answer: &mut dyn FnMut(Answer)) {
        self.images = Vec::new();
        let archive = match FileAt::open(file) {
            Ok(archive) => archive,
            Err(error) => return answer(failed(id, error)),
        };
        let mut told = 0;
        let result = image::inspect(&archive, &mut |progress| {
            if progress.done_bytes >= told + PROGRESS_BYTES {
                told = progress.done_bytes;
                answer(Answer::Progress {
                    id,
                    done_bytes: progress.done_bytes,
                    total_bytes: progress.total_bytes,
                });
            }
            // The page cancels by ending the worker: a message would wait until this returns.
            true
        });
        answer(match result {
            Ok(images) => self.hold(id, images),
            Err(error) => failed(id, error),
        });
    }

    /// Takes an analysis that was made elsewhere.
    pub fn open_analysis(&mut self, id: u64, file: &Blob) -> Answer {
        self.images = Vec::new();
        let text = FileReaderSync::new().and_then(|reader| reader.read_as_text(file));
        let Ok(text) = text else {
            return failed(id, "the browser can't read what the server sent");
        };
        match serde_json::from_str(&text) {
            Ok(analysis) => self.hold(id, vec![analysis]),
            Err(error) => failed(
                id,
                format_args!("expected an analysis, but found other JSON: {error}"),
            ),
        }
    }

    /// Makes a tree of an image, or of one of its layers.
    pub fn tree(&self, id: u64, image: usize, layer: Option<usize>) -> Answer {
        let Some(analysis) = self.images.get(image) else {
            return failed(id, "expected an image that is open, but it was closed");
        };
        let tree = match layer.map(|layer| analysis.image.layers.get(layer)) {
            None => Tree::of_image(&analysis.tree),
            Some(Some(layer)) => Tree::of_layer(&layer.entries),
            Some(None) => return failed(id, "expected one of the image's layers"),
        };
        Answer::Tree {
            id,
            packed: tree.pack(),
        }
    }

    fn hold(&mut self, id: u64, images: Vec<ImageAnalysis>) -> Answer {
        self.images = images;
        Answer::Images {
            id,
            images: self.images.iter().map(Summary::of).collect(),
        }
    }
}

fn failed(id: u64, message: impl std::fmt::Display) -> Answer {
    Answer::Failed {
        id,
        message: message.to_string(),
    }
}

fn send(scope: &DedicatedWorkerGlobalScope, answer: Answer) {
    // An answer is plain data; should it not become JSON, the page is told by the worker's error event.
    let text =
        serde_json::to_string(&answer).expect("an answer has string keys only, so it becomes JSON");
    let message = Object::new();
    let transfer = Array::new();
    // Setting a field of a new, plain object does not fail.
    let _ = Reflect::set(&message, &TEXT_FIELD.into(), &text.into());
    if let Answer::Tree { packed, .. } = &answer {
        let bytes = Uint8Array::from(packed.as_slice());
        let _ = Reflect::set(&message, &BYTES_FIELD.into(), &bytes);
        transfer.push(&bytes.buffer());
    }
    scope
        .post_message_with_transfer(&message, &transfer)
        .expect("strings and bytes can be posted");
}
