//! Build records: how long the build of an image took, step by step, for its report.

use estiva_shared::image::Digest;
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::database::Durability;
use crate::error::StoreError;
use crate::store::Store;

/// What the JSON of a record is called in messages.
const WHAT: &str = "a build's record";

impl Store {
    /// Keeps the record of an image's build; a later build of the same image replaces it. It goes with the image.
    ///
    /// # Errors
    /// Faults of SQLite, an unknown image among them.
    pub fn put_build<T: Serialize>(&self, image: &Digest, timings: &T) -> Result<(), StoreError> {
        let timings = serde_json::to_string(timings)
            .map_err(|source| StoreError::Json { what: WHAT, source })?;
        self.database.write(Durability::Process, |transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO builds (image, timings) VALUES (?1, ?2)",
                params![image.to_string(), timings],
            )?;
            Ok(())
        })
    }

    /// The record of an image's build, where it was built here.
    ///
    /// # Errors
    /// Faults of SQLite, and a record of another shape.
    pub fn build_of<T: DeserializeOwned>(&self, image: &Digest) -> Result<Option<T>, StoreError> {
        let timings: Option<String> = self.database.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT timings FROM builds WHERE image = ?1")?
                .query_row([image.to_string()], |row| row.get(0))
                .optional()?)
        })?;
        timings
            .map(|text| {
                serde_json::from_str(&text)
                    .map_err(|source| StoreError::Json { what: WHAT, source })
            })
            .transpose()
    }
}
