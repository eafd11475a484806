"""A bounded model check of ADR 0009: every interleaving of a small world is visited.

The world: three safekeepers, of which a commit needs two, computes of up to three
generations, each of which may write a few entries. An entry is (generation that wrote
it, position); a log is a tuple of entries. A step is the smallest thing that happens at
once: a safekeeper is fenced, a generation is elected from answers, a safekeeper starts
to receive (and cuts), a safekeeper gets one more entry, from the compute or from one of
the others, and acknowledges it.

The rules under test are the functions of `branchpg.safekeeper.history`; each mutation
of them, or of the quorum, must break an invariant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import pytest

from branchpg.lsn import Lsn
from branchpg.safekeeper.history import Entry, common_end, last_generation, upto

KEEPERS, QUORUM, GENERATIONS = 3, 2, 3
WRITTEN = (3, 1, 1)  # entries that each generation writes


class Keeper(NamedTuple):
    promised: int = 0
    log: tuple = ()
    history: tuple = ()
    receives: int = 0  # the generation that it was told to receive, 0: none

    @property
    def flush(self):
        return Lsn(len(self.log)) if self.log else None

    @property
    def wrote(self):
        return last_generation(self.history, self.flush)


class Compute(NamedTuple):
    log: tuple
    history: tuple


class World(NamedTuple):
    keepers: tuple
    answers: tuple  # by generation: (keeper, wrote, log) of those it has fenced
    computes: tuple  # by generation: a Compute once it is elected
    acknowledged: frozenset  # of (position, entry, the generation that it was told)


@dataclass(frozen=True)
class Rules:
    """What the protocol says; a mutation replaces one of them."""

    election_quorum: int = KEEPERS - QUORUM + 1
    compare_generations: bool = True
    check_promise: bool = True
    cut: bool = True
    common_point: bool = True
    keep_history: bool = True
    check_peer: bool = True


def start():
    keepers = tuple(Keeper() for _ in range(KEEPERS))
    return World(keepers, ((),) * GENERATIONS, (None,) * GENERATIONS, frozenset())


def put(items, index, item):
    return (*items[:index], item, *items[index + 1 :])


def fences(world, rules):
    """The pageserver, at work on one generation, hears from one more safekeeper.

    It may give up and count further at any moment, and never goes back; a safekeeper
    may also be fenced after the election was decided.
    """
    begun = latest(world)
    for generation in range(max(1, begun), min(begun + 1, GENERATIONS) + 1):
        answers = world.answers[generation - 1]
        for number, keeper in enumerate(world.keepers):
            if keeper.promised < generation:
                history = upto(keeper.history, keeper.flush)
                answer = (number, keeper.wrote, keeper.log, history)
                fenced = keeper._replace(promised=generation, receives=0)
                decided = world.computes[generation - 1] is not None
                heard = () if decided else (*answers, answer)
                nobody = ((),) * (generation - 1)
                rest = world.answers[generation:]
                yield world._replace(
                    keepers=put(world.keepers, number, fenced),
                    answers=(*nobody, heard, *rest),
                )


def latest(world):
    begun = [i for i in range(GENERATIONS) if world.answers[i] or world.computes[i]]
    return begun[-1] + 1 if begun else 0


def elections(world, rules):
    """A generation begins with the furthest of the answers; what it writes is known."""
    generation = latest(world)
    answers = world.answers[generation - 1] if generation else ()
    if len(answers) < rules.election_quorum:
        return
    by = (
        (lambda a: (a[1], len(a[2])))
        if rules.compare_generations
        else (lambda a: len(a[2]))
    )
    _, _, log, history = max(answers, key=by)
    entry = Entry(generation, Lsn(len(log)))
    history = history if rules.keep_history else ()
    written = (generation,) * WRITTEN[generation - 1]
    compute = Compute((*log, *written), (*history, entry))
    yield world._replace(
        computes=put(world.computes, generation - 1, compute),
        answers=put(world.answers, generation - 1, ()),
    )


def receptions(world, rules):
    """A safekeeper is told to receive: it promises, and cuts what was superseded."""
    for generation, compute in enumerate(world.computes, start=1):
        for number, keeper in enumerate(world.keepers):
            if compute is None or keeper.receives == generation:
                continue
            if rules.check_promise and keeper.promised > generation:
                continue
            end = shared(keeper, compute.history, rules) if rules.cut else keeper.flush
            log = keeper.log[: int(end or 0)]
            told = keeper._replace(
                promised=max(keeper.promised, generation),
                log=log,
                history=compute.history,
                receives=generation,
            )
            yield world._replace(keepers=put(world.keepers, number, told))


def shared(keeper, history, rules):
    if rules.common_point:
        return common_end(keeper.history, history, keeper.flush)
    later = [e.lsn for e in history if e.generation > keeper.wrote]
    return min([keeper.flush or Lsn(0), *later])


def streams(world, rules):
    """A safekeeper gets, and confirms, one more entry."""
    for generation, compute in enumerate(world.computes, start=1):
        for number, keeper in enumerate(world.keepers):
            streaming = compute is not None and keeper.receives == generation
            if rules.check_promise:
                streaming = streaming and keeper.promised == generation
            if streaming and len(keeper.log) < len(compute.log):
                log = (*keeper.log, compute.log[len(keeper.log)])
                got = keeper._replace(log=log)
                changed = world._replace(keepers=put(world.keepers, number, got))
                yield commits(changed, generation, compute)


def refills(world, rules):
    """A safekeeper gets one more entry from another one, in place of the compute."""
    for number, keeper in enumerate(world.keepers):
        generation, at = keeper.receives, len(keeper.log)
        if not generation or (rules.check_promise and keeper.promised != generation):
            continue
        for peer in world.keepers:
            is_of_it = peer.wrote == generation or not rules.check_peer
            if is_of_it and len(peer.log) > at:
                got = keeper._replace(log=(*keeper.log, peer.log[at]))
                changed = world._replace(keepers=put(world.keepers, number, got))
                yield commits(changed, generation, world.computes[generation - 1])


def commits(world, generation, compute):
    """PostgreSQL acknowledges what a quorum confirms to it."""
    confirmed = sorted(
        len(k.log) if k.receives == generation else 0 for k in world.keepers
    )[KEEPERS - QUORUM]
    begun = int(compute.history[-1].lsn)
    new = {(at, compute.log[: at + 1]) for at in range(begun, confirmed)}
    return world._replace(acknowledged=world.acknowledged | new)


def steps(world, rules):
    for kind in (fences, elections, receptions, streams, refills):
        yield from kind(world, rules)


def broken(world, before):
    """Return the invariant that does not hold."""
    firsts = [c.history[-1].generation for c in world.computes if c]
    if len(firsts) != len(set(firsts)):
        return "ElectionSafety"
    for keeper, old in zip(world.keepers, before.keepers, strict=True):
        if keeper.promised < old.promised:
            return "ElectionSafety"
        generations = list(keeper.log)
        if generations != sorted(generations):
            return "LogIsMonotonic"
    logs = [log for _, log in world.acknowledged]
    for one in logs:
        for other in logs:
            shorter = min(len(one), len(other))
            if one[:shorter] != other[:shorter]:
                return "LogSafety: two commits at one position"
    for log in logs:
        holders = sum(k.log[: len(log)] == log for k in world.keepers)
        if holders < QUORUM:
            return "LogSafety: an acknowledged entry is lost"
    newest = max((i for i, c in enumerate(world.computes) if c), default=None)
    if newest is not None and before.computes[newest] is None:
        compute = world.computes[newest]
        if any(compute.log[: len(log)] != log for log in logs):
            return "LogSafety: a generation began without an acknowledged entry"
    return None


def canonical(world):
    """Safekeepers are alike: sort them, and what names them."""
    order = sorted(
        range(KEEPERS),
        key=lambda n: (
            world.keepers[n][:2],
            world.keepers[n].receives,
            str(world.keepers[n].history),
            [[a[1:3] for a in answers if a[0] == n] for answers in world.answers],
        ),
    )
    place = {old: new for new, old in enumerate(order)}
    return world._replace(
        keepers=tuple(world.keepers[n] for n in order),
        answers=tuple(
            tuple(sorted(((place[a[0]], *a[1:]) for a in answers), key=str))
            for answers in world.answers
        ),
    )


def explore(rules):
    """Visit all worlds; return the broken invariant, and how many there were."""
    first = start()
    seen, front = {first}, [first]
    while front:
        world = front.pop()
        for following in steps(world, rules):
            found = broken(following, world)
            if found:
                return found, len(seen)
            following = canonical(following)
            if following not in seen:
                seen.add(following)
                front.append(following)
    return None, len(seen)


@pytest.mark.timeout(300)
def test_the_rules_keep_what_was_acknowledged():
    found, count = explore(Rules())

    assert found is None
    assert count > 10_000


@pytest.mark.parametrize(
    "mutation",
    [
        {"election_quorum": 1},
        {"compare_generations": False},
        {"check_promise": False},
        {"cut": False},
        {"common_point": False},
        {"keep_history": False},
        {"check_peer": False},
    ],
    ids=str,
)
def test_a_mutation_breaks_them(mutation):
    found, _ = explore(replace(Rules(), **mutation))

    assert found is not None
