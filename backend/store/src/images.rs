//! Images: a config and its layers. An image's identity is its config's digest.

use estiva_shared::image::{DiffId, Digest, Reference, media_type};
use oci_spec::image::{ImageConfiguration, RootFsBuilder};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;

use crate::database::Durability;
use crate::error::StoreError;
use crate::layers::{self, LayerRecord};
use crate::limits::{CONFIG_BYTES_MAX, LAYERS_MAX};
use crate::store::{Store, now_ms};

/// An image of the store.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageRecord {
    /// Its config's digest.
    pub id: Digest,
    /// The digest of its manifest, which refers to the uncompressed layers.
    pub manifest_digest: Digest,
    /// Its names, sorted.
    pub names: Vec<Reference>,
    /// Its layers, lowest first.
    pub diff_ids: Vec<DiffId>,
    /// Sum of its layers' tars, in bytes.
    pub size_bytes: u64,
    /// When it came into the store, milliseconds since 1970.
    pub created_ms: u64,
    /// Its config, as far as the OCI names its fields; [`Store::config_bytes`] has all of it.
    pub config: ImageConfiguration,
}

impl Store {
    /// Makes an image of layers that the store has. The config's `rootfs` is set from `diff_ids`; the same config and
    /// layers give the same image.
    ///
    /// # Errors
    /// [`StoreError::UnknownLayer`], [`StoreError::TooManyLayers`], and faults of files and SQLite.
    pub fn create_image(
        &self,
        config: &ImageConfiguration,
        diff_ids: &[DiffId],
    ) -> Result<ImageRecord, StoreError> {
        let mut config = config.clone();
        let root = RootFsBuilder::default()
            .typ("layers")
            .diff_ids(diff_ids.iter().map(DiffId::to_string).collect::<Vec<_>>())
            .build()
            .expect("the builder of rootfs has a default for every field");
        config.set_rootfs(root);
        let _hold = self.hold();
        let draft = self.draft_image(&canonical(&config, "an image's config")?, diff_ids)?;
        self.database.write(Durability::Process, |transaction| {
            insert_image(transaction, &draft, Flushed::No)
        })?;
        self.image(&draft.id)?
            .ok_or(StoreError::UnknownBlob(draft.id))
    }

    /// The config's bytes, exactly as they were made or loaded.
    ///
    /// # Errors
    /// [`StoreError::UnknownBlob`], and faults of files.
    pub fn config_bytes(&self, id: &Digest) -> Result<Vec<u8>, StoreError> {
        self.read_blob(id, "a config", CONFIG_BYTES_MAX)
    }

    /// All images, the newest first, those without a name too.
    ///
    /// # Errors
    /// Faults of files and SQLite.
    pub fn images(&self) -> Result<Vec<ImageRecord>, StoreError> {
        let ids = self.database.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT id FROM images ORDER BY created_ms DESC, id")?;
            let ids = statement.query_map([], |row| row.get::<_, String>(0))?;
            Ok(ids.collect::<Result<Vec<_>, _>>()?)
        })?;
        let mut images = Vec::with_capacity(ids.len());
        for id in ids {
            // One may be removed meanwhile.
            images.extend(self.image(&digest_of(&id)?)?);
        }
        Ok(images)
    }

    /// The image of this id, where there is one.
    ///
    /// # Errors
    /// Faults of files and SQLite.
    pub fn image(&self, id: &Digest) -> Result<Option<ImageRecord>, StoreError> {
        let _hold = self.hold();
        let Some(row) = self
            .database
            .read(|connection| ImageRow::find(connection, id))?
        else {
            return Ok(None);
        };
        let config = parse_config(&self.config_bytes(id)?)?;
        Ok(Some(ImageRecord {
            id: *id,
            manifest_digest: row.manifest,
            names: row.names,
            diff_ids: row.layers.iter().map(|layer| layer.diff_id).collect(),
            size_bytes: row.layers.iter().map(|layer| layer.size_bytes).sum(),
            created_ms: row.created_ms,
            config,
        }))
    }

    /// Keeps a config as it is, and the manifest that leads from it to its layers. It is no image yet: hold the
    /// collector off until it is.
    pub(crate) fn draft_image(
        &self,
        config: &[u8],
        diff_ids: &[DiffId],
    ) -> Result<Draft, StoreError> {
        if diff_ids.len() > LAYERS_MAX {
            return Err(StoreError::TooManyLayers {
                found: diff_ids.len(),
                max: LAYERS_MAX,
            });
        }
        // One that can't be read back would stand in the way of every list of images.
        parse_config(config)?;
        let mut records = Vec::with_capacity(diff_ids.len());
        for diff_id in diff_ids {
            records.push(
                self.layer(diff_id)?
                    .ok_or(StoreError::UnknownLayer(*diff_id))?,
            );
        }
        let id = self.put_bytes(config)?;
        let manifest = Manifest::new(&id, config.len(), &records);
        Ok(Draft {
            id,
            manifest: self.put_bytes(&canonical(&manifest, "a manifest")?)?,
            diff_ids: diff_ids.to_vec(),
        })
    }

    /// Makes images of drafts and names them: all, or none. When this returns, they survive a loss of power.
    pub(crate) fn keep_drafts(&self, drafts: &[(Draft, Vec<Reference>)]) -> Result<(), StoreError> {
        self.write_synced(|transaction| {
            for (draft, names) in drafts {
                insert_image(transaction, draft, Flushed::Yes)?;
                for name in names {
                    insert_name(transaction, name, &draft.id)?;
                }
            }
            Ok(())
        })
    }
}

fn parse_config(bytes: &[u8]) -> Result<ImageConfiguration, StoreError> {
    if bytes.len() as u64 > CONFIG_BYTES_MAX {
        return Err(StoreError::TooLarge {
            what: "a config",
            found: bytes.len() as u64,
            max: CONFIG_BYTES_MAX,
        });
    }
    serde_json::from_slice(bytes).map_err(|source| StoreError::Json {
        what: "an image's config",
        source,
    })
}

/// An image whose config and manifest are kept, and that nothing knows of yet.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) id: Digest,
    manifest: Digest,
    diff_ids: Vec<DiffId>,
}

/// Whether all that an image is made of was brought to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flushed {
    Yes,
    No,
}

/// An image manifest (OCI image specification, "Image Manifest"), with the fields that are written here.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    media_type: &'static str,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: &'static str,
    digest: Digest,
    size: u64,
}

impl Manifest {
    fn new(config: &Digest, config_bytes: usize, layers: &[LayerRecord]) -> Self {
        let layers = layers.iter().map(|layer| Descriptor {
            media_type: media_type::LAYER,
            digest: *layer.diff_id.digest(),
            size: layer.size_bytes,
        });
        Self {
            schema_version: 2,
            media_type: media_type::MANIFEST,
            config: Descriptor {
                media_type: media_type::CONFIG,
                digest: *config,
                size: config_bytes as u64,
            },
            layers: layers.collect(),
        }
    }
}

/// What the database knows of an image.
struct ImageRow {
    manifest: Digest,
    created_ms: u64,
    names: Vec<Reference>,
    layers: Vec<LayerRecord>,
}

impl ImageRow {
    fn find(connection: &Connection, id: &Digest) -> Result<Option<Self>, StoreError> {
        let id = id.to_string();
        let row = connection
            .prepare_cached("SELECT manifest, created_ms FROM images WHERE id = ?1")?
            .query_row([&id], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
            })
            .optional()?;
        let Some((manifest, created_ms)) = row else {
            return Ok(None);
        };
        let mut names = Vec::new();
        for name in strings(
            connection,
            "SELECT reference FROM names WHERE image = ?1 ORDER BY reference",
            &id,
        )? {
            names.push(reference_of(&name)?);
        }
        let mut found = Vec::new();
        for diff_id in strings(
            connection,
            "SELECT diff_id FROM image_layers WHERE image = ?1 ORDER BY position",
            &id,
        )? {
            let diff_id = diff_id_of(&diff_id)?;
            let (record, _) =
                layers::find(connection, &diff_id)?.ok_or(StoreError::UnknownLayer(diff_id))?;
            found.push(record);
        }
        Ok(Some(Self {
            manifest: digest_of(&manifest)?,
            created_ms: created_ms as u64,
            names,
            layers: found,
        }))
    }
}

fn insert_image(
    transaction: &Transaction<'_>,
    draft: &Draft,
    flushed: Flushed,
) -> Result<(), StoreError> {
    let id = draft.id.to_string();
    let inserted = transaction.execute(
        "INSERT INTO images (id, manifest, created_ms, synced) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
        params![
            id,
            draft.manifest.to_string(),
            now_ms() as i64,
            flushed == Flushed::Yes
        ],
    )?;
    if inserted == 0 {
        return Ok(());
    }
    let mut statement = transaction.prepare_cached(
        "INSERT INTO image_layers (image, position, diff_id) VALUES (?1, ?2, ?3)",
    )?;
    for (position, diff_id) in draft.diff_ids.iter().enumerate() {
        statement.execute(params![id, position as i64, diff_id.to_string()])?;
    }
    Ok(())
}

/// Gives an image a name, taking it from the one that has it.
pub(crate) fn insert_name(
    transaction: &Transaction<'_>,
    name: &Reference,
    image: &Digest,
) -> Result<(), StoreError> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO names (reference, image) VALUES (?1, ?2)")?
        .execute([name.canonical(), image.to_string()])?;
    Ok(())
}

/// JSON with sorted keys and no spaces: the same value gives the same bytes, whatever map it came from.
pub(crate) fn canonical<T: Serialize>(
    value: &T,
    what: &'static str,
) -> Result<Vec<u8>, StoreError> {
    let fault = |source| StoreError::Json { what, source };
    let mut value = serde_json::to_value(value).map_err(fault)?;
    value.sort_all_objects();
    serde_json::to_vec(&value).map_err(fault)
}

/// The values of a query of one column with one parameter.
pub(crate) fn strings(
    connection: &Connection,
    query: &str,
    parameter: &str,
) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map([parameter], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn digest_of(text: &str) -> Result<Digest, StoreError> {
    text.parse().map_err(|_| StoreError::BadRow {
        expected: "a digest",
        found: text.to_owned(),
    })
}

pub(crate) fn diff_id_of(text: &str) -> Result<DiffId, StoreError> {
    digest_of(text).map(DiffId::new)
}

pub(crate) fn reference_of(text: &str) -> Result<Reference, StoreError> {
    text.parse().map_err(|_| StoreError::BadRow {
        expected: "an image's name",
        found: text.to_owned(),
    })
}
