"""Which volumes without a name begin anew with `--renew-anon-volumes`.

In Docker each container has its own, and a new one takes over that of the one before.
Here they belong to a service, and are renewed when all of its replicas are replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackyard.engine.process.plan.model import Observed
    from stackyard.engine.process.plan.replicas import Replica
    from stackyard.engine.process.spec import Desired, ServiceSpec


def renewed(
    spec: ServiceSpec,
    replicas: Iterable[Replica],
    *,
    desired: Desired,
    observed: Observed,
) -> list[str]:
    """Return the names of a service's volumes that are there and begin anew."""
    stays = [item for item in replicas if item.keep is not None]
    if stays or spec.replicas == 0:
        return []
    unnamed = {volume.name for volume in desired.volumes if not volume.key}
    mounted = dict.fromkeys(mount.volume for mount in spec.mounts)
    return [name for name in mounted if name in unnamed & observed.volumes]
