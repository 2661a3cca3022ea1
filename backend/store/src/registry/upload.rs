//! Bringing one blob to a registry: all at once, or in chunks where it asks for that or the whole did not get through; on
//! from where it broke off, as far as the registry says that it has it.
//!
//! Distribution specification 1.1, "Pushing blobs": monolithically (POST then PUT), in chunks, and "mounting a blob".

use std::fs::File;

use estiva_shared::image::Digest;
use ureq::http::{HeaderName, Method, StatusCode, header};

use super::client::{Answer, Ask, Client, Payload};
use super::error::RegistryError;
use super::header::{number, uploaded_bytes};
use super::progress::{Events, retrying};
use super::url::{Url, encode};

/// The largest chunk that a registry may ask for: 1 GiB. More is no chunk.
const CHUNK_BYTES_MAX: u64 = 1 << 30;

/// By which the registry says how small a chunk may be.
const CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");

/// A blob to be uploaded.
pub(super) struct Blob<'a> {
    pub(super) digest: Digest,
    pub(super) bytes: u64,
    pub(super) content: Content<'a>,
}

/// Where its bytes are.
pub(super) enum Content<'a> {
    Bytes(&'a [u8]),
    File {
        file: &'a File,
        /// Told of bytes on their way.
        sent: &'a (dyn Fn(u64) + Sync),
        /// Told how many bytes the registry has, where they have to be sent again.
        back: &'a (dyn Fn(u64) + Sync),
    },
}

impl Blob<'_> {
    fn part(&self, first: u64, length: u64) -> Payload<'_> {
        match &self.content {
            Content::Bytes(bytes) => {
                Payload::Bytes(&bytes[first as usize..(first + length) as usize])
            }
            Content::File { file, sent, .. } => Payload::Part {
                file,
                first,
                length,
                sent: *sent,
            },
        }
    }

    fn back_to(&self, have: u64) {
        if let Content::File { back, .. } = &self.content {
            back(have);
        }
    }
}

/// An upload that the registry began.
pub(super) struct Session {
    location: Url,
    have: u64,
    chunk_min: Option<u64>,
}

/// Repository and its client.
pub(super) struct Target<'a> {
    pub(super) client: &'a Client,
    pub(super) path: &'a str,
}

impl Target<'_> {
    /// Whether the registry has a blob here.
    pub(super) fn has(&self, digest: &Digest, bytes: Option<u64>) -> Result<bool, RegistryError> {
        let url = self.url(&format!("blobs/{digest}"));
        let answer = self.client.ask(&Ask::new(Method::HEAD, url))?;
        match answer.status {
            StatusCode::OK => {
                Ok(bytes.is_none() || answer.length().is_none() || answer.length() == bytes)
            }
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self
                .client
                .refusal(answer, &format!("answer about blob {digest}"))),
        }
    }

    /// Asks the registry to take a blob over from another repository of its own. Answers the upload that it began
    /// instead, where it doesn't.
    pub(super) fn mount(
        &self,
        digest: &Digest,
        from: &str,
    ) -> Result<Option<Session>, RegistryError> {
        let query = format!(
            "blobs/uploads/?mount={}&from={}",
            encode(&digest.to_string()),
            encode(from)
        );
        let answer = self.post(&query)?;
        match answer.status {
            StatusCode::CREATED => Ok(None),
            StatusCode::ACCEPTED => self.session(answer).map(Some),
            _ => Err(self.client.refusal(answer, "upload")),
        }
    }

    /// Uploads a blob, on from `begun` where the registry began one.
    pub(super) fn upload(
        &self,
        blob: &Blob<'_>,
        begun: Option<Session>,
        events: &Events,
        told: &Digest,
    ) -> Result<(), RegistryError> {
        let (mut session, mut whole) = (begun, true);
        let on_retry = |attempt, wait, error: &RegistryError| {
            events.tell(retrying(Some(told), attempt, wait, error));
        };
        self.client.retrying(&on_retry, || {
            let current = match session.take() {
                Some(session) => self.state(session)?,
                None => None,
            };
            let mut current = match current {
                Some(session) => session,
                None => self.start()?,
            };
            blob.back_to(current.have);
            let chunks = !whole || current.chunk_min.is_some() || current.have > 0;
            let result = match chunks {
                true => self.in_chunks(blob, &mut current),
                false => self.at_once(blob, &current),
            };
            match result {
                Ok(()) => Ok(()),
                Err(error) => {
                    session = Some(current);
                    // What is too large at once may get through in pieces.
                    let too_large = matches!(&error, RegistryError::Answer { found, .. } if found.starts_with("status 413"));
                    let again = whole && too_large;
                    whole = false;
                    match again {
                        true => Err(RegistryError::Lost {
                            url: blob_url(&error),
                            reason: error.to_string(),
                        }),
                        false => Err(error),
                    }
                }
            }
        })
    }

    fn start(&self) -> Result<Session, RegistryError> {
        let answer = self.post("blobs/uploads/")?;
        match answer.status {
            StatusCode::ACCEPTED => self.session(answer),
            _ => Err(self.client.refusal(answer, "upload")),
        }
    }

    fn post(&self, path: &str) -> Result<Answer, RegistryError> {
        let ask = Ask {
            payload: Payload::Bytes(&[]),
            ..Ask::new(Method::POST, self.url(path))
        };
        self.client.ask(&ask)
    }

    /// Reads where an upload goes on, and how much of it is there.
    fn session(&self, answer: Answer) -> Result<Session, RegistryError> {
        let location = answer.header(header::LOCATION).unwrap_or_default();
        if location.is_empty() {
            return Err(RegistryError::Answer {
                url: answer.url.to_string(),
                expected: "an upload's location".to_owned(),
                found: "none".to_owned(),
            });
        }
        let have = answer.header(header::RANGE).and_then(uploaded_bytes);
        let chunk_min = answer.header(CHUNK_MIN_LENGTH).and_then(number);
        Ok(Session {
            location: self.client.may_go(&answer.url, location)?,
            have: have.unwrap_or(0),
            chunk_min,
        })
    }

    /// How much of an upload the registry has; none where it knows it no more.
    fn state(&self, session: Session) -> Result<Option<Session>, RegistryError> {
        let answer = self.client.ask(&Ask::get(session.location.clone()))?;
        if !matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::ACCEPTED) {
            return match answer.status.is_client_error() {
                true => Ok(None),
                false => Err(self.client.refusal(answer, "state of the upload")),
            };
        }
        let chunk_min = session.chunk_min;
        let fresh = match answer.header(header::LOCATION).is_some() {
            true => self.session(answer)?,
            false => Session {
                have: answer
                    .header(header::RANGE)
                    .and_then(uploaded_bytes)
                    .unwrap_or(0),
                ..session
            },
        };
        Ok(Some(Session {
            chunk_min: fresh.chunk_min.or(chunk_min),
            ..fresh
        }))
    }

    fn at_once(&self, blob: &Blob<'_>, session: &Session) -> Result<(), RegistryError> {
        self.put(blob, session, blob.part(0, blob.bytes))
    }

    fn in_chunks(&self, blob: &Blob<'_>, session: &mut Session) -> Result<(), RegistryError> {
        let chunk = session.chunk_min.unwrap_or(0).max(self.client.chunk_bytes);
        if chunk > CHUNK_BYTES_MAX {
            return Err(RegistryError::Answer {
                url: session.location.to_string(),
                expected: format!("chunks of at most {CHUNK_BYTES_MAX} bytes"),
                found: format!("a wish for {chunk}"),
            });
        }
        while session.have < blob.bytes {
            let length = chunk.min(blob.bytes - session.have);
            let (first, last) = (session.have, session.have + length - 1);
            let ask = Ask {
                payload: blob.part(first, length),
                patient: true,
                ..Ask::new(Method::PATCH, session.location.clone())
            }
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_RANGE, format!("{first}-{last}"));
            let answer = self.client.ask(&ask)?;
            if answer.status != StatusCode::ACCEPTED {
                return Err(self.client.refusal(answer, "upload's next chunk"));
            }
            let fresh = self.session(answer)?;
            if fresh.have != last + 1 && !(fresh.have == 0 && last == 0) {
                return Err(RegistryError::Answer {
                    url: fresh.location.to_string(),
                    expected: format!("an upload of {} bytes so far", last + 1),
                    found: fresh.have.to_string(),
                });
            }
            session.location = fresh.location;
            session.have = last + 1;
        }
        self.put(blob, session, Payload::Bytes(&[]))
    }

    /// The end of an upload, with its last bytes.
    fn put(
        &self,
        blob: &Blob<'_>,
        session: &Session,
        payload: Payload<'_>,
    ) -> Result<(), RegistryError> {
        let location = &session.location;
        let url = location.with_query("digest", &blob.digest.to_string());
        let url = url.map_err(|fault| RegistryError::Redirect {
            url: self.url("blobs/uploads/").to_string(),
            to: location.to_string(),
            reason: fault.to_string(),
        })?;
        let ask = Ask {
            payload,
            patient: true,
            ..Ask::new(Method::PUT, url)
        }
        .header(header::CONTENT_TYPE, "application/octet-stream");
        let answer = self.client.ask(&ask)?;
        match answer.status {
            StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(()),
            _ => Err(self.client.refusal(answer, "end of the upload")),
        }
    }

    /// An address in this repository.
    pub(super) fn url(&self, rest: &str) -> Url {
        self.client.url(&format!("/v2/{}/{rest}", self.path))
    }
}

fn blob_url(error: &RegistryError) -> String {
    match error {
        RegistryError::Answer { url, .. } => url.clone(),
        _ => String::new(),
    }
}
