//! Pulling an image: name to manifest, manifest to config and layers, layers into the store, and the name at the end.
//!
//! Distribution specification 1.1, "Pull".

use std::cell::RefCell;
use std::collections::HashMap;

use estiva_shared::image::{Digest, Reference};
use estiva_shared::protocol::{LayerState, RegistryLogin, TransferEvent, TransferLayer};
use ureq::http::{StatusCode, header};

use super::client::{Ask, Client};
use super::error::RegistryError;
use super::manifest::{self, Config, Document, Layer, Manifest};
use super::platform::Platform;
use super::travel::Travelled;
use super::url::Url;
use super::workers::{self, Stop};
use super::{Cancel, RegistrySettings, fetch, progress};
use crate::limits::{CONFIG_BYTES_MAX, MANIFEST_BYTES_MAX};
use crate::store::Store;

/// How deep an index may list indexes.
const INDEX_DEPTH_MAX: usize = 3;

/// What is to be pulled.
#[derive(Clone, Debug)]
pub struct PullOrder {
    /// The image.
    pub reference: Reference,
    /// `OS/ARCHITECTURE[/VARIANT]`; this host's where none is given.
    pub platform: Option<String>,
    /// What the registry is shown.
    pub login: Option<RegistryLogin>,
}

impl PullOrder {
    /// Whose image of several is wanted.
    pub(super) fn wanted(&self) -> Result<Platform, RegistryError> {
        match &self.platform {
            Some(text) => Platform::parse(text),
            None => Ok(Platform::host()),
        }
    }

    /// The way to the image's registry.
    pub(super) fn client(
        &self,
        settings: &RegistrySettings,
        cancel: Cancel,
    ) -> Result<Client, RegistryError> {
        let scopes = vec![format!("repository:{}:pull", self.reference.path())];
        Client::open(
            settings,
            &self.reference,
            scopes,
            self.login.clone(),
            cancel,
        )
    }
}

/// What was pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The image's id.
    pub image: Digest,
    /// The digest of the manifest that the registry has for this platform.
    pub manifest: Digest,
    /// The digest that the name leads to there: the index's, where there is one.
    pub digest: Digest,
    /// The store had all of it, under this name.
    pub unchanged: bool,
}

/// What a name leads to.
pub(super) struct Found {
    /// Of the document that the name leads to.
    digest: Digest,
    pub(super) manifest_digest: Digest,
    pub(super) manifest: Manifest,
    /// The manifest as it lies.
    pub(super) bytes: Vec<u8>,
    pub(super) url: Url,
}

/// A manifest or an index.
struct Read {
    document: Document,
    digest: Digest,
    bytes: Vec<u8>,
    url: Url,
}

impl Store {
    /// Brings an image from its registry, and names it, last of all. What the store has is not asked for again. Blocks;
    /// `events` is called on this thread, and not with [`TransferEvent::Done`].
    ///
    /// # Errors
    /// [`RegistryError`]; the name means then what it meant before.
    pub fn pull(
        &self,
        settings: &RegistrySettings,
        order: &PullOrder,
        cancel: &Cancel,
        events: &mut dyn FnMut(TransferEvent),
    ) -> Result<Pulled, RegistryError> {
        let pulled = {
            let _hold = self.hold();
            self.pull_held(settings, order, cancel, events)
        };
        if let Err(error) = &pulled {
            // The fault is what is told; what came before it goes.
            let is_full = matches!(error, RegistryError::Store(error) if error.is_full());
            let _ = if is_full {
                self.tidy_cache()
            } else {
                self.collect_unreachable()
            };
        }
        pulled
    }

    fn pull_held(
        &self,
        settings: &RegistrySettings,
        order: &PullOrder,
        cancel: &Cancel,
        events: &mut dyn FnMut(TransferEvent),
    ) -> Result<Pulled, RegistryError> {
        let reference = &order.reference;
        let wanted = order.wanted()?;
        let stop = Stop::default();
        let client = order.client(settings, stop.or(cancel))?;
        let mut told = |event| events(event);
        let source = Source {
            client: &client,
            reference,
        };
        let found = source.find(&wanted, &mut told)?;
        let config_digest = found.manifest.config.digest;
        let before = self.image_named(reference)?;
        let bytes = source.config(&found, &mut told)?;
        let config: Config = manifest::parse(&bytes, &found.url, "an image's config")?;
        let layers = found.manifest.layers(&config, &found.url)?;
        check_platform(&wanted, &config, reference)?;
        let unique = unique(&layers, &found.url)?;
        events(TransferEvent::Resolved {
            reference: reference.canonical(),
            digest: Some(found.manifest_digest.to_string()),
            platform: config.platform().to_string(),
            layers: unique.iter().map(listed).collect(),
        });
        for layer in &unique {
            events(TransferEvent::Layer {
                digest: layer.digest.to_string(),
                state: LayerState::Waiting,
            });
        }
        workers::each(&unique, &stop, events, |layer, events| {
            fetch::layer(self, &client, reference.path(), layer, events)
        })?;
        client.check()?;
        let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id).collect();
        let draft = self.draft_image(&bytes, &diff_ids)?;
        let unchanged = before == Some(config_digest);
        self.keep_drafts(&[(draft, vec![reference.clone()])])?;
        for layer in &unique {
            self.put_travelled(&layer.diff_id, &Travelled::of(layer, reference))?;
        }
        Ok(Pulled {
            image: config_digest,
            manifest: found.manifest_digest,
            digest: found.digest,
            unchanged,
        })
    }
}

/// Where an image comes from.
pub(super) struct Source<'a> {
    pub(super) client: &'a Client,
    pub(super) reference: &'a Reference,
}

impl Source<'_> {
    /// Goes from the name to the manifest for a platform.
    pub(super) fn find(
        &self,
        wanted: &Platform,
        events: &mut dyn FnMut(TransferEvent),
    ) -> Result<Found, RegistryError> {
        let name = self.reference.familiar();
        let by = match (self.reference.digest(), self.reference.tag()) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.unwrap_or("latest").to_owned(),
        };
        let mut read = self.document(&by, self.reference.digest(), &name, events)?;
        let first = read.digest;
        for _ in 0..INDEX_DEPTH_MAX {
            let Some(manifests) = &read.document.manifests else {
                return Ok(Found {
                    digest: first,
                    manifest_digest: read.digest,
                    manifest: read.document.into_manifest(&read.url)?,
                    bytes: read.bytes,
                    url: read.url,
                });
            };
            let chosen = Document::choose(manifests, wanted, &name)?.digest;
            read = self.document(&chosen.to_string(), Some(&chosen), &name, events)?;
        }
        Err(RegistryError::Answer {
            url: read.url.to_string(),
            expected: format!("indexes of at most {INDEX_DEPTH_MAX} levels"),
            found: "more".to_owned(),
        })
    }

    /// A manifest or an index, which is what its digest says.
    fn document(
        &self,
        by: &str,
        expected: Option<&Digest>,
        name: &str,
        events: &mut dyn FnMut(TransferEvent),
    ) -> Result<Read, RegistryError> {
        let path = self.reference.path();
        let url = self.client.url(&format!("/v2/{path}/manifests/{by}"));
        let bytes = retrying(self.client, events, || {
            let ask = Ask::get(url.clone()).header(header::ACCEPT, manifest::ACCEPT);
            let answer = self.client.ask(&ask)?;
            if answer.status != StatusCode::OK {
                return Err(self.client.refusal(answer, &format!("image {name}")));
            }
            let media_type = answer.media_type();
            if media_type == "text/html" {
                return Err(RegistryError::Answer {
                    url: url.to_string(),
                    expected: "a manifest".to_owned(),
                    found: "a page of HTML, as a proxy or a login page sends it".to_owned(),
                });
            }
            if manifest::is_schema_1(&media_type) {
                return Err(manifest::schema_1(&url));
            }
            let announced = answer.header("docker-content-digest").map(str::to_owned);
            let bytes = self.client.read(answer, "a manifest", MANIFEST_BYTES_MAX)?;
            let found = Digest::of(&bytes);
            // What the registry announces has to be what it sends. Another algorithm's digest says nothing here.
            let announced = announced.and_then(|text| text.parse::<Digest>().ok());
            for wanted in expected.into_iter().chain(announced.as_ref()) {
                if *wanted != found {
                    return Err(Client::other_digest("a manifest", &url, wanted, &found));
                }
            }
            Ok(bytes)
        })?;
        Ok(Read {
            document: manifest::parse(&bytes, &url, "a manifest or an index")?,
            digest: Digest::of(&bytes),
            bytes,
            url,
        })
    }

    pub(super) fn config(
        &self,
        found: &Found,
        events: &mut dyn FnMut(TransferEvent),
    ) -> Result<Vec<u8>, RegistryError> {
        let descriptor = &found.manifest.config;
        let path = self.reference.path();
        let url = self
            .client
            .url(&format!("/v2/{path}/blobs/{}", descriptor.digest));
        retrying(self.client, events, || {
            let ask = Ask::get(url.clone()).header(header::ACCEPT_ENCODING, "identity");
            let answer = self.client.ask(&ask)?;
            if answer.status != StatusCode::OK {
                return Err(self.client.refusal(answer, "config of the image"));
            }
            let bytes_max = CONFIG_BYTES_MAX.min(descriptor.size);
            let bytes = self.client.read(answer, "a config", bytes_max)?;
            let digest = Digest::of(&bytes);
            match digest == descriptor.digest {
                true => Ok(bytes),
                false => Err(Client::other_digest(
                    "a config",
                    &url,
                    &descriptor.digest,
                    &digest,
                )),
            }
        })
    }
}

/// Tries again, and tells so, on the caller's thread.
pub(super) fn retrying<T>(
    client: &Client,
    events: &mut dyn FnMut(TransferEvent),
    work: impl FnMut() -> Result<T, RegistryError>,
) -> Result<T, RegistryError> {
    let events = RefCell::new(events);
    let on_retry = |attempt, wait, error: &RegistryError| {
        (events.borrow_mut())(progress::retrying(None, attempt, wait, error));
    };
    client.retrying(&on_retry, work)
}

fn listed(layer: &Layer) -> TransferLayer {
    TransferLayer {
        digest: layer.digest.to_string(),
        bytes: layer.bytes,
    }
}

/// Each blob once. One blob can't be two tars.
fn unique(layers: &[Layer], url: &Url) -> Result<Vec<Layer>, RegistryError> {
    let mut seen = HashMap::new();
    let mut unique = Vec::new();
    for layer in layers {
        match seen.insert(layer.digest, (layer.diff_id, layer.bytes)) {
            None => unique.push(layer.clone()),
            Some(same) if same == (layer.diff_id, layer.bytes) => {}
            Some(_) => {
                return Err(RegistryError::Answer {
                    url: url.to_string(),
                    expected: format!("one size and one diff id for layer {}", layer.digest),
                    found: "two".to_owned(),
                });
            }
        }
    }
    Ok(unique)
}

/// A manifest without an index says only in its config whom it is for.
pub(super) fn check_platform(
    wanted: &Platform,
    config: &Config,
    reference: &Reference,
) -> Result<(), RegistryError> {
    let found = config.platform();
    if wanted.rank(&found).is_some() {
        return Ok(());
    }
    Err(RegistryError::Platform {
        wanted: wanted.to_string(),
        name: reference.familiar(),
        found: found.to_string(),
    })
}
