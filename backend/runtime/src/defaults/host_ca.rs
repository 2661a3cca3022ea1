//! The certificates that the host trusts, given to a program in a container (`--trust-host-ca`).
//!
//! A company's proxy that looks into TLS signs with a certificate of its own. The host trusts it; an image does not. The
//! host's bundle is shown in the container, and each tool is told of it by the variable that it reads.
//!
//! **Invariant:** nothing of it gets into an image. The file lies in `/dev`, which every container has in memory, so
//! that not even an empty file is left behind in the root file system, or a folder with another time.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Bind;

/// Where the bundle is in a container.
pub const HOST_CA_PATH: &str = "/dev/estiva/host-ca.crt";

/// The variables by which programs are told of a bundle: OpenSSL (and so Ruby, PHP and Debian's Node), Node, pip,
/// Python's requests, cargo, git, curl.
pub const HOST_CA_VARIABLES: [&str; 7] = [
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "GIT_SSL_CAINFO",
    "CURL_CA_BUNDLE",
];

/// Where distributions keep the bundle of all that the host trusts, as one file of PEM: Debian, Arch and Gentoo; Fedora;
/// Fedora and RHEL with p11-kit; openSUSE, old and new; Alpine.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The host has no bundle.
#[derive(Debug, Error)]
#[error(
    "expected the certificates that this host trusts in one of {}, but found none",
    BUNDLES.join(", ")
)]
pub struct NoHostCa;

/// The host's bundle, as a mount.
///
/// # Errors
/// [`NoHostCa`] where it is in none of the usual places.
pub fn host_ca_bind() -> Result<Bind, NoHostCa> {
    let source = first_file(&BUNDLES).ok_or(NoHostCa)?;
    Ok(Bind {
        source,
        destination: HOST_CA_PATH.into(),
        read_only: true,
    })
}

/// The variables that name the bundle, as `NAME=value`, but for those that `env` has already: who sets one knows better.
#[must_use]
pub fn host_ca_variables(env: &[String]) -> Vec<String> {
    let is_set = |name: &str| {
        env.iter()
            .any(|variable| variable.split('=').next() == Some(name))
    };
    HOST_CA_VARIABLES
        .iter()
        .filter(|name| !is_set(name))
        .map(|name| format!("{name}={HOST_CA_PATH}"))
        .collect()
}

fn first_file(paths: &[&str]) -> Option<PathBuf> {
    paths
        .iter()
        .map(Path::new)
        .find(|path| {
            path.metadata()
                .is_ok_and(|found| found.is_file() && found.len() > 0)
        })
        .map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bundle_that_holds_something_is_taken() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (missing, empty, full) = (path("missing"), path("empty"), path("full"));
        std::fs::write(&empty, "").unwrap();
        std::fs::write(&full, "-----BEGIN CERTIFICATE-----").unwrap();
        let found = first_file(&[&missing, folder.path().to_str().unwrap(), &empty, &full]);
        assert_eq!(found, Some(PathBuf::from(full)));
        assert_eq!(first_file(&[&missing, &empty]), None);
        assert!(NoHostCa.to_string().contains("/etc/ssl/certs/"));
    }

    #[test]
    fn a_variable_that_is_set_stays() {
        let env = ["PIP_CERT=/mine".to_owned(), "SSL_CERT_FILE=".to_owned()];
        let added = host_ca_variables(&env);
        assert_eq!(added.len(), HOST_CA_VARIABLES.len() - 2);
        assert!(added.contains(&format!("CURL_CA_BUNDLE={HOST_CA_PATH}")));
        assert!(
            !added
                .iter()
                .any(|variable| variable.starts_with("PIP_CERT"))
        );
    }
}
