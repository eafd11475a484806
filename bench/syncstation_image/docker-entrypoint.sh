#!/bin/bash
# Initialises an empty data directory, then becomes the server: the steps, programs and
# options of stackyard.images.postgres.
set -Eeuo pipefail

if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown postgres:postgres "$PGDATA"
    chmod 700 "$PGDATA"
    exec setpriv --reuid postgres --regid postgres --clear-groups "$0" "$@"
fi

if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb -D "$PGDATA" --no-sync --no-instructions --username "$POSTGRES_USER" \
        --auth-local trust --auth-host scram-sha-256 \
        --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD")
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    "$@" -c listen_addresses= -c unix_socket_directories=/tmp -F &
    server=$!
    until grep -qs ready "$PGDATA/postmaster.pid"; do sleep 0.002; done
    for file in /docker-entrypoint-initdb.d/*.sql; do
        PGHOST=/tmp psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password \
            --username "$POSTGRES_USER" --dbname postgres -f "$file"
    done
    kill -INT "$server"
    wait "$server"
    initdb --sync-only -D "$PGDATA"
fi

exec "$@"
