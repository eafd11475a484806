-- Copies the rows of workspace_legacy, whichever of the known shapes it has.
-- Rows are read as JSON: a column that a shape lacks is null, and not an error.

CREATE TEMPORARY TABLE legacy_categories ON COMMIT DROP AS
SELECT NULL::jsonb AS row, NULL::text AS slug, NULL::text AS name WHERE false;

DO $$ BEGIN
    IF to_regclass('workspace_legacy.workspace_categories') IS NOT NULL THEN
        EXECUTE 'INSERT INTO legacy_categories (row)
            SELECT to_jsonb(c) FROM workspace_legacy.workspace_categories c';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION pg_temp.slug(given text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT left(coalesce(nullif(trim(BOTH '-' FROM regexp_replace(lower(translate(given,
        'áàâãäéèêëíìîïóòôõöúùûüçñÁÀÂÃÄÉÈÊËÍÌÎÏÓÒÔÕÖÚÙÛÜÇÑ',
        'aaaaaeeeeiiiiooooouuuucnAAAAAEEEEIIIIOOOOOUUUUCN')), '[^a-z0-9]+', '-', 'g')),
        ''), 'other'), 50)
$$;

UPDATE legacy_categories SET slug = pg_temp.slug(row ->> 'name'), name = row ->> 'name';

CREATE TEMPORARY TABLE legacy_items ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY (row ->> 'created_at')::timestamptz, row ->> 'id') AS n,
    row, coalesce(c.slug, pg_temp.slug(row ->> 'category')) AS category
FROM (SELECT to_jsonb(i) AS row FROM workspace_legacy.workspace_items i) AS items
LEFT JOIN LATERAL (SELECT slug FROM legacy_categories k
    WHERE k.row ->> 'id' = items.row ->> 'category'
        OR k.name = items.row ->> 'category' LIMIT 1) AS c ON true;

INSERT INTO workspace.workspace_categories AS c (name, display_name, description, color,
    icon, is_active, sort_order, created_at, updated_at)
SELECT DISTINCT ON (slug) slug,
    left(coalesce(row ->> 'display_name', initcap(replace(slug, '-', ' '))), 100),
    left(row ->> 'description', 500),
    CASE WHEN row ->> 'color' ~ '^#[0-9A-Fa-f]{6}$' THEN row ->> 'color'
        ELSE '#6B7280' END,
    left(row ->> 'icon', 50), coalesce((row ->> 'is_active')::boolean, true),
    coalesce((row ->> 'sort_order')::int, (row ->> 'display_order')::int, 0),
    coalesce((row ->> 'created_at')::timestamptz, now()),
    (row ->> 'updated_at')::timestamptz
FROM legacy_categories ORDER BY slug
ON CONFLICT (name) DO UPDATE SET description = excluded.description,
    color = excluded.color, icon = excluded.icon, is_active = excluded.is_active,
    sort_order = excluded.sort_order, created_at = excluded.created_at;

INSERT INTO workspace.workspace_categories (name, display_name, sort_order)
SELECT DISTINCT category, left('Legacy ' || category, 100), 99 FROM legacy_items
ON CONFLICT (name) DO NOTHING;

-- They are no changes: the log of changes begins after them.
ALTER TABLE workspace.workspace_items DISABLE TRIGGER USER;

INSERT INTO workspace.workspace_items (id, title, description, category, priority, status,
    tags, metadata, position, created_at, updated_at, created_by, updated_by)
SELECT CASE WHEN row ->> 'id' ~ '^[0-9]{1,18}$' THEN (row ->> 'id')::bigint ELSE n END,
    row ->> 'title', coalesce(row ->> 'description', row ->> 'title'), category,
    coalesce(row ->> 'priority', 'medium'), coalesce(row ->> 'status', 'new'),
    CASE WHEN jsonb_typeof(row -> 'tags') = 'array'
        THEN ARRAY(SELECT jsonb_array_elements_text(row -> 'tags')) ELSE '{}' END,
    CASE WHEN jsonb_typeof(row -> 'metadata') = 'object' THEN row -> 'metadata'
        ELSE '{}' END
    || CASE WHEN row ->> 'id' ~ '^[0-9]{1,18}$' THEN '{}'
        ELSE jsonb_build_object('legacy_id', row ->> 'id') END,
    n, coalesce((row ->> 'created_at')::timestamptz, now()),
    (row ->> 'updated_at')::timestamptz,
    left(row ->> 'created_by', 100), left(row ->> 'updated_by', 100)
FROM legacy_items;

ALTER TABLE workspace.workspace_items ENABLE TRIGGER USER;
SELECT workspace.recount();
DELETE FROM workspace.changes;
