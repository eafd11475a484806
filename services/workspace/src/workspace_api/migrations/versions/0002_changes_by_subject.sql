-- The history of one item, or category, the newest first.
CREATE INDEX IF NOT EXISTS idx_changes_subject
    ON workspace.changes (subject, xid, seq);
