//! Removing images and names, as a person asks for it.

use estiva_shared::image::{Digest, Reference};
use rusqlite::Transaction;

use crate::database::Durability;
use crate::error::StoreError;
use crate::images::ImageRecord;
use crate::names::Meaning;
use crate::reserve::make_room;
use crate::store::Store;

/// What [`Store::remove`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Names that lead nowhere now.
    pub untagged: Vec<Reference>,
    /// Images that are gone.
    pub deleted: Vec<Digest>,
}

impl Store {
    /// Removes a name and, with its last name, the image, together with the layers that no other image has and the
    /// cached steps that made them. Said by id, all of an image's names go.
    ///
    /// `in_use` answers the containers made from an image. Such an image is never deleted; with `force` it loses the names.
    ///
    /// # Errors
    /// [`StoreError::UnknownImage`], [`StoreError::AmbiguousId`]; without `force` [`StoreError::SeveralNames`] for an
    /// id, and [`StoreError::InUse`].
    pub fn remove(
        &self,
        text: &str,
        force: bool,
        in_use: &dyn Fn(&Digest) -> Vec<String>,
    ) -> Result<Removed, StoreError> {
        let _room = make_room(&self.layout);
        let meaning = self.meaning(text)?;
        let Some(image) = self.image(meaning.image())? else {
            return Err(StoreError::UnknownImage {
                name: text.to_owned(),
                similar: Vec::new(),
            });
        };
        let untagged = match meaning {
            Meaning::Name(name, _) => vec![name],
            Meaning::Id(_) if image.names.len() > 1 && !force => {
                return Err(StoreError::SeveralNames {
                    id: image.id.short(),
                    names: image.names.iter().map(Reference::familiar).collect(),
                });
            }
            Meaning::Id(_) => image.names.clone(),
        };
        let is_last = untagged.len() == image.names.len();
        let containers = if is_last {
            in_use(&image.id)
        } else {
            Vec::new()
        };
        if !containers.is_empty() && !force {
            return Err(StoreError::InUse {
                image: text.to_owned(),
                containers,
            });
        }
        let delete = is_last && containers.is_empty();
        let removed = self.database.write(Durability::Power, |transaction| {
            remove_rows(transaction, &image, untagged, delete)
        })?;
        self.collect_unreachable()?;
        Ok(removed)
    }

    /// Takes a name from the image that has it; the image stays, and is collected by nobody.
    ///
    /// # Errors
    /// [`StoreError::UnknownImage`].
    pub fn untag(&self, name: &Reference) -> Result<(), StoreError> {
        self.database.write(Durability::Power, |transaction| {
            let untagged = transaction
                .execute("DELETE FROM names WHERE reference = ?1", [name.canonical()])?;
            if untagged == 0 {
                return Err(StoreError::UnknownImage {
                    name: name.familiar(),
                    similar: Vec::new(),
                });
            }
            Ok(())
        })
    }
}

fn remove_rows(
    transaction: &Transaction<'_>,
    image: &ImageRecord,
    untagged: Vec<Reference>,
    delete: bool,
) -> Result<Removed, StoreError> {
    for name in &untagged {
        transaction.execute(
            "DELETE FROM names WHERE reference = ?1 AND image = ?2",
            [name.canonical(), image.id.to_string()],
        )?;
    }
    let id = image.id.to_string();
    // A build may have named it anew since it was looked up.
    let is_named = transaction
        .prepare_cached("SELECT 1 FROM names WHERE image = ?1")?
        .exists([&id])?;
    if !delete || is_named {
        return Ok(Removed {
            untagged,
            deleted: Vec::new(),
        });
    }
    transaction.execute("DELETE FROM images WHERE id = ?1", [&id])?;
    for diff_id in &image.diff_ids {
        transaction.execute(
            "DELETE FROM cache WHERE diff_id = ?1
             AND NOT EXISTS (SELECT 1 FROM image_layers WHERE image_layers.diff_id = ?1)",
            [diff_id.to_string()],
        )?;
    }
    Ok(Removed {
        untagged,
        deleted: vec![image.id],
    })
}
