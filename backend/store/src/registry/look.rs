//! Looking at an image where its registry has it: its documents, and of its layers those alone that somebody asks for.
//!
//! Distribution specification 1.1, "Pull" and "Listing Referrers".

use std::io::{self, Read};

use estiva_shared::image::{Digest, Reference, Referrer};
use estiva_shared::protocol::RemoteImage;
use ureq::http::{StatusCode, header};

use super::client::{Answer, Ask, Client};
use super::error::RegistryError;
use super::manifest::{self, Config, Document};
use super::pull::{Found, Source, check_platform};
use super::{Cancel, PullOrder, RegistrySettings};
use crate::limits::MANIFEST_BYTES_MAX;

/// Most referrers that are told of.
const REFERRERS_MAX: usize = 100;

/// Asks a registry for an image's documents. Nothing is kept. Blocks.
///
/// # Errors
/// [`RegistryError`].
pub fn look(
    settings: &RegistrySettings,
    order: &PullOrder,
    cancel: &Cancel,
) -> Result<RemoteImage, RegistryError> {
    let reference = &order.reference;
    let wanted = order.wanted()?;
    let client = order.client(settings, cancel.clone())?;
    let source = Source {
        client: &client,
        reference,
    };
    let found = source.find(&wanted, &mut |_| {})?;
    let config_bytes = source.config(&found, &mut |_| {})?;
    let config: Config = manifest::parse(&config_bytes, &found.url, "an image's config")?;
    found.manifest.layers(&config, &found.url)?;
    check_platform(&wanted, &config, reference)?;
    let referrers = referrers(&client, reference, &found.manifest_digest)?;
    let Found {
        manifest_digest,
        bytes,
        url,
        ..
    } = found;
    let text = |bytes, what: &str| {
        String::from_utf8(bytes).map_err(|_| RegistryError::Answer {
            url: url.to_string(),
            expected: format!("{what} in UTF-8"),
            found: "other bytes".to_owned(),
        })
    };
    Ok(RemoteImage {
        reference: reference.canonical(),
        platform: config.platform().to_string(),
        manifest_digest,
        manifest: text(bytes, "a manifest")?,
        config: text(config_bytes, "a config")?,
        referrers,
    })
}

/// Begins to read a layer where the registry has it. Whether its bytes are what the digest says is for the reader to find out.
///
/// # Errors
/// [`RegistryError`].
pub fn open_layer(
    settings: &RegistrySettings,
    order: &PullOrder,
    digest: &Digest,
    cancel: &Cancel,
) -> Result<RemoteLayer, RegistryError> {
    let client = order.client(settings, cancel.clone())?;
    let path = order.reference.path();
    let url = client.url(&format!("/v2/{path}/blobs/{digest}"));
    let answer = client.retrying(&|_, _, _| {}, || {
        let ask = Ask::get(url.clone()).header(header::ACCEPT_ENCODING, "identity");
        let answer = client.ask(&ask)?;
        match answer.status {
            StatusCode::OK => Ok(answer),
            _ => Err(client.refusal(answer, &format!("layer {digest}"))),
        }
    })?;
    let (bytes, address) = (answer.length(), answer.url.to_string());
    let body = answer.body.into_with_config().limit(u64::MAX).reader();
    Ok(RemoteLayer {
        bytes,
        body: Box::new(body),
        client,
        address,
    })
}

/// A layer on its way from its registry.
pub struct RemoteLayer {
    /// How many bytes the registry says that it has.
    pub bytes: Option<u64>,
    body: Box<dyn Read + Send>,
    client: Client,
    address: String,
}

impl Read for RemoteLayer {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.client.check().map_err(io::Error::other)?;
        let read = self.body.read(out);
        read.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.address)))
    }
}

/// What the registry has about a manifest; by the tag that the specification falls back to where it has no list.
fn referrers(
    client: &Client,
    reference: &Reference,
    digest: &Digest,
) -> Result<Vec<Referrer>, RegistryError> {
    let path = reference.path();
    let places = [
        format!("/v2/{path}/referrers/{digest}"),
        format!("/v2/{path}/manifests/sha256-{}", digest.hex()),
    ];
    for place in places {
        let url = client.url(&place);
        let ask = Ask::get(url.clone()).header(header::ACCEPT, manifest::ACCEPT);
        let answer = client.retrying(&|_, _, _| {}, || client.ask(&ask));
        // That there is no such list is no fault of the image's.
        let answer = match answer {
            Ok(answer) if answer.status == StatusCode::OK => answer,
            Err(RegistryError::Cancelled) => return Err(RegistryError::Cancelled),
            _ => continue,
        };
        return Ok(listed(client, answer).unwrap_or_default());
    }
    Ok(Vec::new())
}

fn listed(client: &Client, answer: Answer) -> Option<Vec<Referrer>> {
    let url = answer.url.to_string();
    let bytes = client.read(answer, "referrers", MANIFEST_BYTES_MAX).ok()?;
    let document: Document = manifest::parse(&bytes, &url, "an index").ok()?;
    let manifests = document.manifests.unwrap_or_default();
    let referrers = manifests.into_iter().take(REFERRERS_MAX);
    Some(referrers.map(manifest::Descriptor::into_referrer).collect())
}
