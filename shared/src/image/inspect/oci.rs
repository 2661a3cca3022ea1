//! The OCI layout: `index.json` leads by digests to manifests, and these to configs and layers under `blobs/sha256/`.
//!
//! An index may lead to further indexes (one per platform), to images that the archive does not hold, and to manifests that
//! are no images: each is named in a note, so that nothing vanishes without a word.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::super::{Digest, ImageParts, Problem, Referrer, media_type};
use super::catalogue::Catalogue;
use super::docker::familiar;
use super::{Found, FoundLayer, IMAGES_MAX, cut_layers, note};

/// Deepest index in an index: one level is usual, two are made by some tools.
const INDEX_DEPTH_MAX: usize = 4;

/// Most descriptors that are followed: a hostile index may name itself many times over on each level.
const DESCRIPTORS_MAX: usize = 4096;

/// Most notes about what an index names and the archive does not show.
const NOTES_MAX: usize = 100;

/// Most manifests about images that are listed, and most bytes of the annotations of one.
const REFERRERS_MAX: usize = 100;
const ANNOTATION_BYTES_MAX: usize = 16 << 10;

/// The annotation of an attestation's layer that says what it states.
const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";

/// An index or a manifest: their fields don't collide, and not every tool writes the media type that tells them apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(default)]
    subject: Option<Descriptor>,
}

/// A reference to a blob (OCI image specification, "OCI Content Descriptors").
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: Option<String>,
    digest: String,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// A descriptor's platform.
#[derive(Clone, Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
}

impl Platform {
    fn shown(&self) -> String {
        let parts = [self.os.as_str(), &self.architecture, &self.variant];
        parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("/")
    }
}

impl Descriptor {
    fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }

    fn is_attestation(&self) -> bool {
        self.annotation(media_type::ANNOTATION_REFERENCE_TYPE) == Some("attestation-manifest")
    }

    /// The names that the annotations give.
    fn names(&self) -> Vec<String> {
        let whole = self.annotation(media_type::ANNOTATION_CONTAINERD_NAME);
        let name = whole.or_else(|| self.annotation(media_type::ANNOTATION_REF_NAME));
        // A tag alone is no name: `latest` would read as the image `latest:latest`.
        name.map(|name| {
            if name.contains([':', '/']) {
                familiar(name)
            } else {
                name.to_owned()
            }
        })
        .into_iter()
        .collect()
    }
}

/// All images that `index.json` leads to.
pub(super) fn images(catalogue: &mut Catalogue<'_, '_>, notes: &mut Vec<Problem>) -> Vec<Found> {
    let mut walk = Walk {
        catalogue,
        notes,
        found: Vec::new(),
        referrers: Vec::new(),
        followed: 0,
    };
    match walk.document("index.json") {
        Ok((index, _)) => walk.index(index, &[], 0),
        Err(reason) => walk.note(reason),
    }
    for (subject, referrer) in walk.referrers {
        let about = walk.found.iter_mut().find(|image| {
            let digest = image.parts.manifest_digest;
            digest.is_some_and(|digest| digest.to_string() == subject)
        });
        if let Some(image) = about {
            image.parts.referrers.push(referrer);
        }
    }
    walk.found
}

/// A walk through indexes.
struct Walk<'w, 'a, 'p> {
    catalogue: &'w mut Catalogue<'a, 'p>,
    notes: &'w mut Vec<Problem>,
    found: Vec<Found>,
    /// Manifests about others, each with the digest of what it is about.
    referrers: Vec<(String, Referrer)>,
    /// Descriptors followed so far.
    followed: usize,
}

impl Walk<'_, '_, '_> {
    fn index(&mut self, index: Document, names: &[String], depth: usize) {
        if depth >= INDEX_DEPTH_MAX {
            return self.note(note(
                "limit",
                format!(
                    "expected at most {INDEX_DEPTH_MAX} indexes in one another, but found more"
                ),
            ));
        }
        for descriptor in index.manifests.unwrap_or_default() {
            self.followed += 1;
            if self.followed > DESCRIPTORS_MAX || self.found.len() > IMAGES_MAX {
                return self.note(note(
                    "limit",
                    "expected fewer images in the index, but found more than are read".to_owned(),
                ));
            }
            self.descriptor(&descriptor, names, depth);
        }
    }

    /// One line of an index: an image, another index, or something that is neither.
    fn descriptor(&mut self, descriptor: &Descriptor, names: &[String], depth: usize) {
        let about = descriptor.annotation(media_type::ANNOTATION_REFERENCE_DIGEST);
        if let Some(subject) = about.map(str::to_owned) {
            let stated = self.stated(descriptor);
            self.refer(subject, descriptor, stated);
        }
        if descriptor.is_attestation() {
            let subject = descriptor
                .annotation(media_type::ANNOTATION_REFERENCE_DIGEST)
                .and_then(|digest| digest.parse::<Digest>().ok())
                .map_or("another image".to_owned(), |digest| digest.to_string());
            let message = format!(
                "{} is an attestation about {subject}, not an image; it is not shown",
                descriptor.digest
            );
            return self.note(note("attestation", message));
        }
        let member = match blob_path(&descriptor.digest) {
            Ok(member) => member,
            Err(reason) => return self.note(reason),
        };
        if !self.catalogue.has(&member) {
            if about.is_some() {
                return;
            }
            let platform = descriptor
                .platform
                .as_ref()
                .map(Platform::shown)
                .filter(|shown| !shown.is_empty());
            let message = match &platform {
                Some(platform) => format!(
                    "expected the image for {platform} ({}), but found that the archive does not hold it",
                    descriptor.digest
                ),
                None => format!(
                    "expected the manifest {}, but found that the archive does not hold it",
                    descriptor.digest
                ),
            };
            let code = if platform.is_some() {
                "missing-platform"
            } else {
                "missing-blob"
            };
            return self.note(note(code, message));
        }
        let own = descriptor.names();
        let names = if own.is_empty() { names } else { &own };
        match self.document(&member) {
            Ok((document, _)) if document.manifests.is_some() => {
                self.index(document, names, depth + 1)
            }
            Ok((document, bytes)) => self.manifest(descriptor, document, &bytes, names),
            Err(reason) => self.note(reason),
        }
    }

    fn manifest(
        &mut self,
        descriptor: &Descriptor,
        manifest: Document,
        bytes: &[u8],
        names: &[String],
    ) {
        let digest = Digest::of(bytes);
        if let Some(subject) = &manifest.subject {
            let config = manifest.config.as_ref();
            let kind = manifest.artifact_type.clone();
            let kind = kind.or_else(|| config.and_then(|config| config.media_type.clone()));
            self.refer(subject.digest.clone(), descriptor, kind);
        }
        if self
            .found
            .iter_mut()
            .any(|known| is_same(known, &digest, names))
        {
            return;
        }
        match self.image(descriptor, manifest, digest, names) {
            Ok(image) => self.found.push(image),
            Err(reason) => self.note(reason),
        }
    }

    /// What an attestation states, as far as the archive holds it.
    fn stated(&mut self, descriptor: &Descriptor) -> Option<String> {
        let member = blob_path(&descriptor.digest).ok()?;
        let (document, _) = self.document(&member).ok()?;
        let layers = document.layers.unwrap_or_default();
        let stated = layers
            .iter()
            .filter_map(|layer| layer.annotation(PREDICATE_TYPE));
        let stated = stated.take(REFERRERS_MAX).collect::<Vec<_>>().join(", ");
        (!stated.is_empty()).then_some(stated)
    }

    fn refer(&mut self, subject: String, descriptor: &Descriptor, kind: Option<String>) {
        let kind = kind.or_else(|| descriptor.artifact_type.clone());
        let artifact_type = kind.unwrap_or_default();
        let mut annotations = descriptor.annotations.clone().unwrap_or_default();
        // That is where it stands now.
        annotations.remove(media_type::ANNOTATION_REFERENCE_DIGEST);
        let bytes = annotations
            .iter()
            .map(|(key, value)| key.len() + value.len());
        let is_long = bytes.sum::<usize>() + artifact_type.len() > ANNOTATION_BYTES_MAX;
        if self.referrers.len() < REFERRERS_MAX && !is_long {
            let referrer = Referrer {
                digest: descriptor.digest.clone(),
                artifact_type,
                size_bytes: descriptor.size.unwrap_or(0),
                annotations,
            };
            self.referrers.push((subject, referrer));
        }
    }

    fn image(
        &mut self,
        descriptor: &Descriptor,
        manifest: Document,
        digest: Digest,
        names: &[String],
    ) -> Result<Found, Problem> {
        let config = manifest.config.ok_or_else(|| {
            note(
                "not-an-image",
                format!(
                    "expected an image's manifest in {}, but found one without a config",
                    descriptor.digest
                ),
            )
        })?;
        if let Some(kind) = config
            .media_type
            .as_deref()
            .filter(|kind| !media_type::is_config(kind))
        {
            let message = format!(
                "expected an image's manifest in {}, but found an artifact of type {kind:?}; it is not shown",
                descriptor.digest
            );
            return Err(note("not-an-image", message));
        }
        let mut problems = Vec::new();
        let mut compare = |what: &str, expected: &str, found: &Digest| {
            if expected != found.to_string() {
                problems.push(note(
                    "digest-mismatch",
                    format!("expected the {what} digest {expected}, but found {found}"),
                ));
            }
        };
        compare("manifest", &descriptor.digest, &digest);
        let member = blob_path(&config.digest)?;
        let config_bytes = self.catalogue.json(&member)?;
        let config_digest = Digest::of(&config_bytes);
        compare("config", &config.digest, &config_digest);
        let mut listed = manifest.layers.unwrap_or_default();
        cut_layers(&mut listed, &mut problems);
        let mut layers = Vec::new();
        for layer in listed {
            layers.push(FoundLayer {
                member: self.catalogue.place_of(&blob_path(&layer.digest)?),
                digest: layer.digest.parse().ok(),
                size_bytes: layer.size,
            });
        }
        let parts = ImageParts {
            format: "oci-layout".to_owned(),
            names: names.to_vec(),
            manifest_digest: Some(digest),
            config_digest,
            config: Vec::new(),
            referrers: Vec::new(),
            problems,
        };
        Ok(Found {
            parts,
            config: member,
            layers,
        })
    }

    /// A JSON document and its bytes.
    fn document(&mut self, member: &str) -> Result<(Document, Arc<[u8]>), Problem> {
        let bytes = self.catalogue.json(member)?;
        let document = serde_json::from_slice(&bytes).map_err(|error| {
            note(
                "bad-json",
                format!(
                    "expected an index or manifest in {member:?}, but found other JSON: {error}"
                ),
            )
        })?;
        Ok((document, bytes))
    }

    fn note(&mut self, problem: Problem) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(problem);
        }
    }
}

/// Whether an image is known already (one manifest under several names is one image); it then takes the further names.
fn is_same(known: &mut Found, digest: &Digest, names: &[String]) -> bool {
    let same = known.parts.manifest_digest.as_ref() == Some(digest);
    if same {
        let new: Vec<_> = names
            .iter()
            .filter(|name| !known.parts.names.contains(name))
            .cloned()
            .collect();
        known.parts.names.extend(new);
    }
    same
}

/// Where a blob lies.
fn blob_path(digest: &str) -> Result<String, Problem> {
    match digest.parse::<Digest>() {
        Ok(digest) => Ok(format!("blobs/sha256/{}", digest.hex())),
        Err(error) => Err(note("bad-json", error.to_string())),
    }
}
