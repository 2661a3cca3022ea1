-- When a cached step was last found, so that those that nobody wants any more go first.
ALTER TABLE cache ADD COLUMN used_ms INTEGER NOT NULL DEFAULT 0;
UPDATE cache SET used_ms = made_ms;
CREATE INDEX cache_by_use ON cache (used_ms);
