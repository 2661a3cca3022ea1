//! The images that a build begins with or copies from: those of the store, and those that are pulled into it first.
//!
//! Pulled while the plan is made, because the plan depends on what a base's configuration says.

use std::cell::RefCell;
use std::collections::HashSet;

use estiva_shared::image::{Digest, Reference};
use estiva_shared::protocol::{BuildEvent, BuildRequest, TransferEvent};
use estiva_store::{
    Cancel, ImageRecord, PullOrder, RegistryError, RegistrySettings, Store, StoreError,
};

use crate::plan::{BaseError, BaseImage, Beyond};
use crate::{CancelFlag, image};

/// Where events go, and the names that were pulled.
type State<'a> = (&'a mut dyn FnMut(BuildEvent), HashSet<String>);

/// Finds the bases of one build.
pub(crate) struct Bases<'a> {
    pub(crate) store: &'a Store,
    pub(crate) request: &'a BuildRequest,
    /// What the store lacks is pulled.
    pub(crate) registries: bool,
    pub(crate) cancel: &'a CancelFlag,
    /// Each name is pulled once in a build.
    pub(crate) state: RefCell<State<'a>>,
}

impl Bases<'_> {
    /// The image of this name.
    pub(crate) fn find(&self, name: &str) -> Result<BaseImage, BaseError> {
        let asks_anew = self.request.pull && !self.state.borrow().1.contains(name);
        let similar = match self.store.resolve(name) {
            Ok(image) if !(self.registries && asks_anew) => return self.read(image),
            Ok(_) => Vec::new(),
            Err(StoreError::UnknownImage { similar, .. }) => similar,
            Err(error) => return Err(BaseError::Other(error.to_string())),
        };
        let reference = name.parse::<Reference>();
        let (true, Ok(reference)) = (self.registries, reference) else {
            let name = name.to_owned();
            return Err(BaseError::Unknown { name, similar });
        };
        self.pull(name, reference.clone())
            .map_err(|error| BaseError::NotPulled {
                name: name.to_owned(),
                hint: error.hint_for(&reference),
                reason: error.to_string(),
                similar,
            })?;
        match self.store.resolve(name) {
            Ok(image) => self.read(image),
            Err(error) => Err(BaseError::Other(error.to_string())),
        }
    }

    fn pull(&self, name: &str, reference: Reference) -> Result<(), RegistryError> {
        let settings = RegistrySettings::load(self.store.root())?;
        let credentials = self.request.credentials.iter();
        let login = credentials
            .filter(|each| each.registry == reference.domain())
            .map(|each| each.login.clone())
            .next();
        let order = PullOrder {
            reference,
            platform: None,
            login,
        };
        let flag = self.cancel.clone();
        let cancel = Cancel::new(move || flag.is_cancelled());
        let mut tell = |transfer: TransferEvent| {
            (self.state.borrow_mut().0)(BuildEvent::Pull {
                reference: name.to_owned(),
                transfer,
            });
        };
        let pulled = self.store.pull(&settings, &order, &cancel, &mut tell)?;
        tell(TransferEvent::Done {
            image_id: pulled.image.to_string(),
            digest: Some(pulled.digest.to_string()),
            names: vec![order.reference.familiar()],
            unchanged: pulled.unchanged,
        });
        self.state.borrow_mut().1.insert(name.to_owned());
        Ok(())
    }

    fn read(&self, image: ImageRecord) -> Result<BaseImage, BaseError> {
        let ImageRecord {
            id,
            diff_ids,
            config,
            ..
        } = image;
        Ok(BaseImage {
            beyond: self.beyond(&id)?,
            id,
            diff_ids,
            config,
        })
    }

    /// Reads what the OCI's types don't hold.
    fn beyond(&self, id: &Digest) -> Result<Beyond, BaseError> {
        let bytes = self
            .store
            .config_bytes(id)
            .map_err(|error| BaseError::Other(error.to_string()))?;
        Ok(image::beyond(&bytes))
    }
}
