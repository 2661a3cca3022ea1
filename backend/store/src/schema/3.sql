-- The blobs that a layer travels as, compressed, and the repositories (`docker.io/library/node`) where each was seen.
-- What is known here saves a push its way; any of it may be forgotten.
CREATE TABLE layer_blobs (
    diff_id    TEXT NOT NULL REFERENCES layers (diff_id) ON DELETE CASCADE,
    digest     TEXT NOT NULL,
    repository TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    seen_ms    INTEGER NOT NULL,
    PRIMARY KEY (diff_id, digest, repository)
) STRICT;
