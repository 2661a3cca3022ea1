//! Bringing one layer: its bytes to a file in `ingest`, on from where a connection broke off, then its digest, then its
//! tar into the store. Nothing of it is unpacked before its digest is what the manifest says.
//!
//! RFC 9110, section 14, for ranges.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::time::{Duration, Instant};

use estiva_shared::image::{Compression, DigestWriter, Inflating};
use estiva_shared::protocol::LayerState;
use ureq::http::{StatusCode, header};

use super::client::{Answer, Ask, Client};
use super::error::RegistryError;
use super::header::content_range;
use super::manifest::{Layer, Packing};
use super::progress::{Events, Meter, retrying};
use super::url::Url;
use crate::blobs::{READING, ScratchFile};
use crate::error::{IoFault, StoreError};
use crate::store::Store;

/// What is read of a connection or a file at once.
const BUFFER_BYTES: usize = 128 << 10;

/// What has to be new since the last break for it not to count: a long layer over a bad line breaks often.
const PROGRESS_BYTES: u64 = 1 << 20;

/// What a try is called that comes after one that brought something.
const FIRST_RETRY: u32 = 2;

/// What is there of a layer.
struct Download {
    scratch: ScratchFile,
    out: DigestWriter<BufWriter<File>>,
    /// The most that was ever there.
    most: u64,
}

impl Download {
    fn new(store: &Store) -> Result<Self, StoreError> {
        let scratch = ScratchFile::create(store.ingest_path())?;
        let out = writer(&scratch)?;
        Ok(Self {
            scratch,
            out,
            most: 0,
        })
    }

    /// Throws away what is there.
    fn restart(&mut self) -> Result<(), StoreError> {
        if self.out.bytes() > 0 {
            let file = self.scratch.reopen()?;
            file.set_len(0)
                .map_err(IoFault::at("truncate", &self.scratch.path))?;
            self.out = writer(&self.scratch)?;
        }
        Ok(())
    }
}

fn writer(scratch: &ScratchFile) -> Result<DigestWriter<BufWriter<File>>, StoreError> {
    let file = BufWriter::with_capacity(BUFFER_BYTES, scratch.reopen()?);
    Ok(DigestWriter::new(file))
}

/// Brings a layer into the store, unless it is there.
pub(super) fn layer(
    store: &Store,
    client: &Client,
    repository: &str,
    layer: &Layer,
    events: &Events,
) -> Result<(), RegistryError> {
    client.check()?;
    if store.whole_layer(&layer.diff_id)?.is_some() {
        events.layer(&layer.digest, LayerState::Exists);
        return Ok(());
    }
    let url = client.url(&format!("/v2/{repository}/blobs/{}", layer.digest));
    let scratch = download(store, client, &url, layer, events)?;
    client.check()?;
    events.layer(&layer.digest, LayerState::Unpacking);
    unpack(store, client, &scratch, layer)?;
    events.layer(&layer.digest, LayerState::Done);
    Ok(())
}

fn download(
    store: &Store,
    client: &Client,
    url: &Url,
    layer: &Layer,
    events: &Events,
) -> Result<ScratchFile, RegistryError> {
    let mut download = Download::new(store)?;
    let total_bytes = layer.bytes;
    let state = |done_bytes| LayerState::Transferring {
        done_bytes,
        total_bytes,
    };
    Meter::during(events, layer.digest, &state, |meter| {
        whole(client, url, layer, &mut download, events, meter)
    })?;
    events.layer(&layer.digest, LayerState::Verifying);
    let Download {
        scratch, mut out, ..
    } = download;
    out.flush()
        .map_err(IoFault::at("write", &scratch.path))
        .map_err(StoreError::from)?;
    let (_, found, _) = out.finish();
    match found == layer.digest {
        true => Ok(scratch),
        false => Err(Client::other_digest("a layer", url, &layer.digest, &found)),
    }
}

/// Takes all of a layer, in as many answers as it needs.
fn whole(
    client: &Client,
    url: &Url,
    layer: &Layer,
    download: &mut Download,
    events: &Events,
    meter: &Meter<'_>,
) -> Result<(), RegistryError> {
    let on_retry = |attempt, wait, error: &RegistryError| {
        meter.tell();
        events.tell(retrying(Some(&layer.digest), attempt, wait, error));
    };
    loop {
        let before = download.most;
        let is_whole = client.retrying(&on_retry, || {
            let step = rest(client, url, layer, download, meter);
            match step {
                // What came on is worth more tries than what did not.
                Err(error @ RegistryError::Lost { .. })
                    if download.most >= before + PROGRESS_BYTES =>
                {
                    on_retry(FIRST_RETRY, Duration::ZERO, &error);
                    Ok(false)
                }
                Err(error) => Err(error),
                Ok(()) => Ok(true),
            }
        })?;
        if is_whole {
            return Ok(());
        }
    }
}

/// Asks for what is missing, and takes it.
fn rest(
    client: &Client,
    url: &Url,
    layer: &Layer,
    download: &mut Download,
    meter: &Meter<'_>,
) -> Result<(), RegistryError> {
    let mut have = download.out.bytes();
    if have == layer.bytes {
        return Ok(());
    }
    let mut ask = Ask::get(url.clone()).header(header::ACCEPT_ENCODING, "identity");
    if have > 0 {
        ask = ask.header(header::RANGE, format!("bytes={have}-"));
    }
    let answer = client.ask(&ask)?;
    match answer.status {
        StatusCode::OK => {
            // It knows no ranges: from the start.
            download.restart()?;
            have = 0;
        }
        StatusCode::PARTIAL_CONTENT if have > 0 => {
            let range = answer.header(header::CONTENT_RANGE).and_then(content_range);
            let fits = range.is_some_and(|range| {
                let total = range.total.is_none_or(|total| total == layer.bytes);
                range.first == have && range.last == layer.bytes - 1 && total
            });
            if !fits {
                return Err(anew(download, url, have, &answer));
            }
        }
        StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => {
            return Err(anew(download, url, have, &answer));
        }
        _ => return Err(client.refusal(answer, &format!("layer {}", layer.digest))),
    }
    if let Some(length) = answer.length()
        && length != layer.bytes - have
    {
        return Err(other_size(url, layer.bytes - have, &length.to_string()));
    }
    take(client, layer, answer, download, meter)
}

/// Throws away what is there, because the server means another part of the layer than we do.
fn anew(download: &mut Download, url: &Url, have: u64, answer: &Answer) -> RegistryError {
    if let Err(error) = download.restart() {
        return error.into();
    }
    let found = answer.header(header::CONTENT_RANGE).unwrap_or("none");
    RegistryError::Lost {
        url: url.to_string(),
        reason: format!(
            "expected the range from byte {have}, but found {}",
            super::said::shorten(found)
        ),
    }
}

fn take(
    client: &Client,
    layer: &Layer,
    answer: Answer,
    download: &mut Download,
    meter: &Meter<'_>,
) -> Result<(), RegistryError> {
    let url = answer.url;
    let mut body = answer.body.into_with_config().limit(u64::MAX).reader();
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut window, mut in_window) = (Instant::now(), 0_u64);
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => return Err(client.broken(&url, error)),
        };
        client.check()?;
        let have = download.out.bytes() + count as u64;
        if have > layer.bytes {
            return Err(other_size(&url, layer.bytes, "more"));
        }
        download
            .out
            .write_all(&buffer[..count])
            .map_err(IoFault::at("write", &download.scratch.path))
            .map_err(StoreError::from)?;
        download.most = download.most.max(have);
        meter.set(have);
        in_window += count as u64;
        if window.elapsed() >= client.times.slow_window {
            if in_window < client.times.slow_bytes && have < layer.bytes {
                return Err(client.too_slow(&url));
            }
            (window, in_window) = (Instant::now(), 0);
        }
    }
    let have = download.out.bytes();
    match have == layer.bytes {
        true => Ok(()),
        false => Err(RegistryError::Lost {
            url: url.to_string(),
            reason: format!(
                "expected {} bytes, but found an end after {have}",
                layer.bytes
            ),
        }),
    }
}

fn other_size(url: &Url, expected: u64, found: &str) -> RegistryError {
    RegistryError::Answer {
        url: url.to_string(),
        expected: format!("{expected} bytes of a layer, as the manifest says"),
        found: found.to_owned(),
    }
}

fn unpack(
    store: &Store,
    client: &Client,
    scratch: &ScratchFile,
    layer: &Layer,
) -> Result<(), RegistryError> {
    let file = scratch.reopen()?;
    let file = BufReader::with_capacity(BUFFER_BYTES, Wanted { file, client });
    let compression = match layer.packing {
        Packing::Plain => Compression::None,
        Packing::Gzip => Compression::Gzip,
        Packing::Zstd => Compression::Zstd,
    };
    let mut tar = Inflating::new(file, compression).expect("these three can be read");
    let imported = store.import_layer(&mut tar, Some(&layer.diff_id));
    let fault = |reason: String| RegistryError::Layer {
        layer: layer.digest,
        reason,
    };
    client.check()?;
    match imported {
        Ok(_) => Ok(()),
        Err(StoreError::DigestMismatch { found, .. }) => Err(RegistryError::DiffId {
            layer: layer.digest,
            expected: layer.diff_id,
            found,
        }),
        Err(StoreError::Extract(error)) => Err(fault(error.to_string())),
        Err(StoreError::Io(io)) if io.action == READING => {
            Err(fault(format!("can't be decompressed: {}", io.source)))
        }
        Err(error) => Err(error.into()),
    }
}

/// A file that is read for as long as somebody wants it.
struct Wanted<'a> {
    file: File,
    client: &'a Client,
}

impl Read for Wanted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.client.check().map_err(std::io::Error::other)?;
        self.file.read(buffer)
    }
}
