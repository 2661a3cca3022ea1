// Small image archives, written byte by byte: of each form that the inspector reads, and with faults that no tool would make.

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

export const BLOCK_BYTES = 512;
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const json = (value) => Buffer.from(JSON.stringify(value));

/** A tar's header (POSIX.1-1988, ustar): `name` is text or bytes, the rest has a file's values. */
export function header({ name, size = 0, type = "0", mode = 0o644, link = "" }) {
  const block = Buffer.alloc(BLOCK_BYTES);
  Buffer.from(name).copy(block, 0, 0, 100);
  const octal = (value, at, length) => block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(1_700_000_000, 136, 12);
  block.write(type, 156, "latin1");
  block.write(link, 157, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  block.fill(" ", 148, 156);
  block.write(`${block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** A tar of entries: `body` is text or bytes. */
export function tar(entries) {
  const parts = entries.flatMap(({ body = "", ...entry }) => {
    const bytes = Buffer.from(body);
    return [header({ size: bytes.length, ...entry }), bytes, Buffer.alloc((BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK_BYTES)]);
}

/** An image's configuration, of layers that are tars. */
function config(layers, architecture = "amd64") {
  return json({
    architecture, os: "linux", created: "2024-01-02T03:04:05Z",
    config: { Env: ["PATH=/bin"], Cmd: ["/srv/hello"], User: "1000" },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => `sha256:${sha256(layer)}`) },
    history: layers.map((_, index) => ({ created: "2024-01-02T03:04:05Z", created_by: `COPY ${index} /srv # "quoted", <b>é</b>` })),
  });
}

/** As `docker save` wrote it before Docker 25. */
export function dockerArchive(layers, name = "example:1") {
  const settings = config(layers);
  return tar([
    { name: `${sha256(settings)}.json`, body: settings },
    ...layers.map((layer, index) => ({ name: `${index}/layer.tar`, body: layer })),
    { name: "manifest.json", body: json([{ Config: `${sha256(settings)}.json`, RepoTags: [name], Layers: layers.map((_, index) => `${index}/layer.tar`) }]) },
  ]);
}

/** A zstd frame of raw blocks (RFC 8878, section 3.1.1): not every Node can compress in this form. */
function zstdFrame(bytes) {
  const BLOCK_BYTES_MAX = 128 << 10;
  const header = Buffer.alloc(9);
  header.writeUInt32LE(0xfd2fb528, 0);
  // One segment, and four bytes of the content's size.
  header.writeUInt8(0xa0, 4);
  header.writeUInt32LE(bytes.length, 5);
  const parts = [header];
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES_MAX) {
    const block = bytes.subarray(at, at + BLOCK_BYTES_MAX);
    const last = at + block.length === bytes.length;
    const size = Buffer.alloc(3);
    size.writeUIntLE((block.length << 3) | (last ? 1 : 0), 0, 3);
    parts.push(size, block);
  }
  return Buffer.concat(parts);
}

const PACKINGS = {
  plain: ["", (bytes) => bytes],
  gzip: ["+gzip", (bytes) => gzipSync(bytes)],
  zstd: ["+zstd", (bytes) => zstdFrame(bytes)],
};

/** An OCI image layout as a tar, of one image for each architecture. `spoil` may change a layer's bytes after its digest was taken. */
export function ociArchive(layers, { packing = "gzip", architectures = ["amd64"], spoil = (bytes) => bytes } = {}) {
  const [suffix, pack] = PACKINGS[packing];
  const blobs = new Map();
  const blob = (mediaType, bytes, held = bytes) => {
    blobs.set(sha256(bytes), held);
    return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  const described = layers.map((layer) => {
    const packed = pack(layer);
    return blob(`application/vnd.oci.image.layer.v1.tar${suffix}`, packed, spoil(packed));
  });
  const manifests = architectures.map((architecture) => ({
    ...blob("application/vnd.oci.image.manifest.v1+json", json({
      schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: blob("application/vnd.oci.image.config.v1+json", config(layers, architecture)), layers: described,
    })),
    platform: { architecture, os: "linux" },
    annotations: { "org.opencontainers.image.ref.name": "example:1" },
  }));
  return tar([
    { name: "oci-layout", body: json({ imageLayoutVersion: "1.0.0" }) },
    { name: "index.json", body: json({ schemaVersion: 2, manifests }) },
    ...[...blobs].map(([digest, body]) => ({ name: `blobs/sha256/${digest}`, body })),
  ]);
}

const FIRST = tar([
  { name: "srv/", type: "5", mode: 0o755 },
  { name: "srv/greeting.txt", body: "hello\n".repeat(2_000) },
  { name: "srv/old.log", body: "a line of an old log\n".repeat(3_000) },
]);
const SECOND = tar([{ name: "srv/greeting.txt", body: "second\n" }, { name: "srv/.wh.old.log" }]);
const OTHER = tar([{ name: "srv/greeting.txt", body: "third\n" }, { name: "srv/new.txt", body: "new\n" }]);

/** Names that are no UTF-8, that steer a terminal, and that turn the direction of the text. */
const STRANGE_NAMES = tar([
  { name: Buffer.from([0x73, 0x72, 0x76, 0x2f, 0xff, 0xfe, 0x41]), body: "not UTF-8\n" },
  { name: "srv/\u001b[31mred", body: "escape\n" },
  { name: "srv/\u202egnp.exe", body: "turned\n" },
  { name: "srv/ação 漢字 \u{1f6a2}", body: "letters\n" },
  { name: "srv/\"quoted\"\\\n", body: "quotes\n" },
]);
const HOSTILE = tar([
  { name: "../../etc/passwd", body: "root::0:0\n" },
  { name: "/absolute", body: "absolute\n" },
  { name: "srv/climbs", type: "2", link: "../../../../etc/shadow" },
  { name: "srv/twice", body: "one\n" },
  { name: "srv/twice", body: "another\n" },
  { name: "srv/.wh...", body: "" },
  { name: "srv/.wh.never-there", body: "" },
  { name: "srv/huge", body: "short", size: 0o77777777777 },
]);

/** Each by its name; the images of two of them share their first layer. */
export const archives = {
  "docker-archive.tar": () => dockerArchive([FIRST, SECOND]),
  "oci-gzip.tar": () => ociArchive([FIRST, OTHER]),
  "oci-zstd.tar": () => ociArchive([FIRST, SECOND], { packing: "zstd" }),
  "oci-plain.tar": () => ociArchive([FIRST, SECOND], { packing: "plain" }),
  "platforms.tar": () => ociArchive([FIRST, SECOND], { architectures: ["amd64", "arm64"] }),
  "packed.tar.gz": () => gzipSync(dockerArchive([FIRST])),
  "wrong-digest.tar": () => ociArchive([FIRST, SECOND], { packing: "plain", spoil: (bytes) => Buffer.from(bytes).fill(0x2e, 1_600, 1_700) }),
  "cut-short.tar": () => ociArchive([FIRST, SECOND], { spoil: (bytes) => Buffer.concat([bytes.subarray(0, bytes.length - 20), Buffer.alloc(20)]) }),
  "strange-names.tar": () => dockerArchive([STRANGE_NAMES]),
  "hostile.tar": () => dockerArchive([HOSTILE, SECOND]),
  "empty-layer.tar": () => dockerArchive([tar([])]),
};
