"""What `up` plans, one rule a test. A number after `after` is that of a step."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from process_support import container, desired, observed, service

from stackyard.engine.process.containers import State
from stackyard.engine.process.plan.options import UpOptions
from stackyard.engine.process.plan.up import plan_up
from stackyard.engine.process.spec import (
    COMPLETED,
    HEALTHY,
    Command,
    Dependency,
    Mounted,
    Published,
    Update,
    VolumeSpec,
)

if TYPE_CHECKING:
    from stackyard.engine.process.plan.model import Observed
    from stackyard.engine.process.spec import Desired


def check(seen: Observed, wanted: Desired, expected: str, **options: object) -> None:
    """Compare a plan with a text."""
    plan = plan_up(seen, wanted, UpOptions(**options))  # type: ignore[arg-type]
    assert str(plan) == dedent(expected).strip()


def test_first_up_creates_resources_then_services_in_order():
    check(
        observed(),
        desired(
            service("web", "db"),
            service("db"),
            networks=("p_default",),
            volumes=(VolumeSpec(name="p_data", key="data"),),
        ),
        """
        1. create network p_default
        2. create volume p_data
        3. create container p-db-1: is missing | after 1 2
        4. start container p-db-1 | after 1 2 3
        5. wait for db (service_started) | after 4
        6. create container p-web-1: is missing | after 1 2 5
        7. start container p-web-1 | after 1 2 5 6
        """,
    )


def test_what_is_up_to_date_is_kept():
    check(
        observed(container("db"), container("web"), networks=frozenset(["p_default"])),
        desired(service("web", "db"), service("db"), networks=("p_default",)),
        """
        1. keep container p-db-1
        2. keep container p-web-1
        """,
    )


def test_external_volumes_are_not_created():
    volume = VolumeSpec(name="there", key="there", external=True)
    check(
        observed(container("db")),
        desired(service("db"), volumes=(volume,)),
        "1. keep container p-db-1",
    )


def test_a_changed_configuration_replaces():
    check(
        observed(container("web")),
        desired(service("web", version="2")),
        """
        1. create container p-web-1: its configuration changed
        2. stop container p-web-1 | after 1
        3. start container p-web-1 | after 1 2
        4. stop container p-web-1 | after 3
        5. remove container p-web-1: was replaced | after 4
        """,
    )


def test_changed_content_of_a_secret_replaces():
    check(
        observed(container("web", content="old", state=State.EXITED)),
        desired(service("web", content_hash="new")),
        """
        1. create container p-web-1: the content of its secrets or configs changed
        2. start container p-web-1 | after 1
        3. stop container p-web-1 | after 2
        4. remove container p-web-1: was replaced | after 3
        """,
    )


def test_scaling_up_keeps_numbers_and_fills_gaps():
    check(
        observed(container("web", 1), container("web", 3)),
        desired(service("web", replicas=4)),
        """
        1. keep container p-web-1
        2. create container p-web-2: is missing
        3. start container p-web-2 | after 2
        4. keep container p-web-3
        5. create container p-web-4: is missing
        6. start container p-web-4 | after 5
        """,
    )


def test_scaling_down_removes_obsolete_then_highest():
    check(
        observed(
            container("web", 1, version="0"),
            container("web", 2),
            container("web", 3),
            container("web", 4),
        ),
        desired(service("web", replicas=2)),
        """
        1. keep container p-web-2
        2. keep container p-web-3
        3. stop container p-web-4
        4. remove container p-web-4: is one too many | after 3
        5. stop container p-web-1
        6. remove container p-web-1: is one too many | after 5
        """,
    )


def test_scaling_down_does_not_restart_dependents():
    depends_on = {"db": Dependency(restart=True)}
    check(
        observed(container("db", 1), container("db", 2), container("web")),
        desired(service("db"), service("web", depends_on=depends_on)),
        """
        1. keep container p-db-1
        2. stop container p-db-2
        3. remove container p-db-2: is one too many | after 2
        4. keep container p-web-1
        """,
    )


def test_scaling_to_nothing_runs_no_pre_start():
    hook = Command(argv=("init",))
    check(
        observed(container("web")),
        desired(service("web", replicas=0, pre_start=(hook,))),
        """
        1. stop container p-web-1
        2. remove container p-web-1: is one too many | after 1
        """,
    )


def test_force_recreate_replaces_what_is_named_only():
    seen = observed(container("db"), container("web"))
    wanted = desired(service("web", "db"), service("db"))
    check(
        seen,
        wanted,
        """
        1. keep container p-db-1
        2. wait for db (service_started) | after 1
        3. create container p-web-1: recreation was asked for | after 2
        4. stop container p-web-1 | after 2 3
        5. start container p-web-1 | after 2 3 4
        6. stop container p-web-1 | after 5
        7. remove container p-web-1: was replaced | after 6
        """,
        services=("web",),
        force_recreate=True,
    )


def test_always_recreate_deps_replaces_the_others():
    check(
        observed(container("db"), container("web")),
        desired(service("web", "db"), service("db")),
        """
        1. create container p-db-1: recreation was asked for
        2. stop container p-db-1 | after 1
        3. start container p-db-1 | after 1 2
        4. stop container p-db-1 | after 3
        5. remove container p-db-1: was replaced | after 4
        6. keep container p-web-1
        """,
        services=("web",),
        always_recreate_deps=True,
    )


def test_no_recreate_keeps_what_has_changed():
    check(
        observed(container("web", version="0")),
        desired(service("web")),
        "1. keep container p-web-1",
        no_recreate=True,
    )


def test_no_deps_leaves_dependencies_alone():
    check(
        observed(),
        desired(service("web", "db"), service("db")),
        """
        1. create container p-web-1: is missing
        2. start container p-web-1 | after 1
        """,
        services=("web",),
        no_deps=True,
    )


def test_no_start_only_creates():
    check(
        observed(container("db", state=State.EXITED)),
        desired(service("web", "db", published=(Published(target=80),)), service("db")),
        "1. create container p-web-1: is missing",
        no_start=True,
    )


def test_orphans_are_warned_about():
    seen = observed(container("web"), container("old"), container("run", oneoff=True))
    plan = plan_up(seen, desired(service("web")), UpOptions())
    assert str(plan) == "1. keep container p-web-1"
    (warning,) = plan.warnings
    assert warning.startswith("Found orphan containers ([p-old-1]) for this project.")


def test_orphans_can_be_ignored():
    seen = observed(container("old"))
    assert plan_up(seen, desired(), UpOptions(ignore_orphans=True)).warnings == ()


def test_orphans_are_removed_on_request():
    check(
        observed(container("old")),
        desired(),
        """
        1. stop container p-old-1
        2. remove container p-old-1: is an orphan | after 1
        """,
        remove_orphans=True,
    )


def test_conditions_of_dependencies():
    conditions = {
        "db": Dependency(condition=HEALTHY),
        "init": Dependency(condition=COMPLETED),
        "cache": Dependency(required=False),
        "gone": Dependency(required=False),
    }
    check(
        observed(container("db"), container("cache")),
        desired(
            service("web", depends_on=conditions),
            service("db"),
            service("init"),
            service("cache"),
        ),
        """
        1. keep container p-cache-1
        2. keep container p-db-1
        3. create container p-init-1: is missing
        4. start container p-init-1 | after 3
        5. wait for db (service_healthy) | after 2
        6. wait for init (service_completed_successfully) | after 4
        7. wait for cache (service_started, optional) | after 1
        8. create container p-web-1: is missing | after 5 6 7
        9. start container p-web-1 | after 5 6 7 8
        """,
    )


def test_dependents_stop_before_a_replacement_and_start_after_it():
    depends_on = {"db": Dependency(restart=True)}
    check(
        observed(container("db", version="0"), container("web")),
        desired(service("db"), service("web", depends_on=depends_on)),
        """
        1. stop container p-web-1
        2. create container p-db-1: its configuration changed
        3. stop container p-db-1 | after 1 2
        4. start container p-db-1 | after 2 3
        5. stop container p-db-1 | after 1 4
        6. remove container p-db-1: was replaced | after 5
        7. wait for db (service_started) | after 4
        8. start container p-web-1 | after 1 7
        """,
    )


def test_a_restart_reaches_dependents_of_dependents():
    check(
        observed(container("a", version="0"), container("b"), container("c")),
        desired(
            service("c", depends_on={"b": Dependency(restart=True)}),
            service("b", depends_on={"a": Dependency(restart=True)}),
            service("a"),
        ),
        """
        1. stop container p-c-1
        2. stop container p-b-1 | after 1
        3. create container p-a-1: its configuration changed
        4. stop container p-a-1 | after 2 3
        5. start container p-a-1 | after 3 4
        6. stop container p-a-1 | after 2 5
        7. remove container p-a-1: was replaced | after 6
        8. wait for a (service_started) | after 5
        9. start container p-b-1 | after 2 8
        10. wait for b (service_started) | after 9
        11. start container p-c-1 | after 1 10
        """,
    )


def test_replicas_are_replaced_in_groups_with_a_pause():
    update = Update(parallelism=2, delay=3)
    check(
        observed(*(container("web", n, version="0") for n in (1, 2, 3))),
        desired(service("web", replicas=3, update=update)),
        """
        1. create container p-web-1: its configuration changed
        2. stop container p-web-1 | after 1
        3. start container p-web-1 | after 1 2
        4. wait for p-web-1 (running_or_healthy) | after 3
        5. stop container p-web-1 | after 4
        6. remove container p-web-1: was replaced | after 5
        7. create container p-web-2: its configuration changed
        8. stop container p-web-2 | after 7
        9. start container p-web-2 | after 7 8
        10. wait for p-web-2 (running_or_healthy) | after 9
        11. stop container p-web-2 | after 10
        12. remove container p-web-2: was replaced | after 11
        13. pause 3s | after 4 10
        14. create container p-web-3: its configuration changed | after 13
        15. stop container p-web-3 | after 13 14
        16. start container p-web-3 | after 13 14 15
        17. wait for p-web-3 (running_or_healthy) | after 16
        18. stop container p-web-3 | after 17
        19. remove container p-web-3: was replaced | after 18
        """,
    )


def test_start_first_waits_and_uses_the_other_slot():
    wanted = desired(service("web", update=Update(start_first=True)))
    check(
        observed(container("web", version="0", slot=1)),
        wanted,
        """
        1. create container p-web-1: its configuration changed
        2. start container p-web-1 | after 1
        3. wait for p-web-1 (running_or_healthy) | after 2
        4. stop container p-web-1 | after 3
        5. remove container p-web-1: was replaced | after 4
        """,
    )
    seen = observed(container("web", version="0", slot=1))
    assert plan_up(seen, wanted, UpOptions()).operations[0].slot == 0


def test_start_first_frees_the_address_it_needs():
    """Two run after an interrupted replacement, and the file has changed again."""
    check(
        observed(
            container("web", version="0", id="first"),
            container("web", version="1", age=1, slot=1, id="second"),
        ),
        desired(service("web", version="2", update=Update(start_first=True))),
        """
        1. create container p-web-1: its configuration changed
        2. stop container p-web-1 | after 1
        3. start container p-web-1 | after 1 2
        4. wait for p-web-1 (running_or_healthy) | after 3
        5. stop container p-web-1 | after 4
        6. remove container p-web-1: was replaced | after 5
        7. stop container p-web-1 | after 4
        8. remove container p-web-1: was replaced | after 7
        """,
    )


@pytest.mark.parametrize("state", [State.EXITED, State.CREATED, State.DEAD])
def test_what_does_not_run_is_started(state: State):
    check(
        observed(container("web", state=state)),
        desired(service("web")),
        "1. start container p-web-1",
    )


def test_what_waits_for_its_restart_is_kept():
    check(
        observed(container("web", state=State.RESTARTING)),
        desired(service("web")),
        "1. keep container p-web-1",
    )


def test_an_interrupted_replacement_goes_on():
    """The old one runs, the new one was created: they share an address."""
    check(
        observed(
            container("web", version="0", id="old"),
            container("web", age=1, state=State.CREATED, id="new"),
        ),
        desired(service("web")),
        """
        1. stop container p-web-1
        2. start container p-web-1 | after 1
        3. stop container p-web-1 | after 2
        4. remove container p-web-1: was replaced | after 3
        """,
    )


def test_an_interrupted_replacement_that_starts_first_goes_on():
    check(
        observed(
            container("web", version="0", id="old"),
            container("web", age=1, slot=1, id="new"),
        ),
        desired(service("web", update=Update(start_first=True))),
        """
        1. keep container p-web-1
        2. wait for p-web-1 (running_or_healthy) | after 1
        3. stop container p-web-1 | after 2
        4. remove container p-web-1: was replaced | after 3
        """,
    )


def test_pre_start_and_ports_come_before_the_first_replica():
    hook = Command(argv=("init",))
    published = (Published(target=80),)
    wanted = desired(service("web", pre_start=(hook,), published=published))
    check(
        observed(),
        wanted,
        """
        1. publish ports of web
        2. run pre_start of web | after 1
        3. create container p-web-1: is missing | after 1 2
        4. start container p-web-1 | after 1 2 3
        """,
    )
    check(observed(container("web")), wanted, "1. keep container p-web-1")


def test_pre_start_is_made_up_for_after_create():
    hook = Command(argv=("init",))
    check(
        observed(container("web", state=State.CREATED)),
        desired(service("web", pre_start=(hook,))),
        """
        1. run pre_start of web
        2. start container p-web-1 | after 1
        """,
    )


def test_wait_comes_last():
    check(
        observed(container("db")),
        desired(service("web"), service("db")),
        """
        1. keep container p-db-1
        2. create container p-web-1: is missing
        3. start container p-web-1 | after 2
        4. wait for web (running_or_healthy) | after 3
        5. wait for db (running_or_healthy) | after 1
        """,
        wait=True,
    )


UNNAMED = VolumeSpec(name="0f3a")
MOUNT = Mounted(target="/data", source="/volumes/0f3a/_data", volume="0f3a")


def test_unnamed_volumes_begin_anew_between_the_old_replica_and_the_new():
    check(
        observed(container("db", version="0"), volumes=frozenset(["0f3a"])),
        desired(service("db", mounts=(MOUNT,)), volumes=(UNNAMED,)),
        """
        1. stop container p-db-1
        2. renew volume 0f3a | after 1
        3. create container p-db-1: its configuration changed | after 2
        4. stop container p-db-1 | after 2 3
        5. start container p-db-1 | after 2 3 4
        6. stop container p-db-1 | after 5
        7. remove container p-db-1: was replaced | after 6
        """,
        renew_volumes=True,
    )


@pytest.mark.parametrize("number", [1, 2])
def test_unnamed_volumes_stay_with_what_is_kept(number: int):
    plan = plan_up(
        observed(container("db"), volumes=frozenset(["0f3a"])),
        desired(service("db", mounts=(MOUNT,), replicas=number), volumes=(UNNAMED,)),
        UpOptions(renew_volumes=True),
    )
    assert "renew" not in str(plan)
