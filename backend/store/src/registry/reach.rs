//! The ways to a registry: agents with their certificates, times and proxy, and the address that it begins at.

use std::io;
use std::sync::Arc;

use ureq::http::StatusCode;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, RustlsConnector};
use ureq::{Agent, Proxy, ProxyProtocol};

use super::error::RegistryError;
use super::settings::{is_on_this_host, unreadable};
use super::transport::{Dial, Ended, Watch};
use super::url::Url;
use super::{Cancel, ProxyChoice, RegistrySettings};

/// Docker Hub as images name it, and where it answers.
const HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// The head of an answer, in bytes: cookies and policies of large services stay far below.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// What is read from a connection at once, and written to it.
const BUFFER_BYTES: usize = 128 << 10;

/// The agents. Connections are kept within each, for this operation alone.
pub(super) struct Reach {
    home: Agent,
    onward: Agent,
    patient: Agent,
    patient_onward: Agent,
}

impl Reach {
    pub(super) fn new(
        settings: &RegistrySettings,
        registry: &str,
        cancel: Cancel,
    ) -> Result<(Self, Arc<Watch>), RegistryError> {
        let proxy = proxy(&settings.proxy)?;
        let place = proxy
            .as_ref()
            .map(|proxy| (proxy.host().to_owned(), proxy.port()));
        let watch = Arc::new(Watch::new(cancel, place));
        let tls = tls(settings, registry)?;
        let agent = |onward, patient| agent(settings, &watch, &tls, proxy.clone(), onward, patient);
        let reach = Self {
            home: agent(false, false),
            onward: agent(true, false),
            patient: agent(false, true),
            patient_onward: agent(true, true),
        };
        Ok((reach, watch))
    }

    /// The agent for an address of the registry's own, or for one that it leads to.
    pub(super) fn agent(&self, onward: bool, patient: bool) -> &Agent {
        match (onward, patient) {
            (false, false) => &self.home,
            (true, false) => &self.onward,
            (false, true) => &self.patient,
            (true, true) => &self.patient_onward,
        }
    }
}

fn agent(
    settings: &RegistrySettings,
    watch: &Arc<Watch>,
    tls: &TlsConfig,
    proxy: Option<Proxy>,
    onward: bool,
    patient: bool,
) -> Agent {
    let times = &settings.times;
    let answer = if patient {
        times.upload_answer
    } else {
        times.document
    };
    let silence_max = if patient {
        times.upload_answer
    } else {
        times.silence_max
    };
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_response_header_size(HEAD_BYTES_MAX)
        .input_buffer_size(BUFFER_BYTES)
        .output_buffer_size(BUFFER_BYTES)
        .user_agent(concat!("estiva/", env!("CARGO_PKG_VERSION")))
        .proxy(proxy)
        .tls_config(tls.clone())
        .timeout_resolve(Some(times.connect))
        .timeout_connect(Some(times.connect))
        .timeout_recv_response(Some(answer))
        .build();
    let dial = Dial {
        watch: Arc::clone(watch),
        silence_max,
        onward,
    };
    let connector =
        ().chain(ConnectProxyConnector::default())
            .chain(dial)
            .chain(RustlsConnector::default());
    Agent::with_parts(config, connector, DefaultResolver::default())
}

fn proxy(choice: &ProxyChoice) -> Result<Option<Proxy>, RegistryError> {
    let refuse = |reason: &str| RegistryError::Settings {
        path: "the proxy".into(),
        reason: reason.to_owned(),
    };
    let proxy = match choice {
        ProxyChoice::Direct => None,
        ProxyChoice::Environment => Proxy::try_from_env(),
        ProxyChoice::Address(address) => {
            Some(Proxy::new(address).map_err(|_| refuse("expected http://HOST:PORT of a proxy"))?)
        }
    };
    let is_http = proxy
        .as_ref()
        .is_none_or(|proxy| matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https));
    match is_http {
        true => Ok(proxy),
        false => Err(refuse("expected an HTTP proxy, but found a SOCKS one")),
    }
}

/// The host's certificates, and those for this registry.
fn tls(settings: &RegistrySettings, registry: &str) -> Result<TlsConfig, RegistryError> {
    // What can't be read among the host's is left out, as other programs do.
    let mut certificates: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
        .certs
        .iter()
        .map(|der| Certificate::from_der(der).to_owned())
        .collect();
    for file in settings.certificate_files(registry)? {
        let bytes = std::fs::read(&file).map_err(|error| unreadable(&file, &error))?;
        for item in parse_pem(&bytes) {
            match item {
                Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
                Ok(_) => {}
                Err(error) => return Err(unreadable(&file, &error)),
            }
        }
    }
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::Specific(Arc::new(certificates)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}

/// Where the registry begins: `https://registry-1.docker.io/`.
pub(super) fn base(
    settings: &RegistrySettings,
    registry: &str,
    reach: &Reach,
) -> Result<Url, RegistryError> {
    let host = if registry == HUB.0 { HUB.1 } else { registry };
    let url = |scheme: &str| {
        Url::parse(&format!("{scheme}://{host}/")).map_err(|fault| {
            RegistryError::Name(format!("can't ask the registry {registry}: {fault}"))
        })
    };
    match settings.of(registry).plain_http {
        Some(true) => url("http"),
        Some(false) => url("https"),
        None if !is_on_this_host(registry) => url("https"),
        None => {
            let (secure, plain) = (url("https")?, url("http")?);
            match speaks_tls(reach, &secure)? {
                true => Ok(secure),
                false => Ok(plain),
            }
        }
    }
}

/// Whether a registry on this host takes TLS. It is shown nothing.
fn speaks_tls(reach: &Reach, url: &Url) -> Result<bool, RegistryError> {
    match reach.agent(false, false).get(url.uri()).call() {
        // Some servers answer a plain request on their TLS port in words, and the other way round.
        Ok(answer) => Ok(answer.status() != StatusCode::BAD_REQUEST),
        Err(error) => match fault(url, error) {
            fault @ RegistryError::Unreachable {
                certificate: true, ..
            } => Err(fault),
            _ => Ok(false),
        },
    }
}

/// The fault that an exchange is which brought no answer.
pub(super) fn fault(url: &Url, error: ureq::Error) -> RegistryError {
    let lost = |reason: String| RegistryError::Lost {
        url: url.to_string(),
        reason,
    };
    let unreachable = |reason: String, certificate| RegistryError::Unreachable {
        url: url.to_string(),
        reason,
        certificate,
    };
    match error {
        ureq::Error::HostNotFound => unreachable("no host has this name".to_owned(), false),
        ureq::Error::Timeout(ureq::Timeout::Resolve) => {
            unreachable("its name could not be looked up in time".to_owned(), false)
        }
        ureq::Error::Timeout(ureq::Timeout::Connect) => {
            unreachable("it did not answer in time".to_owned(), false)
        }
        ureq::Error::Timeout(_) => lost("no answer came in time".to_owned()),
        ureq::Error::ConnectProxyFailed(reason) => {
            unreachable(format!("the proxy: {reason}"), false)
        }
        ureq::Error::Rustls(error) => certificate(url, &error),
        ureq::Error::LargeResponseHeader(..) => RegistryError::Answer {
            url: url.to_string(),
            expected: format!("a head of at most {HEAD_BYTES_MAX} bytes"),
            found: "more".to_owned(),
        },
        ureq::Error::Protocol(error) => RegistryError::Answer {
            url: url.to_string(),
            expected: "an answer in HTTP".to_owned(),
            found: super::said::shorten(&error.to_string()),
        },
        ureq::Error::Io(error) => io_fault(url, error),
        other => lost(other.to_string()),
    }
}

fn io_fault(url: &Url, error: io::Error) -> RegistryError {
    let inner = error.get_ref();
    if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return certificate(url, tls);
    }
    let unreachable = |reason: String| RegistryError::Unreachable {
        url: url.to_string(),
        reason,
        certificate: false,
    };
    match inner.and_then(|inner| inner.downcast_ref::<Ended>()) {
        Some(ended @ Ended::Connect { .. }) => unreachable(ended.to_string()),
        Some(ended @ Ended::TooNear(_)) => RegistryError::Redirect {
            url: "the registry".to_owned(),
            to: url.to_string(),
            reason: ended.to_string(),
        },
        Some(ended) => RegistryError::Lost {
            url: url.to_string(),
            reason: ended.to_string(),
        },
        // What getaddrinfo says has no kind of its own.
        None if error.to_string().contains("lookup address") => unreachable(error.to_string()),
        None => RegistryError::Lost {
            url: url.to_string(),
            reason: reason(&error),
        },
    }
}

fn certificate(url: &Url, error: &rustls::Error) -> RegistryError {
    RegistryError::Unreachable {
        url: url.to_string(),
        reason: format!("TLS: {error}"),
        certificate: matches!(error, rustls::Error::InvalidCertificate(_)),
    }
}

/// What an I/O fault says of a connection, in a user's words.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ended before all was there".to_owned(),
        _ => error.to_string(),
    }
}
