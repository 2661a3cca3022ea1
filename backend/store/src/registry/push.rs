//! Pushing an image: its layers, compressed, as far as the registry has them not; its config; and at the end the manifest
//! under its tag.
//!
//! Distribution specification 1.1, "Push".

use std::collections::HashSet;

use estiva_shared::image::{DiffId, Digest, Reference, media_type};
use estiva_shared::protocol::{LayerState, RegistryLogin, TransferEvent, TransferLayer};
use serde_json::json;
use ureq::http::{Method, StatusCode, header};

use super::client::{Ask, Client, Payload};
use super::error::RegistryError;
use super::manifest::Packing;
use super::progress::{Events, Meter, retrying};
use super::pull;
use super::travel::{self, Travelled};
use super::upload::{Blob, Content, Session, Target};
use super::workers::{self, Stop};
use super::{Cancel, RegistrySettings};
use crate::images::{ImageRecord, canonical};
use crate::store::Store;

/// Repositories that a layer may be taken over from, in one push: each makes the token that is asked for longer.
const SOURCES_MAX: usize = 8;

/// What is to be pushed.
#[derive(Clone, Debug)]
pub struct PushOrder {
    /// The image's name in the store, which says where it goes.
    pub reference: Reference,
    /// What the registry is shown.
    pub login: Option<RegistryLogin>,
}

/// What was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The image's id.
    pub image: Digest,
    /// The digest of the manifest that the registry has now.
    pub manifest: Digest,
}

impl Store {
    /// Brings an image to its registry. Blocks; `events` is called on this thread, and not with [`TransferEvent::Done`].
    ///
    /// # Errors
    /// [`RegistryError`]; the tag in the registry means then what it meant before.
    pub fn push(
        &self,
        settings: &RegistrySettings,
        order: &PushOrder,
        cancel: &Cancel,
        events: &mut dyn FnMut(TransferEvent),
    ) -> Result<Pushed, RegistryError> {
        let _hold = self.hold();
        let reference = &order.reference;
        let tag = match (reference.digest(), reference.tag()) {
            (None, Some(tag)) => tag,
            _ => {
                return Err(RegistryError::Name(format!(
                    "expected NAME[:TAG] to push to, but found a digest: {}",
                    reference.familiar()
                )));
            }
        };
        let image = self.resolve(&reference.familiar())?;
        let mut seen = HashSet::new();
        let unique: Vec<DiffId> = image
            .diff_ids
            .iter()
            .copied()
            .filter(|diff_id| seen.insert(*diff_id))
            .collect();
        let stop = Stop::default();
        let scopes = self.scopes(reference, &unique)?;
        let login = order.login.clone();
        let client = Client::open(settings, reference, scopes, login, stop.or(cancel))?;
        events(self.resolved(reference, &image, &unique)?);
        let push = Push {
            store: self,
            target: Target {
                client: &client,
                path: reference.path(),
            },
            reference,
        };
        let travelled = workers::each(&unique, &stop, events, |diff_id, events| {
            push.layer(diff_id, events)
        })?;
        let blobs: Vec<&Travelled> = image
            .diff_ids
            .iter()
            .filter_map(|diff_id| unique.iter().position(|each| each == diff_id))
            .map(|place| &travelled[place])
            .collect();
        push.config(&image.id, events)?;
        let manifest = push.manifest(&image.id, &blobs, tag, events)?;
        for (diff_id, seen) in unique.iter().zip(&travelled) {
            self.put_travelled(diff_id, seen)?;
        }
        Ok(Pushed {
            image: image.id,
            manifest,
        })
    }

    /// What a token has to allow: writing here, and reading where layers may be taken over from.
    fn scopes(
        &self,
        reference: &Reference,
        layers: &[DiffId],
    ) -> Result<Vec<String>, RegistryError> {
        let mut scopes = vec![format!("repository:{}:pull,push", reference.path())];
        for diff_id in layers {
            for seen in self.travelled(diff_id)? {
                let from = seen.path_in(reference.domain());
                let from = from.filter(|path| *path != reference.path());
                if let Some(path) = from
                    && scopes.len() <= SOURCES_MAX
                {
                    let scope = format!("repository:{path}:pull");
                    if !scopes.contains(&scope) {
                        scopes.push(scope);
                    }
                }
            }
        }
        Ok(scopes)
    }

    fn resolved(
        &self,
        reference: &Reference,
        image: &ImageRecord,
        layers: &[DiffId],
    ) -> Result<TransferEvent, RegistryError> {
        let mut listed = Vec::with_capacity(layers.len());
        for diff_id in layers {
            let record = self.layer(diff_id)?;
            listed.push(TransferLayer {
                digest: diff_id.to_string(),
                bytes: record.map_or(0, |record| record.size_bytes),
            });
        }
        Ok(TransferEvent::Resolved {
            reference: reference.canonical(),
            digest: None,
            platform: format!("{}/{}", image.config.os(), image.config.architecture()),
            layers: listed,
        })
    }
}

/// One push.
struct Push<'a> {
    store: &'a Store,
    target: Target<'a>,
    reference: &'a Reference,
}

impl Push<'_> {
    /// Sees to it that the registry has a layer, and answers as what.
    fn layer(&self, diff_id: &DiffId, events: &Events) -> Result<Travelled, RegistryError> {
        let client = self.target.client;
        client.check()?;
        let told = diff_id.digest();
        let on_retry = |attempt, wait, error: &RegistryError| {
            events.tell(retrying(Some(told), attempt, wait, error));
        };
        let known = self.store.travelled(diff_id)?;
        let here = |seen: &Travelled| Travelled {
            repository: self.reference.repository().to_owned(),
            ..seen.clone()
        };
        let mut asked = HashSet::new();
        for seen in &known {
            if asked.insert(seen.digest)
                && client.retrying(&on_retry, || {
                    self.target.has(&seen.digest, Some(seen.bytes))
                })?
            {
                events.layer(told, LayerState::Exists);
                return Ok(here(seen));
            }
        }
        let mut begun = None;
        for seen in &known {
            let from = seen.path_in(self.reference.domain());
            let Some(from) = from.filter(|path| *path != self.reference.path()) else {
                continue;
            };
            begun = client.retrying(&on_retry, || self.target.mount(&seen.digest, from))?;
            if begun.is_none() {
                let from = from.to_owned();
                events.layer(told, LayerState::Mounted { from });
                return Ok(here(seen));
            }
        }
        self.send(diff_id, begun, events)
    }

    /// Compresses a layer and uploads it.
    fn send(
        &self,
        diff_id: &DiffId,
        begun: Option<Session>,
        events: &Events,
    ) -> Result<Travelled, RegistryError> {
        let client = self.target.client;
        let told = diff_id.digest();
        let compressing = |done_bytes| LayerState::Compressing { done_bytes };
        let packed = Meter::during(events, *told, &compressing, |meter| {
            travel::pack(self.store, client, diff_id, meter)
        })?;
        let travelled = Travelled {
            digest: packed.digest,
            bytes: packed.bytes,
            packing: Packing::Gzip,
            repository: self.reference.repository().to_owned(),
        };
        let on_retry = |attempt, wait, error: &RegistryError| {
            events.tell(retrying(Some(told), attempt, wait, error));
        };
        if client.retrying(&on_retry, || {
            self.target.has(&packed.digest, Some(packed.bytes))
        })? {
            events.layer(told, LayerState::Exists);
            return Ok(travelled);
        }
        let transferring = |done_bytes| LayerState::Transferring {
            done_bytes,
            total_bytes: packed.bytes,
        };
        let file = packed.open()?;
        Meter::during(events, *told, &transferring, |meter| {
            let blob = Blob {
                digest: packed.digest,
                bytes: packed.bytes,
                content: Content::File {
                    file: &file,
                    sent: &|bytes| meter.add(bytes),
                    back: &|bytes| meter.set(bytes),
                },
            };
            self.target.upload(&blob, begun, events, told)
        })?;
        events.layer(told, LayerState::Done);
        Ok(travelled)
    }

    fn config(
        &self,
        image: &Digest,
        events: &mut dyn FnMut(TransferEvent),
    ) -> Result<(), RegistryError> {
        let bytes = self.store.config_bytes(image)?;
        let client = self.target.client;
        let length = bytes.len() as u64;
        if pull::retrying(client, events, || self.target.has(image, Some(length)))? {
            return Ok(());
        }
        let blob = Blob {
            digest: *image,
            bytes: length,
            content: Content::Bytes(&bytes),
        };
        let (sender, receiver) = std::sync::mpsc::channel();
        let result = self.target.upload(&blob, None, &Events::new(sender), image);
        receiver.try_iter().for_each(events);
        result
    }

    fn manifest(
        &self,
        image: &Digest,
        layers: &[&Travelled],
        tag: &str,
        events: &mut dyn FnMut(TransferEvent),
    ) -> Result<Digest, RegistryError> {
        let config_bytes = self.store.config_bytes(image)?.len();
        let layers = layers.iter().map(|layer| {
            json!({
                "mediaType": layer.packing.media_type(),
                "digest": layer.digest,
                "size": layer.bytes,
            })
        });
        let document = json!({
            "schemaVersion": 2,
            "mediaType": media_type::MANIFEST,
            "config": {
                "mediaType": media_type::CONFIG,
                "digest": image,
                "size": config_bytes,
            },
            "layers": layers.collect::<Vec<_>>(),
        });
        let bytes = canonical(&document, "a manifest")?;
        let digest = Digest::of(&bytes);
        let client = self.target.client;
        pull::retrying(client, events, || {
            let url = self.target.url(&format!("manifests/{tag}"));
            let ask = Ask {
                payload: Payload::Bytes(&bytes),
                patient: true,
                ..Ask::new(Method::PUT, url.clone())
            }
            .header(header::CONTENT_TYPE, media_type::MANIFEST);
            let answer = client.ask(&ask)?;
            if !matches!(answer.status, StatusCode::CREATED | StatusCode::OK) {
                return Err(client.refusal(answer, "manifest"));
            }
            let announced = answer.header("docker-content-digest");
            match announced.and_then(|text| text.parse::<Digest>().ok()) {
                Some(found) if found != digest => {
                    Err(Client::other_digest("the manifest", &url, &digest, &found))
                }
                _ => Ok(()),
            }
        })?;
        Ok(digest)
    }
}
