//! The database: opening it, its schema and versions, and how durable a write is.
//!
//! WAL with two levels of durability. A naming (a tag, a load, a share) is on the disk before it is acknowledged
//! (`synchronous = FULL`); cache and layer rows survive a kill, and may be lost with the power.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::{IoFault, StoreError};

/// The schema's version, kept in `PRAGMA user_version`.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// Marks a file as a store of Estiva (`PRAGMA application_id`): the bytes `ESTV`.
const APPLICATION_ID: i64 = 0x4553_5456;

/// What a new file holds until its first transaction is folded in from the log: SQLite's default page. A database of
/// another program with a table in it has at least two.
const FIRST_PAGE_BYTES: u64 = 4096;

/// Where SQLite's header keeps `user_version` (file format, section 1.3).
const USER_VERSION_OFFSET: u64 = 60;
/// Where it keeps `application_id`.
const APPLICATION_ID_OFFSET: u64 = 68;

/// Each brings a store of version *n*, its place in the list, to version *n* + 1. Never edit one: add another.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
];

/// How durable a write is when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It survives the death of the process; a loss of power may undo it.
    Process,
    /// It survives a loss of power.
    Power,
}

/// The one connection.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Mutex<Connection>,
}

impl Database {
    /// Opens or makes the database, and migrates an older one.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] and [`StoreError::NotAStore`], with no byte of the file changed.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, MIGRATIONS)
    }

    /// Refuses a newer program's or another program's file, without a byte changed.
    pub(crate) fn check(path: &Path) -> Result<(), StoreError> {
        refuse_foreign(path, SCHEMA_VERSION)
    }

    fn open_with(path: &Path, migrations: &[&str]) -> Result<Self, StoreError> {
        refuse_foreign(path, migrations.len() as i64)?;
        let mut connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        // A newer version may stand in the write-ahead log alone: until it is known, closing must not fold that in.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version > migrations.len() as i64 {
            return Err(newer(version, migrations.len() as i64));
        }
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        migrate(&mut connection, version, migrations)?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// Reads. The connection is held meanwhile.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        query(&self.lock())
    }

    /// Writes in one transaction: all of `change` happens, or none.
    pub(crate) fn write<T>(
        &self,
        durability: Durability,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lock();
        let level = match durability {
            Durability::Process => "NORMAL",
            Durability::Power => "FULL",
        };
        connection.pragma_update(None, "synchronous", level)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = change(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic while it was held rolled its transaction back: the connection is as good as before.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the version from the file's header, without SQLite, which might write.
fn refuse_foreign(path: &Path, supported: i64) -> Result<(), StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(IoFault::at("open", path)(error).into()),
    };
    let length = file.metadata().map_err(IoFault::at("stat", path))?.len();
    if length == 0 {
        return Ok(());
    }
    let field = |offset: u64| -> Result<i64, IoFault> {
        let mut bytes = [0; 4];
        file.read_exact_at(&mut bytes, offset)
            .map_err(IoFault::at("read the header of", path))?;
        Ok(i64::from(i32::from_be_bytes(bytes)))
    };
    let (application, version) = (field(APPLICATION_ID_OFFSET)?, field(USER_VERSION_OFFSET)?);
    // A file whose first transaction is still in the log alone has neither number, and no page but the first.
    let unmarked = (application, version) == (0, 0) && length <= FIRST_PAGE_BYTES;
    if application != APPLICATION_ID && !unmarked {
        return Err(StoreError::NotAStore {
            path: path.to_owned(),
        });
    }
    if version > supported {
        return Err(newer(version, supported));
    }
    Ok(())
}

fn newer(found: i64, supported: i64) -> StoreError {
    StoreError::NewerSchema { found, supported }
}

fn migrate(
    connection: &mut Connection,
    version: i64,
    migrations: &[&str],
) -> Result<(), StoreError> {
    let done = usize::try_from(version).map_err(|_| StoreError::BadRow {
        expected: "a schema version of 0 or more",
        found: version.to_string(),
    })?;
    if done == migrations.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    for migration in &migrations[done..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", migrations.len() as i64)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history of schemas: what each version of the program would know.
    const HISTORY: [&str; 3] = [
        "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);",
        "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 2;",
        "CREATE TABLE b (z) ; INSERT INTO b SELECT x + y FROM a;",
    ];

    fn version(database: &Database) -> i64 {
        let read = |connection: &Connection| {
            Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
        };
        database.read(read).unwrap()
    }

    #[test]
    fn an_older_schema_is_brought_to_the_newest_and_keeps_its_rows() {
        for start in 1..=HISTORY.len() {
            let folder = tempfile::TempDir::new().unwrap();
            let path = folder.path().join("store.db");
            drop(Database::open_with(&path, &HISTORY[..start]).unwrap());
            let database = Database::open_with(&path, &HISTORY).unwrap();
            assert_eq!(version(&database), 3);
            let sum: i64 = database
                .read(|connection| {
                    Ok(connection.query_row("SELECT z FROM b", [], |row| row.get(0))?)
                })
                .unwrap();
            assert_eq!(sum, 3, "from version {start}");
        }
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("store.db");
        drop(Database::open_with(&path, &HISTORY[..1]).unwrap());
        let broken = [HISTORY[0], HISTORY[1], "CREATE nonsense"];
        assert!(Database::open_with(&path, &broken).is_err());
        let database = Database::open_with(&path, &HISTORY[..1]).unwrap();
        assert_eq!(version(&database), 1);
    }

    #[test]
    fn a_write_that_fails_is_undone() {
        let folder = tempfile::TempDir::new().unwrap();
        let database = Database::open(&folder.path().join("store.db")).unwrap();
        let failed: Result<(), StoreError> = database.write(Durability::Power, |transaction| {
            transaction.execute("INSERT INTO meta VALUES ('k', 'v')", [])?;
            Err(StoreError::BadRow {
                expected: "a",
                found: "b".to_owned(),
            })
        });
        assert!(failed.is_err());
        let count: i64 = database
            .read(|connection| {
                Ok(connection.query_row("SELECT count(*) FROM meta", [], |row| row.get(0))?)
            })
            .unwrap();
        assert_eq!(count, 0);
    }
}
