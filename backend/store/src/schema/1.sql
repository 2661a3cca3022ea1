-- Digests, diff ids and image ids are text, `sha256:` and 64 digits. Times are milliseconds since 1970.
-- `synced` says that the content was flushed to the disk; what is not, is forgotten after a loss of power.

-- One row, `boot_id`: the boot of the host in which the store was last opened.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
    digest     TEXT PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    synced     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE layers (
    diff_id     TEXT PRIMARY KEY REFERENCES blobs (digest),
    size_bytes  INTEGER NOT NULL,
    snapshot    INTEGER NOT NULL UNIQUE,
    -- Whether the layer says what the root folder's own mode and owner are.
    has_root    INTEGER NOT NULL,
    -- Whether it hides all that lower layers have.
    opaque_root INTEGER NOT NULL,
    synced      INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE images (
    id         TEXT PRIMARY KEY REFERENCES blobs (digest),
    manifest   TEXT NOT NULL REFERENCES blobs (digest),
    created_ms INTEGER NOT NULL,
    synced     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE image_layers (
    image    TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    diff_id  TEXT NOT NULL REFERENCES layers (diff_id),
    PRIMARY KEY (image, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_layers_by_layer ON image_layers (diff_id);

CREATE TABLE names (
    reference TEXT PRIMARY KEY,
    image     TEXT NOT NULL REFERENCES images (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX names_by_image ON names (image);

-- A step's key and the layer it made; no layer where it changed nothing.
CREATE TABLE cache (
    key     TEXT PRIMARY KEY,
    diff_id TEXT REFERENCES layers (diff_id) ON DELETE CASCADE,
    made_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cache_by_layer ON cache (diff_id);

CREATE TABLE builds (
    image   TEXT PRIMARY KEY REFERENCES images (id) ON DELETE CASCADE,
    timings TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE shares (
    id         TEXT PRIMARY KEY,
    digest     TEXT NOT NULL REFERENCES blobs (digest),
    image      TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX shares_by_report ON shares (digest);
