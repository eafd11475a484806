#!/bin/bash
# Initialises an empty data directory, then becomes the server. With STEPS=yard by the
# steps, programs and options of stackyard.images.postgres; otherwise by those of the
# image on Docker Hub: initdb that forces every file to disk, pg_ctl -w.
set -Eeuo pipefail

if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown postgres:postgres "$PGDATA"
    chmod 700 "$PGDATA"
    exec setpriv --reuid postgres --regid postgres --clear-groups "$0" "$@"
fi

run_scripts() {
    for file in /docker-entrypoint-initdb.d/*.sql; do
        PGHOST=/tmp psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password \
            --username "$POSTGRES_USER" --dbname postgres -f "$file"
    done
}

init_as_the_image() {
    initdb -D "$PGDATA" --username "$POSTGRES_USER" \
        --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD")
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -w start \
        -o '-c listen_addresses= -c unix_socket_directories=/tmp'
    run_scripts
    pg_ctl -D "$PGDATA" -m fast -w stop
}

init_as_yard() {
    initdb -D "$PGDATA" --no-sync --no-instructions --username "$POSTGRES_USER" \
        --auth-local trust --auth-host scram-sha-256 \
        --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD")
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    "$@" -c listen_addresses= -c unix_socket_directories=/tmp -F &
    server=$!
    until grep -qs ready "$PGDATA/postmaster.pid"; do sleep 0.002; done
    run_scripts
    kill -INT "$server"
    wait "$server"
    initdb --sync-only -D "$PGDATA"
}

if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    "init_as_${STEPS:-the_image}"
fi

exec "$@"
