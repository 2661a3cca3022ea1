//! Images from registries and to them, as clients of the server ask for it: by the WebSocket, and before a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use estiva_shared::image::Reference;
use estiva_shared::protocol::{
    PullPolicy, RegistryCredentials, RegistryLogin, RunRequest, TransferEvent,
};
use estiva_store::{Cancel, PullOrder, PushOrder, RegistryError, RegistrySettings, StoreError};

use super::error::{ApiError, ApiResult, names_like_it};
use super::services::{Ending, Services};

/// An image that is wanted.
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    pub(crate) platform: Option<&'a str>,
    pub(crate) login: Option<RegistryLogin>,
    /// Ask nobody where the store has one of this name or id.
    pub(crate) only_if_missing: bool,
}

/// The name of an image that a registry may have.
pub(crate) fn reference_of(name: &str) -> ApiResult<Reference> {
    name.parse()
        .map_err(|error| ApiError::bad_request("bad-name", error))
}

/// What the registry of an image is shown, of what a client gave.
pub(crate) fn login_for(
    reference: &Reference,
    credentials: Option<&RegistryCredentials>,
) -> ApiResult<Option<RegistryLogin>> {
    let Some(credentials) = credentials else {
        return Ok(None);
    };
    let (expected, found) = (reference.domain(), &credentials.registry);
    if found != expected {
        let message =
            format!("expected credentials for the registry {expected}, but found some for {found}");
        return Err(ApiError::bad_request("bad-credentials", message));
    }
    Ok(Some(credentials.login.clone()))
}

/// Pulls an image, and tells what happens, [`TransferEvent::Done`] included. Blocks.
pub(crate) fn pull(
    services: &Services,
    wanted: &Wanted<'_>,
    cancel: &Cancel,
    events: &mut dyn FnMut(TransferEvent),
) -> ApiResult<()> {
    let store = &services.store;
    let local = store.resolve(wanted.name);
    let (similar, unknown) = match local {
        Ok(image) if wanted.only_if_missing => {
            events(TransferEvent::Done {
                image_id: image.id.to_string(),
                digest: None,
                names: image.names.iter().map(Reference::familiar).collect(),
                unchanged: true,
            });
            return Ok(());
        }
        Err(StoreError::UnknownImage { similar, .. }) => (similar, true),
        // An id is no name to ask a registry for.
        Err(error @ StoreError::AmbiguousId { .. }) if wanted.only_if_missing => {
            return Err(error.into());
        }
        _ => (Vec::new(), false),
    };
    let order = PullOrder {
        reference: reference_of(wanted.name)?,
        platform: wanted.platform.map(str::to_owned),
        login: wanted.login.clone(),
    };
    let pulled = RegistrySettings::load(store.root())
        .and_then(|settings| store.pull(&settings, &order, cancel, events));
    let pulled = match pulled {
        Ok(pulled) => pulled,
        Err(error) if wanted.only_if_missing && unknown => {
            return Err(not_found_anywhere(
                &order.reference,
                (wanted.name, &similar),
                error,
            ));
        }
        Err(error) => {
            let hint = error.hint_for(&order.reference);
            return Err(ApiError::from(error).hint(hint));
        }
    };
    services.tell_images_changed();
    let image = store.image(&pulled.image)?;
    let names = image.map_or_else(Vec::new, |image| image.names);
    events(TransferEvent::Done {
        image_id: pulled.image.to_string(),
        digest: Some(pulled.digest.to_string()),
        names: names.iter().map(Reference::familiar).collect(),
        unchanged: pulled.unchanged,
    });
    Ok(())
}

/// A name that the store doesn't know and the registry didn't give: both are told, because it may be misspelt.
fn not_found_anywhere(
    reference: &Reference,
    (name, similar): (&str, &[String]),
    error: RegistryError,
) -> ApiError {
    let code = match error {
        RegistryError::NotFound { .. } | RegistryError::Denied { .. } => "unknown-image",
        ref error if error.is_about_the_way() => "unknown-image",
        _ => return error.into(),
    };
    let hint = names_like_it(similar).or_else(|| error.hint_for(reference));
    let message = format!("no image is named {name}, and it can't be pulled: {error}");
    ApiError::not_found(code, message).hint(hint)
}

/// Pushes an image, and tells what happens, [`TransferEvent::Done`] included. Blocks.
pub(crate) fn push(
    services: &Services,
    name: &str,
    login: Option<RegistryLogin>,
    cancel: &Cancel,
    events: &mut dyn FnMut(TransferEvent),
) -> ApiResult<()> {
    let reference = reference_of(name)?;
    let order = PushOrder { reference, login };
    let settings = RegistrySettings::load(services.store.root())?;
    let pushed = services.store.push(&settings, &order, cancel, events);
    let pushed = pushed.map_err(|error| {
        let is_unreached = error.is_about_the_way() && error.hint().is_none();
        let failure = ApiError::from(error);
        // Who names no registry may not know that this means one.
        match is_unreached && !name.contains('/') {
            true => failure.hint(Some(format!(
                "a name without a registry is Docker Hub's; name another's with: estiva tag {name} REGISTRY/{name}"
            ))),
            false => failure,
        }
    })?;
    events(TransferEvent::Done {
        image_id: pushed.image.to_string(),
        digest: Some(pushed.manifest.to_string()),
        names: vec![order.reference.familiar()],
        unchanged: false,
    });
    Ok(())
}

/// Pulls what a run wants and the store lacks, for nobody: who has credentials pulls by the WebSocket before.
pub(crate) async fn before_run(services: &Arc<Services>, request: &RunRequest) -> ApiResult<()> {
    let only_if_missing = match request.pull {
        PullPolicy::Never => return Ok(()),
        PullPolicy::Missing => true,
        PullPolicy::Always => false,
    };
    let (services, name) = (Arc::clone(services), request.image.clone());
    let gone = Gone::default();
    let cancel = gone.cancel(&services);
    super::services::blocking(move || {
        let wanted = Wanted {
            name: &name,
            platform: None,
            login: None,
            only_if_missing,
        };
        pull(&services, &wanted, &cancel, &mut |_| {})
    })
    .await
}

/// Says so when it is dropped: who asked went away.
#[derive(Default)]
pub(crate) struct Gone(Arc<AtomicBool>);

impl Gone {
    /// Gives up when who asked is gone, and when the server ends: nobody wants it then.
    pub(crate) fn cancel(&self, services: &Services) -> Cancel {
        let (left, ending) = (Arc::clone(&self.0), services.ending.subscribe());
        Cancel::new(move || left.load(Ordering::Relaxed) || *ending.borrow() != Ending::None)
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl From<RegistryError> for ApiError {
    fn from(error: RegistryError) -> Self {
        use StatusCode as S;
        let (code, hint) = (error.code(), error.hint());
        let status = match error {
            RegistryError::Store(error) => return error.into(),
            RegistryError::Name(_) | RegistryError::Unsupported(_) => S::BAD_REQUEST,
            RegistryError::NotFound { .. } | RegistryError::Platform { .. } => S::NOT_FOUND,
            RegistryError::Denied { .. } | RegistryError::Blocked { .. } => S::FORBIDDEN,
            RegistryError::Settings { .. } => S::INTERNAL_SERVER_ERROR,
            _ => S::BAD_GATEWAY,
        };
        Self::new(status, code, error).hint(hint)
    }
}
