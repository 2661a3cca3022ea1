//! Showing a registry who asks: a token of its token service, or name and password.
//!
//! The distribution project's "Token Authentication Specification" and "OAuth2 Token Authentication"; RFC 6750 and RFC
//! 7617 for the headers. What is shown goes to the registry, and to the token service that it names, over TLS where the
//! registry has TLS; to nobody else. Nothing of it outlives the operation.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use estiva_shared::protocol::{RegistryLogin, Secret};
use serde::Deserialize;
use ureq::http::{Method, StatusCode, header};

use super::client::{Ask, Client, Payload};
use super::error::RegistryError;
use super::header::{Challenge, challenges};
use super::said::said;
use super::url::{Url, encode};

/// The most bytes of a token service's answer: tokens of large services have 10 KiB.
const TOKEN_BYTES_MAX: u64 = 256 << 10;

/// How long a token holds where the service doesn't say (Token Authentication Specification, "Token response fields").
const TOKEN_TIME: Duration = Duration::from_secs(60);

/// A token is no longer used this long before its end.
const TOKEN_MARGIN: Duration = Duration::from_secs(5);

/// What this program calls itself to a token service.
const CLIENT_ID: &str = "estiva";

/// Who asks, and what was got for it.
pub(super) struct Auth {
    login: Option<RegistryLogin>,
    /// What is wanted: `repository:library/node:pull`.
    scopes: Vec<String>,
    state: Mutex<State>,
}

#[derive(Default)]
enum State {
    #[default]
    Unknown,
    /// The registry wants name and password each time.
    Basic,
    Token {
        token: Secret,
        until: Instant,
    },
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: Option<Secret>,
    #[serde(default)]
    access_token: Option<Secret>,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Auth {
    pub(super) fn new(login: Option<RegistryLogin>, scopes: Vec<String>) -> Self {
        Self {
            login,
            scopes,
            state: Mutex::default(),
        }
    }

    pub(super) fn has_login(&self) -> bool {
        self.login.is_some()
    }

    /// What the registry is shown now.
    pub(super) fn header(&self) -> Option<String> {
        if let Some(RegistryLogin::RegistryToken { token }) = &self.login {
            return Some(format!("Bearer {}", token.reveal()));
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Unknown => None,
            State::Basic => self.basic(),
            State::Token { token, until } => {
                (Instant::now() < *until).then(|| format!("Bearer {}", token.reveal()))
            }
        }
    }

    /// Does what a 401 asks for, by its header and what the registry was shown. Answers whether the same question is worth
    /// asking again. Several threads may be asked at once.
    pub(super) fn answer(
        &self,
        client: &Client,
        header: &str,
        shown: Option<&str>,
    ) -> Result<bool, RegistryError> {
        let challenges = challenges(header);
        let by = |scheme: &str| {
            challenges
                .iter()
                .find(|challenge| challenge.scheme == scheme)
        };
        if let Some(challenge) = by("bearer") {
            if matches!(self.login, Some(RegistryLogin::RegistryToken { .. })) {
                return Ok(false);
            }
            // Another thread may have got one meanwhile.
            let current = self.header();
            if current.is_some() && current.as_deref() != shown {
                return Ok(true);
            }
            let token = self.token(client, challenge)?;
            *self.state.lock().unwrap_or_else(PoisonError::into_inner) = token;
            return Ok(true);
        }
        let basic = self.basic().filter(|_| by("basic").is_some());
        if basic.is_none() || basic.as_deref() == shown {
            return Ok(false);
        }
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::Basic;
        Ok(true)
    }

    fn basic(&self) -> Option<String> {
        let Some(RegistryLogin::Password { username, password }) = &self.login else {
            return None;
        };
        let pair = STANDARD.encode(format!("{username}:{}", password.reveal()));
        Some(format!("Basic {pair}"))
    }

    /// Asks the token service that the registry names.
    fn token(&self, client: &Client, challenge: &Challenge) -> Result<State, RegistryError> {
        let registry = client.url("/v2/");
        let realm = challenge.parameter("realm").unwrap_or_default();
        let realm = client.may_go(&registry, realm)?;
        let service = challenge.parameter("service");
        let answer = match &self.login {
            Some(RegistryLogin::IdentityToken { token }) => {
                let mut form = format!(
                    "grant_type=refresh_token&client_id={CLIENT_ID}&refresh_token={}",
                    encode(token.reveal())
                );
                for (name, value) in self.parameters(service) {
                    form.push_str(&format!("&{name}={}", encode(value)));
                }
                let ask = Ask {
                    payload: Payload::Bytes(form.as_bytes()),
                    ..Ask::new(Method::POST, realm.clone())
                }
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
                client.send(&ask, &realm, None)?
            }
            _ => {
                let mut url = realm.clone();
                for (name, value) in self.parameters(service) {
                    url = url
                        .with_query(name, value)
                        .map_err(|fault| RegistryError::Redirect {
                            url: registry.to_string(),
                            to: realm.to_string(),
                            reason: fault.to_string(),
                        })?;
                }
                self.ask_service(client, &url)?
            }
        };
        if answer.status != StatusCode::OK {
            return Err(self.refused(client, &realm, answer));
        }
        let bytes = client.read(answer, "a token", TOKEN_BYTES_MAX)?;
        let answer: Option<TokenAnswer> = serde_json::from_slice(&bytes).ok();
        let fault = |found: &str| RegistryError::Answer {
            url: realm.to_string(),
            expected: "a token of the token service".to_owned(),
            found: found.to_owned(),
        };
        let answer = answer.ok_or_else(|| fault("what is not JSON of that form"))?;
        let token = answer.token.or(answer.access_token);
        let token = token.filter(|token| is_token(token.reveal()));
        let time = answer.expires_in.map_or(TOKEN_TIME, Duration::from_secs);
        // A day is enough for anyone, and no sum of it overflows.
        let time = time.clamp(TOKEN_TIME, Duration::from_secs(24 * 3600)) - TOKEN_MARGIN;
        Ok(State::Token {
            token: token.ok_or_else(|| fault("none"))?,
            until: Instant::now() + time,
        })
    }

    /// A token by name and password, or for nobody. A redirect is followed, without credentials to another host.
    fn ask_service(
        &self,
        client: &Client,
        first: &Url,
    ) -> Result<super::client::Answer, RegistryError> {
        let mut url = first.clone();
        for _ in 0..3 {
            let login = self.basic().filter(|_| url.same_origin(first));
            let answer = client.send(&Ask::get(url.clone()), &url, login.as_deref())?;
            if !answer.status.is_redirection() {
                return Ok(answer);
            }
            let location = answer.header(header::LOCATION).unwrap_or_default();
            url = client.may_go(&url, location)?;
        }
        Err(RegistryError::Redirect {
            url: first.to_string(),
            to: url.to_string(),
            reason: "expected a token, but found redirect after redirect".to_owned(),
        })
    }

    fn parameters<'a>(&'a self, service: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
        let service = service.map(|service| ("service", service));
        let scopes = self.scopes.iter().map(|scope| ("scope", scope.as_str()));
        service.into_iter().chain(scopes).collect()
    }

    fn refused(
        &self,
        client: &Client,
        realm: &Url,
        answer: super::client::Answer,
    ) -> RegistryError {
        let status = answer.status.as_u16();
        if !matches!(status, 400 | 401 | 403) {
            return client.refusal(answer, "token service");
        }
        let words = said(client, answer);
        RegistryError::Denied {
            url: realm.to_string(),
            status,
            said: words.unwrap_or_else(|| "the token service gives no token".to_owned()),
            registry: client.registry.clone(),
            had_login: self.has_login(),
        }
    }
}

/// Whether it can stand in a header (RFC 6750, section 2.1, taken widely).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
