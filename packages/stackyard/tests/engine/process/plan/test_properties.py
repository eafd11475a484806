"""Plans carried out on a model of the world, whatever it was like before."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from process_support import container, desired, observed, service

from stackyard.engine.process.containers import Container, State
from stackyard.engine.process.plan.model import Kind, Observed, Operation, Plan
from stackyard.engine.process.plan.options import UpOptions
from stackyard.engine.process.plan.stop import plan_down
from stackyard.engine.process.plan.up import plan_up
from stackyard.engine.process.spec import Dependency, Desired, Update

_NAMES = ("a", "b", "c")


@dataclass
class World:
    """Containers by id; a step changes them as the executor would."""

    containers: dict[str, Container]
    volumes: set[str] = field(default_factory=set)
    networks: set[str] = field(default_factory=set)
    made: dict[tuple[str, int], str] = field(default_factory=dict)
    clock: int = 1000

    def seen(self) -> Observed:
        return observed(
            *self.containers.values(),
            volumes=frozenset(self.volumes),
            networks=frozenset(self.networks),
        )

    def carry_out(self, plan: Plan, wanted: Desired, *, until: int = 10**9) -> None:
        self.made = {}
        for step in plan.operations[:until]:
            self.do(step, wanted)

    def do(self, step: Operation, wanted: Desired) -> None:
        if step.kind is Kind.CREATE:
            self.create(step, wanted)
        elif step.kind is Kind.CREATE_NETWORK:
            self.networks.add(step.target)
        elif step.kind is Kind.REMOVE_NETWORK:
            self.networks.remove(step.target)
        elif step.kind is Kind.REMOVE:
            assert not self.containers.pop(step.container).up
        elif step.kind in {Kind.START, Kind.STOP, Kind.KEEP}:
            self.move(step)

    def create(self, step: Operation, wanted: Desired) -> None:
        self.clock += 1
        made = container(
            step.service,
            step.number,
            version=wanted.services[step.service].config_hash,
            age=self.clock,
            state=State.CREATED,
            slot=step.slot,
        )
        self.containers[made.id] = made
        self.made[step.service, step.number] = made.id

    def move(self, step: Operation) -> None:
        key = step.container or self.made[step.service, step.number]
        before = self.containers[key]
        state = before.state
        if step.kind is Kind.START:
            state = State.RUNNING
            self.nobody_has(before)
        elif step.kind is Kind.STOP and (before.up or state is State.RESTARTING):
            state = State.EXITED
        self.containers[key] = msgspec.structs.replace(before, state=state, starts=1)

    def nobody_has(self, started: Container) -> None:
        """An address is a number's and a slot's: never do two that run share one."""
        for other in self.containers.values():
            same = (other.service, other.number, other.slot) == (
                started.service,
                started.number,
                started.slot,
            )
            lives = other.up or other.state is State.RESTARTING
            assert not (same and lives and other.id != started.id)


@st.composite
def files(draw: st.DrawFn) -> Desired:
    services = []
    for index, name in enumerate(_NAMES):
        if draw(st.integers(0, 5)) == 0:
            continue
        needs = {
            need: Dependency(restart=draw(st.booleans()), required=False)
            for need in draw(st.sets(st.sampled_from(_NAMES[:index] or ("none",))))
        }
        update = draw(
            st.none()
            | st.builds(
                Update,
                parallelism=st.integers(0, 2),
                delay=st.sampled_from([0.0, 1.0]),
                start_first=st.booleans(),
            )
        )
        services.append(
            service(
                name,
                version=draw(st.sampled_from("12")),
                replicas=draw(st.integers(0, 3)),
                depends_on=needs,
                update=update,
            )
        )
    return desired(*services, networks=("net",))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    containers = {}
    taken = set()
    for age in range(draw(st.integers(0, 8))):
        name, number = draw(st.sampled_from(_NAMES)), draw(st.integers(1, 4))
        slot = draw(st.integers(0, 1))
        states = [State.CREATED, State.EXITED]
        if (name, number, slot) not in taken:
            states += [State.RUNNING, State.RESTARTING, State.PAUSED]
        item = container(
            name,
            number,
            version=draw(st.sampled_from("12")),
            age=age,
            state=draw(st.sampled_from(states)),
            slot=slot,
        )
        if item.up or item.state is State.RESTARTING:
            taken.add((name, number, slot))
        containers[item.id] = item
    return World(containers)


def running(world: World) -> list[tuple[str, int, str]]:
    return sorted(
        (item.service, item.number, item.config_hash)
        for item in world.containers.values()
    )


def settled(world: World, wanted: Desired) -> None:
    """Every service has its replicas, all of them run, and there are no others."""
    items = list(world.containers.values())
    assert all(item.up or item.state is State.RESTARTING for item in items)
    counts = {
        name: sum(item.service == name for item in items) for name in wanted.services
    }
    assert counts == {name: spec.replicas for name, spec in wanted.services.items()}
    assert len(items) == sum(counts.values())
    for item in items:
        assert item.config_hash == wanted.services[item.service].config_hash


_OPTIONS = UpOptions(remove_orphans=True)


@given(worlds(), files())
def test_a_plan_reaches_what_is_wanted_and_then_there_is_nothing_to_do(
    world: World, wanted: Desired
):
    world.carry_out(plan_up(world.seen(), wanted, _OPTIONS), wanted)
    settled(world, wanted)
    again = plan_up(world.seen(), wanted, _OPTIONS)
    assert {step.kind for step in again.operations} <= {Kind.KEEP}


@given(worlds(), files(), st.integers(0, 60))
def test_a_plan_that_was_cut_short_is_finished_by_the_next(
    world: World, wanted: Desired, steps: int
):
    world.carry_out(plan_up(world.seen(), wanted, _OPTIONS), wanted, until=steps)
    world.carry_out(plan_up(world.seen(), wanted, _OPTIONS), wanted)
    settled(world, wanted)


@given(worlds(), files(), files(), st.integers(0, 60))
def test_another_file_may_follow_one_that_was_cut_short(
    world: World, first: Desired, second: Desired, steps: int
):
    world.carry_out(plan_up(world.seen(), first, _OPTIONS), first, until=steps)
    world.carry_out(plan_up(world.seen(), second, _OPTIONS), second)
    settled(world, second)


@given(worlds(), files())
def test_steps_wait_for_earlier_ones_only(world: World, wanted: Desired):
    plan = plan_up(world.seen(), wanted, UpOptions(remove_orphans=True, wait=True))
    for number, step in enumerate(plan.operations):
        assert all(0 <= before < number for before in step.after)


@given(worlds(), files())
def test_nothing_stops_before_its_replacement_was_created(
    world: World, wanted: Desired
):
    seen = world.seen()
    plan = plan_up(seen, wanted, _OPTIONS)
    steps = plan.operations
    created = {
        (step.service, step.number): index
        for index, step in enumerate(steps)
        if step.kind is Kind.CREATE
    }
    for index, step in enumerate(steps):
        place = (step.service, step.number)
        if step.kind is Kind.STOP and place in created:
            assert created[place] in waits_of(steps, index)


def waits_of(steps: tuple[Operation, ...], index: int) -> set[int]:
    """Every step that one waits for, however far back."""
    found: set[int] = set()
    waiting = [index]
    while waiting:
        for before in steps[waiting.pop()].after:
            if before not in found:
                found.add(before)
                waiting.append(before)
    return found


@given(worlds(), st.integers(0, 30))
def test_down_cut_short_is_finished_by_the_next(world: World, steps: int):
    for until in (steps, 10**9):
        seen = world.seen()
        plan = plan_down(seen, seen.containers, networks=["net"])
        world.carry_out(plan, desired(), until=until)
    assert not world.containers
