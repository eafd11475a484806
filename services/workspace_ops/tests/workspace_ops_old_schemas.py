"""The old shapes of a workspace, as scripts; rows of all kinds in each."""

from __future__ import annotations

NUMBERED = """
CREATE SCHEMA workspace;
CREATE TABLE workspace.workspace_categories (
    name varchar(50) PRIMARY KEY, display_name varchar(100) NOT NULL UNIQUE,
    description text, is_active bool NOT NULL DEFAULT true, sort_order int DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz);
CREATE TABLE workspace.workspace_items (
    id serial PRIMARY KEY, title text NOT NULL, description text,
    category varchar(50) NOT NULL, priority varchar(20) NOT NULL,
    status varchar(20) NOT NULL, tags text[] DEFAULT '{{}}',
    metadata jsonb DEFAULT '{{}}',
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz,
    created_by varchar(100), updated_by varchar(100));
INSERT INTO workspace.workspace_categories (name, display_name, is_active, sort_order)
VALUES ('dashboard', 'Dashboard', true, 6), ('legacy', 'Legacy', false, 7);
INSERT INTO workspace.workspace_items (id, title, description, category, priority,
    status, tags, metadata, created_at, updated_at, created_by)
SELECT n * 3, 'Item ' || n, CASE n % 5 WHEN 0 THEN NULL ELSE 'Çà et là ☃ ' || n END,
    CASE n % 2 WHEN 0 THEN 'dashboard' ELSE 'legacy' END,
    (ARRAY['low', 'medium', 'high', 'critical'])[1 + n % 4],
    (ARRAY['new', 'review', 'in-progress', 'completed', 'rejected'])[1 + n % 5],
    ARRAY['tag ' || n, 'two'], jsonb_build_object('n', n, 'text', 'ü'),
    '2025-01-01 12:00+03'::timestamptz + n * interval '1 minute',
    CASE n % 3 WHEN 0 THEN now() END, 'ana'
FROM generate_series(1, {count}) AS n;
"""
UUIDS = """
CREATE TABLE public.workspace_categories (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name varchar(100) NOT NULL UNIQUE,
    description text, color varchar(7) DEFAULT '#123456', icon varchar(50),
    display_order int DEFAULT 0, is_active bool DEFAULT true,
    created_at timestamptz DEFAULT now(), updated_at timestamptz, created_by text);
CREATE TABLE public.workspace_items (
    id uuid NOT NULL DEFAULT gen_random_uuid(), title varchar(500) NOT NULL,
    description text NOT NULL, category varchar(50) NOT NULL,
    priority varchar(20) NOT NULL, status varchar(20) NOT NULL DEFAULT 'new',
    tags text[] DEFAULT '{{}}', metadata jsonb DEFAULT '{{}}',
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz,
    created_by varchar(100), updated_by varchar(100), PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE public.items_2024 PARTITION OF public.workspace_items
    FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE public.items_rest PARTITION OF public.workspace_items DEFAULT;
INSERT INTO public.workspace_categories (name, icon, display_order)
VALUES ('Gestão de Riscos', 'shield', 1), ('dashboard', NULL, 2);
INSERT INTO public.workspace_items (title, description, category, priority, status,
    tags, created_at)
SELECT 'Item ' || n, 'Text ' || n,
    (ARRAY['Gestão de Riscos', 'dashboard', 'never-listed'])[1 + n % 3],
    'high', 'review', NULL, '2024-11-20'::timestamptz + n * interval '1 hour'
FROM generate_series(1, {count}) AS n;
"""
