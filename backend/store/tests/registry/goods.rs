//! An image as a registry has it, and registries that answer for it as a test says.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use estiva_shared::image::Digest;
use estiva_store::RegistryError;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::common::{Tar, new_store};
use crate::machine::{Asked, Machine, Reply};
use crate::world::{assert_empty, pull};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image as a registry has it: one layer of gzip, 200,000 bytes and more.
#[derive(Clone)]
pub(crate) struct Goods {
    pub(crate) layer: Vec<u8>,
    config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
}

impl Goods {
    pub(crate) fn new() -> Self {
        let mut state = 7_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(200_000)
        .collect();
        let tar = Tar::new().file("noise", &noise).bytes();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&tar).unwrap();
        Self::of(gzip.finish().unwrap(), Digest::of(&tar))
    }

    pub(crate) fn of(layer: Vec<u8>, diff_id: Digest) -> Self {
        let config = serde_json::json!({
            "os": "linux", "architecture": oci_spec::image::Arch::default().to_string(),
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        });
        let config = serde_json::to_vec(&config).unwrap();
        let mut goods = Self {
            layer,
            config,
            manifest: Vec::new(),
        };
        let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
        goods.list(kind, goods.layer.len(), Digest::of(&goods.layer));
        goods
    }

    /// Writes the manifest, with what it says of the layer.
    pub(crate) fn list(&mut self, kind: &str, size: usize, digest: Digest) {
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": Digest::of(&self.config), "size": self.config.len(),
            },
            "layers": [{"mediaType": kind, "digest": digest, "size": size}],
        });
        self.manifest = serde_json::to_vec(&manifest).unwrap();
    }

    /// What an honest registry answers, ranges included.
    pub(crate) fn honest(&self, asked: &Asked) -> Reply {
        if asked.path.contains("/manifests/") {
            return Reply::new(200)
                .header("content-type", MANIFEST)
                .body(self.manifest.clone());
        }
        if asked.path.ends_with(&Digest::of(&self.config).hex()) {
            return Reply::new(200).body(self.config.clone());
        }
        if self.is_layer(asked) {
            return match asked.header("range") {
                None => Reply::new(200).body(self.layer.clone()),
                Some(range) => self.part(range),
            };
        }
        Reply::new(404)
    }

    pub(crate) fn part(&self, range: &str) -> Reply {
        let first = range.trim_start_matches("bytes=").trim_end_matches('-');
        let first: usize = first.parse().unwrap();
        let (last, total) = (self.layer.len() - 1, self.layer.len());
        Reply::new(206)
            .header("content-range", format!("bytes {first}-{last}/{total}"))
            .body(&self.layer[first..])
    }

    pub(crate) fn is_layer(&self, asked: &Asked) -> bool {
        asked.path.contains("/blobs/") && !asked.path.ends_with(&Digest::of(&self.config).hex())
    }
}

/// A registry that answers the first layer requests as the test says, by their number from 0, and else honestly.
pub(crate) fn twisted(
    goods: Goods,
    twist: impl Fn(usize, &Asked) -> Option<Reply> + Send + Sync + 'static,
) -> Machine {
    let count = AtomicUsize::new(0);
    Machine::start(move |asked| {
        let twisted = goods
            .is_layer(asked)
            .then(|| twist(count.fetch_add(1, Ordering::Relaxed), asked))
            .flatten();
        twisted.unwrap_or_else(|| goods.honest(asked))
    })
}

pub(crate) fn ranges(machine: &Machine, goods: &Goods) -> Vec<Option<String>> {
    let asked = machine.asked();
    let layers = asked.iter().filter(|asked| goods.is_layer(asked));
    layers
        .map(|asked| asked.header("range").map(str::to_owned))
        .collect()
}

pub(crate) fn failed(machine: &Machine) -> RegistryError {
    let (_folder, store) = new_store();
    let went = pull(&store, &format!("{}/app:1", machine.host()));
    assert_empty(&store);
    went.result.unwrap_err()
}
