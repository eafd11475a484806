"""What may be chosen of `up`: the planner obeys it, and the protocol carries it."""

from __future__ import annotations

import msgspec


class UpOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The choices of `yard up`, `create` and `scale`.

    Attributes:
        services: named on the command line; empty is all.
        force_recreate: replace what is named, even if it is up to date.
        always_recreate_deps: replace what it depends on, too.
        no_recreate: replace nothing.
        no_deps: leave the services it depends on alone.
        no_start: only create.
        remove_orphans: remove containers of services that the files do not have.
        ignore_orphans: do not warn of them either.
        renew_volumes: volumes without a name begin anew with the replicas they are of.
        wait: wait until everything runs or, with a health check, is healthy.
    """

    services: tuple[str, ...] = ()
    force_recreate: bool = False
    always_recreate_deps: bool = False
    no_recreate: bool = False
    no_deps: bool = False
    no_start: bool = False
    remove_orphans: bool = False
    ignore_orphans: bool = False
    renew_volumes: bool = False
    wait: bool = False
