//! An image of a registry: an OCI layout whose documents are there, and whose layers come one by one, when they are looked at.

use std::rc::Rc;

use estiva_shared::image::{Digest, LayerRead, Limits, Window, media_type};
use estiva_shared::protocol::RemoteImage;
use js_sys::Array;
use serde_json::{Value, json};
use web_sys::Blob;

use super::Answer;
use super::archive::FileAt;
use super::contents::Source;
use super::folder::FolderAt;
use super::layer::Told;
use super::program::{CLOSED, Reader, failed};

impl Reader {
    /// Takes an image apart of which no layer is there yet.
    pub fn open_remote(&mut self, id: u64, image: &RemoteImage) -> Answer {
        self.close();
        let folder = match layout(image) {
            Some(folder) => folder,
            None => {
                return failed(
                    id,
                    "expected a browser that keeps documents, but it refused",
                );
            }
        };
        self.show_remote(id, &Rc::new(Source::Folder(folder)))
    }

    /// Reads a layer of the image that is open.
    pub fn take_layer(
        &mut self,
        id: u64,
        digest: &str,
        blob: Blob,
        answer: &mut dyn FnMut(Answer),
    ) {
        let source = self.source();
        let (Some(source), Ok(digest)) = (source, digest.parse::<Digest>()) else {
            return answer(failed(id, CLOSED));
        };
        let Source::Folder(folder) = &*source else {
            return answer(failed(id, CLOSED));
        };
        let read = FileAt::open(blob.clone()).map_err(|error| error.to_string());
        let read = read.and_then(|file| {
            let total_bytes = blob.size() as u64;
            let mut tell = |done_bytes| {
                answer(Answer::Progress {
                    id,
                    done_bytes,
                    total_bytes,
                });
            };
            let told = Told::new(Window::whole(&file), &mut tell);
            LayerRead::read(told, &Limits::default()).map_err(|error| error.to_string())
        });
        let member = member(&digest);
        match read {
            Ok(read) => {
                folder.put(&member, blob);
                self.given.insert(member, read);
                answer(self.show_remote(id, &source));
            }
            Err(message) => answer(failed(id, message)),
        }
    }

    fn show_remote(&mut self, id: u64, source: &Rc<Source>) -> Answer {
        let given = std::mem::take(&mut self.given);
        let shown = self.open_in_part(source, &given);
        self.given = given;
        match shown {
            Ok(images) => Answer::Images {
                id,
                images,
                kept: 0,
            },
            Err(error) => failed(id, error),
        }
    }
}

/// Where a blob lies.
fn member(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// The layout of an image's documents (OCI image layout, "index.json").
fn layout(image: &RemoteImage) -> Option<FolderAt> {
    let kind: Value = serde_json::from_str(&image.manifest).unwrap_or_default();
    let kind = kind["mediaType"].as_str().unwrap_or(media_type::MANIFEST);
    let own = json!({
        "mediaType": kind,
        "digest": image.manifest_digest.to_string(),
        "size": image.manifest.len(),
        "annotations": {media_type::ANNOTATION_CONTAINERD_NAME: &image.reference},
    });
    let others = image.referrers.iter().map(|referrer| {
        let mut annotations = referrer.annotations.clone();
        let key = media_type::ANNOTATION_REFERENCE_DIGEST.to_owned();
        annotations.insert(key, image.manifest_digest.to_string());
        json!({
            "mediaType": media_type::MANIFEST,
            "artifactType": &referrer.artifact_type,
            "digest": &referrer.digest,
            "size": referrer.size_bytes,
            "annotations": annotations,
        })
    });
    let manifests: Vec<_> = [own].into_iter().chain(others).collect();
    let index = json!({"schemaVersion": 2, "manifests": manifests}).to_string();
    let config = Digest::of(image.config.as_bytes());
    let files = [
        ("index.json".to_owned(), &index),
        (member(&image.manifest_digest), &image.manifest),
        (member(&config), &image.config),
    ];
    let (mut paths, mut blobs) = (Vec::new(), Vec::new());
    for (path, text) in files {
        paths.push(path);
        let parts = Array::of1(&text.as_str().into());
        blobs.push(Blob::new_with_str_sequence(&parts).ok()?);
    }
    Some(FolderAt::new(paths, blobs))
}
