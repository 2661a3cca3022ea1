//! Asking one registry, for one pull or push: credentials where they belong, redirects where they may lead, faults in
//! words, and another try where that may help.
//!
//! Distribution specification 1.1, "Endpoints" and "Error Codes". The HTTP is ureq's; what it would decide by itself
//! (redirects, statuses, decompression, certificates) is turned off and decided here.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use estiva_shared::image::{Digest, Reference};
use estiva_shared::protocol::RegistryLogin;
use ureq::http::{HeaderMap, Method, Request, StatusCode, header};
use ureq::{Agent, Body, SendBody};

use super::address::Nearness;
use super::auth::Auth;
use super::error::{Again, RegistryError};
use super::header::{number, retry_after};
use super::reach::{self, Reach};
use super::said::said;
use super::transport::{Ended, Watch};
use super::url::Url;
use super::{Cancel, RegistrySettings, Times};

/// Redirects that are followed: registries send to a storage service, and that at most to another place once or twice.
const REDIRECTS_MAX: usize = 5;

/// The longest wait between two tries that nobody asked for.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(16);

/// Tries where no answer ever came.
const TRIES_UNHEARD_MAX: u32 = 2;

/// How finely a wait is cut, so that it can be given up.
const WAIT_SLICE: Duration = Duration::from_millis(50);

/// What is asked.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(header::HeaderName, String)>,
    pub(super) payload: Payload<'a>,
    /// The answer may take as long as a registry's work on a whole blob.
    pub(super) patient: bool,
}

impl Ask<'_> {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            payload: Payload::None,
            patient: false,
        }
    }

    pub(super) fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    pub(super) fn header(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What goes with it. It can be sent again from its start.
#[derive(Clone, Copy)]
pub(super) enum Payload<'a> {
    None,
    Bytes(&'a [u8]),
    /// A part of a file.
    Part {
        file: &'a File,
        first: u64,
        length: u64,
        /// Told of bytes that were sent.
        sent: &'a (dyn Fn(u64) + Sync),
    },
}

impl Payload<'_> {
    fn length(&self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Part { length, .. } => Some(*length),
        }
    }
}

/// Reads a part of a file, without moving its place.
struct PartReader<'a> {
    file: &'a File,
    at: u64,
    end: u64,
    sent: &'a (dyn Fn(u64) + Sync),
}

impl Read for PartReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = (self.end - self.at).min(buffer.len() as u64) as usize;
        let count = self.file.read_at(&mut buffer[..room], self.at)?;
        self.at += count as u64;
        (self.sent)(count as u64);
        Ok(count)
    }
}

/// What came back; its body was not read yet.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    /// Where it came from in the end.
    pub(super) url: Url,
}

impl Answer {
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH).and_then(number)
    }

    /// `text/html`, without parameters, in lower case.
    pub(super) fn media_type(&self) -> String {
        let value = self.header(header::CONTENT_TYPE).unwrap_or_default();
        let value = value.split(';').next().unwrap_or_default();
        value.trim().to_ascii_lowercase()
    }
}

/// What is told when something is tried again: which try comes next, after how long, and why.
pub(super) type OnRetry<'a> = dyn Fn(u32, Duration, &RegistryError) + 'a;

/// One registry, for one operation.
pub(super) struct Client {
    /// As logins name it: `docker.io`.
    pub(super) registry: String,
    base: Url,
    pub(super) times: Times,
    pub(super) chunk_bytes: u64,
    reach: Reach,
    watch: Arc<Watch>,
    auth: Auth,
    /// It answered at least once.
    reached: AtomicBool,
}

impl Client {
    /// Finds out how the registry of an image is reached.
    ///
    /// # Errors
    /// Where it isn't, or the settings don't allow it.
    pub(super) fn open(
        settings: &RegistrySettings,
        reference: &Reference,
        scopes: Vec<String>,
        login: Option<RegistryLogin>,
        cancel: Cancel,
    ) -> Result<Self, RegistryError> {
        let registry = reference.domain().to_owned();
        if settings.of(&registry).blocked {
            return Err(RegistryError::Blocked { registry });
        }
        let (reach, watch) = Reach::new(settings, &registry, cancel)?;
        let base = reach::base(settings, &registry, &reach)?;
        if let Some(nearness) = Nearness::of_host(base.host()) {
            watch.reached(nearness);
        }
        Ok(Self {
            registry,
            base,
            times: settings.times.clone(),
            chunk_bytes: settings.chunk_bytes,
            reach,
            watch,
            auth: Auth::new(login, scopes),
            reached: AtomicBool::new(false),
        })
    }

    /// An address of the registry's.
    pub(super) fn url(&self, path: &str) -> Url {
        self.base
            .join(path)
            .expect("paths are made of a reference's characters")
    }

    /// Asks once, with the redirects and the login that it takes.
    pub(super) fn ask(&self, ask: &Ask<'_>) -> Result<Answer, RegistryError> {
        let (first, shown) = self.follow(ask)?;
        self.reached.store(true, Ordering::Relaxed);
        // Only the registry itself is shown who asks.
        if first.status != StatusCode::UNAUTHORIZED || !first.url.same_origin(&self.base) {
            return Ok(first);
        }
        let header = first.headers.get_all(header::WWW_AUTHENTICATE);
        let header: Vec<&str> = header
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        if !self
            .auth
            .answer(self, &header.join(", "), shown.as_deref())?
        {
            return Ok(first);
        }
        drop(first);
        Ok(self.follow(ask)?.0)
    }

    /// Asks, and follows where the answer leads. Answers too what the one that answered was shown.
    fn follow(&self, ask: &Ask<'_>) -> Result<(Answer, Option<String>), RegistryError> {
        let mut url = ask.url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let home = url.same_origin(&self.base);
            let login = if home { self.auth.header() } else { None };
            let answer = self.send(ask, &url, login.as_deref())?;
            let is_redirect = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
            if !is_redirect {
                return Ok((answer, login));
            }
            let location = answer
                .header(header::LOCATION)
                .unwrap_or_default()
                .to_owned();
            let to = self.may_go(&url, &location)?;
            if !matches!(ask.method, Method::GET | Method::HEAD) {
                return Err(RegistryError::Redirect {
                    url: url.to_string(),
                    to: to.to_string(),
                    reason: "an upload is not followed elsewhere".to_owned(),
                });
            }
            url = to;
        }
        Err(RegistryError::Redirect {
            url: ask.url.to_string(),
            to: url.to_string(),
            reason: format!("expected at most {REDIRECTS_MAX} redirects, but found more"),
        })
    }

    /// Where an address that the registry gave leads, if it may lead there. The address that its name means is looked at
    /// again when it is connected to.
    pub(super) fn may_go(&self, from: &Url, location: &str) -> Result<Url, RegistryError> {
        let refuse = |to: String, reason: String| RegistryError::Redirect {
            url: from.to_string(),
            to,
            reason,
        };
        if location.trim().is_empty() {
            return Err(refuse("nowhere".to_owned(), "it names no place".to_owned()));
        }
        let to = from.join(location).map_err(|fault| {
            let shown = location.split(['?', '#', '@']).next().unwrap_or_default();
            refuse(super::said::shorten(shown), fault.to_string())
        })?;
        if from.is_https() && !to.is_https() {
            return Err(refuse(to.to_string(), "it leaves TLS".to_owned()));
        }
        let is_home = to.same_origin(&self.base);
        let too_near = Nearness::of_host(to.host()).is_some_and(|near| !self.watch.allows(near));
        if too_near && !is_home {
            let reason = "only this host or its own network can reach it".to_owned();
            return Err(refuse(to.to_string(), reason));
        }
        Ok(to)
    }

    /// Sends one request to one address.
    pub(super) fn send(
        &self,
        ask: &Ask<'_>,
        url: &Url,
        login: Option<&str>,
    ) -> Result<Answer, RegistryError> {
        let onward = !url.same_origin(&self.base);
        let agent = self.reach.agent(onward, ask.patient);
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(url.uri().clone());
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(login) = login {
            request = request.header(header::AUTHORIZATION, login);
        }
        if let Some(length) = ask.payload.length() {
            request = request.header(header::CONTENT_LENGTH, length);
        }
        let answer = run(agent, request, &ask.payload).map_err(|error| self.fault(url, error))?;
        let (parts, body) = answer.into_parts();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
            url: url.clone(),
        })
    }

    /// A small document whole, in bounded time.
    pub(super) fn read(
        &self,
        answer: Answer,
        what: &str,
        bytes_max: u64,
    ) -> Result<Vec<u8>, RegistryError> {
        let url = answer.url;
        let until = Instant::now() + self.times.document;
        let mut reader = answer.body.into_with_config().limit(u64::MAX).reader();
        let mut bytes = Vec::new();
        let mut buffer = [0; 16 << 10];
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => return Ok(bytes),
                Ok(count) => count,
                Err(error) => return Err(self.broken(&url, error)),
            };
            bytes.extend_from_slice(&buffer[..count]);
            if bytes.len() as u64 > bytes_max {
                return Err(RegistryError::Answer {
                    url: url.to_string(),
                    expected: format!("{what} of at most {bytes_max} bytes"),
                    found: "more".to_owned(),
                });
            }
            if Instant::now() > until {
                return Err(RegistryError::Lost {
                    url: url.to_string(),
                    reason: format!(
                        "{what} was not there after {} s",
                        self.times.document.as_secs_f32()
                    ),
                });
            }
        }
    }

    /// The fault that an answer is which should have been another.
    pub(super) fn refusal(&self, answer: Answer, what: &str) -> RegistryError {
        let (status, media_type) = (answer.status, answer.media_type());
        let after = answer.header(header::RETRY_AFTER).and_then(retry_after);
        let url = answer.url.to_string();
        let words = said(self, answer);
        let after_colon = words
            .as_ref()
            .map_or(String::new(), |words| format!(": {words}"));
        match status.as_u16() {
            401 | 403 => RegistryError::Denied {
                url,
                status: status.as_u16(),
                said: words.unwrap_or_else(|| "it doesn't let us".to_owned()),
                registry: self.registry.clone(),
                had_login: self.auth.has_login(),
            },
            404 => RegistryError::NotFound {
                what: what.to_owned(),
                url,
                said: after_colon,
            },
            408 | 425 | 429 | 500 | 502..=504 => RegistryError::Busy {
                url,
                status: status.as_u16(),
                said: after_colon,
                after,
            },
            other => RegistryError::Answer {
                url,
                expected: what.to_owned(),
                found: match words {
                    Some(words) => format!("status {other}: {words}"),
                    None if media_type.is_empty() => format!("status {other}"),
                    None => format!("status {other} with {media_type}"),
                },
            },
        }
    }

    /// Works until it succeeds, or another try would not help.
    pub(super) fn retrying<T>(
        &self,
        on_retry: &OnRetry<'_>,
        mut work: impl FnMut() -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let mut tries = 1;
        loop {
            let error = match work() {
                Err(error) if !self.watch.cancel.is_cancelled() => error,
                Err(_) => return Err(RegistryError::Cancelled),
                Ok(value) => return Ok(value),
            };
            let usual = self.times.retry_first * 2_u32.saturating_pow(tries - 1);
            let wait = match error.again() {
                Again::Soon => usual.min(RETRY_WAIT_MAX),
                Again::OnceReached if self.reached.load(Ordering::Relaxed) => {
                    usual.min(RETRY_WAIT_MAX)
                }
                Again::After(wait) if wait <= self.times.retry_after_max => wait,
                _ => return Err(error),
            };
            // Whom nobody ever heard of may be no registry at all: a misspelt name must not be waited for.
            let is_known = self.reached.load(Ordering::Relaxed);
            let tries_max = if is_known {
                u32::MAX
            } else {
                TRIES_UNHEARD_MAX
            };
            if tries >= self.times.tries_max.min(tries_max) {
                return Err(error);
            }
            tries += 1;
            on_retry(tries, wait, &error);
            self.wait(wait)?;
        }
    }

    fn wait(&self, wait: Duration) -> Result<(), RegistryError> {
        let until = Instant::now() + wait;
        loop {
            self.check()?;
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Ok(());
            }
            std::thread::sleep(rest.min(WAIT_SLICE));
        }
    }

    /// Ends what nobody wants any more.
    pub(super) fn check(&self) -> Result<(), RegistryError> {
        match self.watch.cancel.is_cancelled() {
            true => Err(RegistryError::Cancelled),
            false => Ok(()),
        }
    }

    /// The fault that a failed exchange is.
    fn fault(&self, url: &Url, error: ureq::Error) -> RegistryError {
        if self.watch.cancel.is_cancelled() {
            return RegistryError::Cancelled;
        }
        reach::fault(url, error)
    }

    /// The fault that a body is which broke off.
    pub(super) fn broken(&self, url: &Url, error: io::Error) -> RegistryError {
        if self.watch.cancel.is_cancelled() {
            return RegistryError::Cancelled;
        }
        RegistryError::Lost {
            url: url.to_string(),
            reason: reach::reason(&error),
        }
    }

    /// The fault that a layer is which comes too slowly.
    pub(super) fn too_slow(&self, url: &Url) -> RegistryError {
        let ended = Ended::Slow {
            bytes_min: self.times.slow_bytes,
            time: self.times.slow_window,
        };
        RegistryError::Lost {
            url: url.to_string(),
            reason: ended.to_string(),
        }
    }

    /// The fault of content that has another digest.
    pub(super) fn other_digest(
        what: &'static str,
        url: &Url,
        expected: &Digest,
        found: &Digest,
    ) -> RegistryError {
        RegistryError::Digest {
            what,
            url: url.to_string(),
            expected: *expected,
            found: *found,
        }
    }
}

fn run(
    agent: &Agent,
    request: ureq::http::request::Builder,
    payload: &Payload<'_>,
) -> Result<ureq::http::Response<Body>, ureq::Error> {
    match payload {
        Payload::None => agent.run(request.body(())?),
        Payload::Bytes(bytes) => agent.run(request.body(*bytes)?),
        Payload::Part {
            file,
            first,
            length,
            sent,
        } => {
            let mut reader = PartReader {
                file,
                at: *first,
                end: first + length,
                sent: *sent,
            };
            agent.run(request.body(SendBody::from_reader(&mut reader))?)
        }
    }
}
