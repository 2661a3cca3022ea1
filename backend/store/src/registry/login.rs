//! Asking a registry whether it knows somebody.

use estiva_shared::image::Reference;
use estiva_shared::protocol::RegistryLogin;
use ureq::http::StatusCode;

use super::client::{Ask, Client};
use super::error::RegistryError;
use super::{Cancel, RegistrySettings};

/// Shows a registry who asks, and nothing else (distribution specification, "Determining Support").
///
/// # Errors
/// [`RegistryError::Denied`] where it doesn't know them, and whatever stands in the way.
pub fn check_login(
    settings: &RegistrySettings,
    registry: &str,
    login: &RegistryLogin,
    cancel: &Cancel,
) -> Result<(), RegistryError> {
    // A name in it, so that it is read as one of a registry.
    let reference: Reference = format!("{registry}/login")
        .parse()
        .map_err(|error| RegistryError::Name(format!("{error}")))?;
    if reference.domain() != registry {
        return Err(RegistryError::Name(format!(
            "expected a registry such as docker.io or registry.example:5000, but found {registry}"
        )));
    }
    let client = Client::open(
        settings,
        &reference,
        Vec::new(),
        Some(login.clone()),
        cancel.clone(),
    )?;
    let answer = client.ask(&Ask::get(client.url("/v2/")))?;
    match answer.status {
        StatusCode::OK => Ok(()),
        _ => Err(client.refusal(answer, "registry")),
    }
}
