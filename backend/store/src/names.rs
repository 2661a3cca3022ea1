//! Names of images: giving them, and finding the image that a person means.

use estiva_shared::image::{Digest, Reference};
use rusqlite::{Connection, OptionalExtension};

use crate::error::StoreError;
use crate::images::{ImageRecord, digest_of, insert_name, reference_of, strings};
use crate::limits::ID_PREFIX_MIN;
use crate::similar::similar;
use crate::store::Store;

/// What a text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A name, of this image.
    Name(Reference, Digest),
    /// The id of this image, or its start.
    Id(Digest),
}

impl Meaning {
    pub(crate) fn image(&self) -> &Digest {
        match self {
            Self::Name(_, image) | Self::Id(image) => image,
        }
    }
}

impl Store {
    /// Names an image; the name is taken from the image that has it. When this returns, image and name survive a loss of power.
    ///
    /// # Errors
    /// [`StoreError::UnknownImage`], and faults of the disk: the name then means what it meant before.
    pub fn tag(&self, name: &Reference, image: &Digest) -> Result<(), StoreError> {
        self.write_synced(|transaction| {
            if !exists(transaction, image)? {
                return Err(StoreError::UnknownImage {
                    name: image.to_string(),
                    similar: Vec::new(),
                });
            }
            insert_name(transaction, name, image)
        })
    }

    /// The image that a person means: by its name, its id, or the start of its id (with or without `sha256:`,
    /// [`ID_PREFIX_MIN`] digits at least). A name goes before an id.
    ///
    /// # Errors
    /// [`StoreError::UnknownImage`] with names like it, [`StoreError::AmbiguousId`].
    pub fn resolve(&self, text: &str) -> Result<ImageRecord, StoreError> {
        let meaning = self.meaning(text)?;
        self.image(meaning.image())?
            .ok_or_else(|| StoreError::UnknownImage {
                name: text.to_owned(),
                similar: Vec::new(),
            })
    }

    /// The id of the image that has this name, by the name alone.
    pub(crate) fn image_named(&self, name: &Reference) -> Result<Option<Digest>, StoreError> {
        self.database.read(|connection| {
            let image: Option<String> = connection
                .prepare_cached("SELECT image FROM names WHERE reference = ?1")?
                .query_row([name.canonical()], |row| row.get(0))
                .optional()?;
            image.as_deref().map(digest_of).transpose()
        })
    }

    /// As [`Store::resolve`], and whether it was said by name.
    pub(crate) fn meaning(&self, text: &str) -> Result<Meaning, StoreError> {
        self.database.read(|connection| {
            if let Some(meaning) = by_name(connection, text)? {
                return Ok(meaning);
            }
            if let Some(id) = by_id(connection, text)? {
                return Ok(Meaning::Id(id));
            }
            Err(unknown(connection, text)?)
        })
    }
}

fn by_name(connection: &Connection, text: &str) -> Result<Option<Meaning>, StoreError> {
    let Ok(reference) = text.parse::<Reference>() else {
        return Ok(None);
    };
    let image: Option<String> = connection
        .prepare_cached("SELECT image FROM names WHERE reference = ?1")?
        .query_row([reference.canonical()], |row| row.get(0))
        .optional()?;
    if let Some(image) = image {
        return Ok(Some(Meaning::Name(reference, digest_of(&image)?)));
    }
    // `name@sha256:…` means the image whose manifest or config has the digest, where the repository is one of its names'.
    let Some(digest) = reference.digest() else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(
        "SELECT reference, image FROM names JOIN images ON id = image WHERE manifest = ?1 OR id = ?1",
    )?;
    let rows = statement.query_map([digest.to_string()], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    for row in rows {
        let (name, image) = row?;
        if reference_of(&name)?.repository() == reference.repository() {
            return Ok(Some(Meaning::Id(digest_of(&image)?)));
        }
    }
    Ok(None)
}

fn by_id(connection: &Connection, text: &str) -> Result<Option<Digest>, StoreError> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_prefix = digits.len() >= ID_PREFIX_MIN
        && digits
            .bytes()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if !is_prefix {
        return Ok(None);
    }
    let found = strings(
        connection,
        "SELECT id FROM images WHERE substr(id, 8, length(?1)) = ?1",
        digits,
    )?;
    match found.as_slice() {
        [] => Ok(None),
        [id] => digest_of(id).map(Some),
        several => Err(StoreError::AmbiguousId {
            prefix: text.to_owned(),
            count: several.len(),
        }),
    }
}

fn unknown(connection: &Connection, text: &str) -> Result<StoreError, StoreError> {
    let mut statement = connection.prepare_cached("SELECT reference FROM names")?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut known = Vec::new();
    for name in rows {
        known.push(reference_of(&name?)?.familiar());
    }
    let wanted = text
        .parse::<Reference>()
        .map_or_else(|_| text.to_owned(), |name| name.familiar());
    Ok(StoreError::UnknownImage {
        name: text.to_owned(),
        similar: similar(&wanted, known.iter().map(String::as_str)),
    })
}

fn exists(connection: &Connection, image: &Digest) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM images WHERE id = ?1")?
        .exists([image.to_string()])?)
}
