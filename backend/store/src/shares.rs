//! Shared reports: a document by its digest, led to by a random id. The id is the secret: withdrawing it is forgetting it.

use estiva_shared::image::Digest;
use rusqlite::{OptionalExtension, Row, params};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::database::Durability;
use crate::error::{IoFault, StoreError};
use crate::images::digest_of;
use crate::limits::REPORT_BYTES_MAX;
use crate::reserve::make_room;
use crate::store::{Store, now_ms};

/// Bytes of an id: 128 bits, which nobody guesses.
const ID_BYTES: usize = 16;

/// A shared link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareRecord {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The report's digest.
    pub digest: Digest,
    /// The image as it was asked for.
    pub image: String,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
}

impl Store {
    /// Keeps a report and makes a new link to it. When this returns, both survive a loss of power.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], and faults of files and SQLite.
    pub fn put_report(&self, report: &[u8], image: &str) -> Result<ShareRecord, StoreError> {
        if report.len() as u64 > REPORT_BYTES_MAX {
            return Err(StoreError::TooLarge {
                what: "a report",
                found: report.len() as u64,
                max: REPORT_BYTES_MAX,
            });
        }
        let _hold = self.hold();
        let record = ShareRecord {
            id: random_id()?,
            digest: self.put_bytes(report)?,
            image: image.to_owned(),
            created_ms: now_ms(),
        };
        self.write_synced(|transaction| {
            transaction.execute(
                "INSERT INTO shares (id, digest, image, created_ms) VALUES (?1, ?2, ?3, ?4)",
                params![
                    record.id,
                    record.digest.to_string(),
                    record.image,
                    record.created_ms as i64
                ],
            )?;
            Ok(())
        })?;
        Ok(record)
    }

    /// The report that a link leads to, where it was not withdrawn.
    ///
    /// # Errors
    /// Faults of files and SQLite.
    pub fn report(&self, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let _hold = self.hold();
        let digest: Option<String> = self.database.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT digest FROM shares WHERE id = ?1")?
                .query_row([id], |row| row.get(0))
                .optional()?)
        })?;
        digest
            .map(|digest| self.read_blob(&digest_of(&digest)?, "a report", REPORT_BYTES_MAX))
            .transpose()
    }

    /// All links, the newest first.
    ///
    /// # Errors
    /// Faults of SQLite.
    pub fn shares(&self) -> Result<Vec<ShareRecord>, StoreError> {
        let rows = self.database.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, digest, image, created_ms FROM shares ORDER BY created_ms DESC, id",
            )?;
            let rows = statement.query_map([], share_of)?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })?;
        rows.into_iter()
            .map(|(id, digest, image, created_ms)| {
                Ok(ShareRecord {
                    id,
                    digest: digest_of(&digest)?,
                    image,
                    created_ms: created_ms as u64,
                })
            })
            .collect()
    }

    /// Makes a link lead nowhere; whether there was one. The report goes with its last link.
    ///
    /// # Errors
    /// Faults of files and SQLite.
    pub fn withdraw(&self, id: &str) -> Result<bool, StoreError> {
        let _room = make_room(&self.layout);
        let count = self.database.write(Durability::Power, |transaction| {
            Ok(transaction.execute("DELETE FROM shares WHERE id = ?1", [id])?)
        })?;
        self.collect_unreachable()?;
        Ok(count > 0)
    }
}

fn share_of(row: &Row<'_>) -> rusqlite::Result<(String, String, String, i64)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn random_id() -> Result<String, StoreError> {
    let mut bytes = [0_u8; ID_BYTES];
    // Up to 256 bytes come whole (getrandom(2)).
    getrandom(&mut bytes, GetRandomFlags::empty())
        .map_err(IoFault::at("read random bytes for", "a shared link"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
