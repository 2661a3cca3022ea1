//! Makes tars, layers and archives for the tests of images; every byte of a header can be chosen.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "test code that is no test itself; each file uses its own part"
)]

use std::io::Write;

use estiva_shared::image::{Digest, ImageAnalysis, LayerIndex, Limits, Problem, inspect};
use serde_json::{Value, json};

/// One entry of a tar, with the header's fields as they shall stand.
pub struct Item {
    pub path: Vec<u8>,
    pub flag: u8,
    pub mode: u64,
    pub owner: u64,
    pub link: Vec<u8>,
    pub content: Vec<u8>,
    /// What the header claims; the content's length where none.
    pub size: Option<u64>,
}

impl Item {
    pub fn new(path: &str, flag: u8) -> Self {
        Self {
            path: path.into(),
            flag,
            mode: 0o644,
            owner: 0,
            link: Vec::new(),
            content: Vec::new(),
            size: None,
        }
    }

    pub fn mode(mut self, mode: u64) -> Self {
        self.mode = mode;
        self
    }

    pub fn owner(mut self, owner: u64) -> Self {
        self.owner = owner;
        self
    }
}

pub fn file(path: &str, content: &str) -> Item {
    Item {
        content: content.into(),
        ..Item::new(path, b'0')
    }
}

pub fn sized(path: &str, bytes: usize, fill: u8) -> Item {
    Item {
        content: vec![fill; bytes],
        ..Item::new(path, b'0')
    }
}

pub fn folder(path: &str) -> Item {
    Item::new(path, b'5').mode(0o755)
}

pub fn symlink(path: &str, target: &str) -> Item {
    Item {
        link: target.into(),
        ..Item::new(path, b'2')
    }
}

pub fn hard_link(path: &str, target: &str) -> Item {
    Item {
        link: target.into(),
        ..Item::new(path, b'1')
    }
}

/// A ustar header with a right checksum; a size beyond octal's reach is written in base 256.
pub fn header(item: &Item) -> [u8; 512] {
    let mut block = [0; 512];
    let put = |block: &mut [u8; 512], at: usize, bytes: &[u8]| {
        block[at..at + bytes.len()].copy_from_slice(bytes)
    };
    put(&mut block, 0, &item.path[..item.path.len().min(100)]);
    put(&mut block, 100, format!("{:07o}\0", item.mode).as_bytes());
    let owner = format!("{:07o}\0", item.owner);
    put(&mut block, 108, owner.as_bytes());
    put(&mut block, 116, owner.as_bytes());
    let size = item.size.unwrap_or(item.content.len() as u64);
    match size < 1 << 33 {
        true => put(&mut block, 124, format!("{size:011o}\0").as_bytes()),
        false => {
            block[124] = 0x80;
            put(&mut block, 128, &size.to_be_bytes());
        }
    }
    put(
        &mut block,
        136,
        format!("{:011o}\0", 1_700_000_000).as_bytes(),
    );
    block[156] = item.flag;
    put(&mut block, 157, &item.link[..item.link.len().min(100)]);
    put(&mut block, 257, b"ustar\x0000");
    put(&mut block, 148, b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
    block
}

/// A tar of these entries, with its end.
pub fn tar(items: &[Item]) -> Vec<u8> {
    let mut bytes = open_tar(items);
    bytes.extend([0; 1024]);
    bytes
}

/// The same without the two empty blocks at the end.
pub fn open_tar(items: &[Item]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for item in items {
        bytes.extend(header(item));
        bytes.extend(&item.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One frame of zstd.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// A frame of zstd that decoders skip.
pub fn skippable(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    [&[0x50, 0x2a, 0x4d, 0x18], &length[..], content].concat()
}

/// Bytes that don't compress.
pub fn noise(length: usize) -> Vec<u8> {
    (0..length as u64)
        .map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .collect()
}

/// A PAX header with one record.
pub fn pax(key: &str, value: &str) -> Item {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length += 1;
    }
    Item {
        content: format!("{length} {key}={value}\n").into(),
        ..Item::new("pax", b'x')
    }
}

/// An image before it is put into an archive: its layers as they shall lie, and their plain tars.
pub struct Image {
    pub layers: Vec<Vec<u8>>,
    pub config: Value,
}

impl Image {
    /// Plain layers and a config whose history names each.
    pub fn new(tars: &[Vec<u8>]) -> Self {
        let diff_ids: Vec<_> = tars.iter().map(|tar| Digest::of(tar).to_string()).collect();
        let history: Vec<_> = (0..tars.len())
            .map(|number| json!({"created_by": format!("RUN step {number}")}))
            .collect();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {"Env": ["A=b"], "Cmd": ["sh"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": history,
        });
        Self {
            layers: tars.to_vec(),
            config,
        }
    }

    pub fn gzipped(self) -> Self {
        self.packed(gzip)
    }

    /// Its layers as `pack` makes them lie.
    pub fn packed(mut self, pack: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        self.layers = self.layers.iter().map(|layer| pack(layer)).collect();
        self
    }
}

pub fn blob(bytes: &[u8]) -> Item {
    let path = format!("blobs/sha256/{}", Digest::of(bytes).hex());
    Item {
        content: bytes.to_vec(),
        ..Item::new(&path, b'0')
    }
}

pub fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": kind, "digest": Digest::of(bytes).to_string(), "size": bytes.len()})
}

/// The blobs of an image and its manifest's descriptor.
pub fn oci_blobs(image: &Image) -> (Vec<Item>, Value) {
    let config = serde_json::to_vec(&image.config).unwrap();
    let layers: Vec<_> = image
        .layers
        .iter()
        .map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar", layer))
        .collect();
    let manifest = json!({
        "schemaVersion": 2, "config": descriptor("application/vnd.oci.image.config.v1+json", &config), "layers": layers,
    });
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let mut items: Vec<_> = image.layers.iter().map(|layer| blob(layer)).collect();
    items.push(blob(&config));
    items.push(blob(&manifest));
    (
        items,
        descriptor("application/vnd.oci.image.manifest.v1+json", &manifest),
    )
}

/// An OCI layout with these descriptors in its index.
pub fn oci_layout(mut items: Vec<Item>, manifests: &[Value]) -> Vec<Item> {
    items.push(file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#));
    items.push(file(
        "index.json",
        &json!({"schemaVersion": 2, "manifests": manifests}).to_string(),
    ));
    items
}

/// One image as an OCI layout.
pub fn oci_archive(image: &Image, name: &str) -> Vec<u8> {
    let (items, mut descriptor) = oci_blobs(image);
    descriptor["annotations"] = json!({"io.containerd.image.name": name});
    tar(&oci_layout(items, &[descriptor]))
}

/// Images as `docker save` made them until Docker 24: a layer that an earlier image has is a symbolic link to it.
pub fn docker_archive(images: &[(&Image, &str)]) -> Vec<u8> {
    let mut items = Vec::new();
    let mut manifest = Vec::new();
    let mut seen: Vec<(Digest, String)> = Vec::new();
    for (number, (image, name)) in images.iter().enumerate() {
        let mut layers = Vec::new();
        for (index, layer) in image.layers.iter().enumerate() {
            let id = Digest::of(format!("{number} {index}").as_bytes()).hex();
            let path = format!("{id}/layer.tar");
            items.push(folder(&format!("{id}/")));
            items.push(file(&format!("{id}/VERSION"), "1.0"));
            match seen.iter().find(|(digest, _)| *digest == Digest::of(layer)) {
                Some((_, known)) => items.push(symlink(&path, &format!("../{known}"))),
                None => {
                    seen.push((Digest::of(layer), path.clone()));
                    items.push(Item {
                        content: layer.clone(),
                        ..Item::new(&path, b'0')
                    });
                }
            }
            layers.push(path);
        }
        let config = serde_json::to_vec(&image.config).unwrap();
        let config_name = format!("{}.json", Digest::of(&config).hex());
        items.push(Item {
            content: config,
            ..Item::new(&config_name, b'0')
        });
        manifest.push(json!({"Config": config_name, "RepoTags": [name], "Layers": layers}));
    }
    items.push(file("manifest.json", &Value::from(manifest).to_string()));
    items.push(file("repositories", "{}"));
    tar(&items)
}

pub fn read_layer(bytes: &[u8]) -> LayerIndex {
    LayerIndex::read(bytes, &Limits::default()).unwrap()
}

pub fn inspect_all(archive: &[u8]) -> Vec<ImageAnalysis> {
    inspect(&archive.to_vec(), &mut |_| true).unwrap()
}

pub fn inspect_one(archive: &[u8]) -> ImageAnalysis {
    let mut images = inspect_all(archive);
    assert_eq!(images.len(), 1);
    images.remove(0)
}

/// The analysis of plain layers.
pub fn analyse_tars(tars: &[Vec<u8>]) -> ImageAnalysis {
    inspect_one(&docker_archive(&[(&Image::new(tars), "test:latest")]))
}

pub fn codes(problems: &[Problem]) -> Vec<&str> {
    problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect()
}

/// An ELF program whose only segment is data and holds this.
pub fn program(path: &str, data: &[u8]) -> Item {
    let mut bytes = vec![0; 128];
    bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
    for (at, value) in [(32, 64u64), (72, 128), (96, data.len() as u64)] {
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    bytes[54] = 56;
    bytes[56] = 1;
    bytes[64] = 1;
    bytes[68] = 4;
    bytes.extend(data);
    Item {
        content: bytes,
        ..Item::new(path, b'0').mode(0o755)
    }
}

/// Go's build information; a length in place of the right one where one is given.
pub fn go_information(length: &[u8]) -> Vec<u8> {
    let text = format!(
        "{}mod\texample.com/app\tv1.0.0\ndep\tother\tv2\n{}",
        "0".repeat(16),
        "1".repeat(16)
    );
    let mut bytes = b"\xff Go buildinf:\x08\x02".to_vec();
    bytes.extend([0; 16]);
    bytes.extend(b"\x06go1.22");
    bytes.extend(if length.is_empty() {
        vec![text.len() as u8]
    } else {
        length.to_vec()
    });
    bytes.extend(text.as_bytes());
    bytes
}

/// dpkg's status file of these packages.
pub fn status(packages: &[(&str, &str)]) -> String {
    let paragraphs = packages.iter().map(|(name, version)| {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
    });
    paragraphs.collect()
}
