"""A walk that is killed, or loses AWS, at any of its calls: status says what is true, and the next walk ends well.

Every call that a walk makes is two places: before it, and after it with the answer lost. All of them are visited, for
releases that are good, that fail and that come first, and for a rollback.
"""

import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from contract.names import NOT_RELEASED
from ops.core.ruling import Verdict
from ops.core.scene import Severity
from ops.core.standing import Condition, Standing
from ops.errors import Exit, OpsError
from tests.fakes.cluster import Behaviour
from tests.fakes.releases import Environment, Faults, Killed, lost

SERVICE = "dispatcher-large"
LONGER_THAN_ANY_LOCK = 4000
LOOK_BACK = 5

Walk = Callable[[Environment, Faults | None], Exit]


def deploying(name: str, behaviour: Behaviour | None = None, verdict: Verdict | None = None) -> Walk:
    return lambda env, faults: env.deploy(env.image(name, behaviour, verdict=verdict), faults).exit


def rolling_back(env: Environment, faults: Faults | None) -> Exit:
    return env.roll_back(faults=faults).exit


@dataclass(frozen=True)
class Story:
    """A walk, what went before it, and what may be called good of what it leaves."""

    before: tuple[str, ...]
    walk: Walk
    ends: Exit
    good: set[str] = field(default_factory=set)
    """Tags that may ever be called proven."""
    finally_runs: str | None = None


STORIES = {
    "a good release": Story(("one",), deploying("two"), Exit.DONE, {"one", "two"}, "two"),
    "a release judged FAIL": Story(("one",), deploying("two", verdict=Verdict.FAIL), Exit.TAKEN_BACK, {"one"}, "one"),
    "a release whose tasks die": Story(
        ("one",), deploying("two", Behaviour(starts=False)), Exit.TAKEN_BACK, {"one"}, "one"
    ),
    "a rollback": Story(("one", "two"), rolling_back, Exit.DONE, {"one", "two"}, "one"),
    "a first release": Story((), deploying("one"), Exit.DONE, {"one"}, "one"),
    "a first release judged FAIL": Story((), deploying("one", verdict=Verdict.FAIL), Exit.TAKEN_BACK, set(), None),
}

story = pytest.mark.parametrize("name", STORIES)
fault = pytest.mark.parametrize("error", [pytest.param(Killed, id="killed"), pytest.param(lost, id="lost")])


def places(
    tmp_path: Path, told: Story, error: Callable[[], BaseException]
) -> Iterator[tuple[Environment, Exit | None]]:
    """The environment after the walk was broken at each of its places; with its exit, if it got over it."""
    prepared = pickle.dumps(stand_up(tmp_path, told))
    # What an answer never came to was most often done: the other half differs from a kill by the lock only.
    for after in (False, True) if error is Killed else (True,):
        seen: set[tuple[str, ...]] = set()
        for at in count(1):
            env = pickle.loads(prepared)  # noqa: S301 - our own bytes, and quicker than to deploy again
            faults = Faults(at=at, after=after, error=error)
            ended = broken(env, told, faults)
            if len(faults.calls) < at:
                break
            if (lately := tuple(faults.calls[at - LOOK_BACK : at])) not in seen or at <= LOOK_BACK:
                seen.add(lately)  # the third look of a poll that found nothing new is no new place
                yield env, ended


def stand_up(tmp_path: Path, told: Story) -> Environment:
    env = Environment(tmp_path)
    env.watch_seconds = 10
    for name in told.before:
        assert env.deploy(env.image(name)).exit is Exit.DONE
    return env


def broken(env: Environment, told: Story, faults: Faults) -> Exit | None:
    try:
        return told.walk(env, faults)
    except Killed:
        return None
    except OpsError as error:
        return None if error.exit_code is not Exit.DONE else error.exit_code


def runs(env: Environment) -> str | None:
    """The truth: the tag of the image that tasks run."""
    arn = env.ecs.runs(SERVICE)
    if arn is None:
        return None
    image: str = env.ecs.definitions[arn].document["containerDefinitions"][0]["image"]
    repeated = image.partition("@sha256:")[2]
    return repeated[: len(repeated) // 8]


def assert_true(env: Environment, told: Story) -> Standing:
    """Status says what the tasks say, and calls nothing proven that is not."""
    says = env.status()
    (service,) = says.services
    match service.condition:
        case Condition.RUNNING:
            assert service.revision == env.ecs.runs(SERVICE)
            assert service.as_built
        case Condition.STOPPED:
            assert env.ecs.runs(SERVICE) is None
        case _:
            assert service.condition is Condition.ROLLING
    if says.proven:
        assert says.release is not None
        assert says.release.tag in told.good
    pointer = env.parameters.values.get(env.names.release)
    assert pointer is None or json.loads(pointer)["tag"] in told.good
    return says


def assert_well(env: Environment, told: Story, expected: str | None) -> None:
    """What is meant to run runs; service, parameter, schedule and record agree."""
    says = assert_true(env, told)
    assert runs(env) == expected
    assert [each for each in says.findings if each.severity is Severity.ERROR] == []
    assert says.interrupted == ()
    parameter = env.parameters.values[env.names.running(SERVICE)]
    assert parameter == (NOT_RELEASED if expected is None else env.ecs.runs(SERVICE))


@story
@fault
def test_after_any_break_status_is_true_and_the_same_again_ends_well(
    tmp_path: Path, name: str, error: Callable[[], BaseException]
) -> None:
    told = STORIES[name]
    for env, ended in places(tmp_path, told, error):
        assert ended in {None, told.ends}
        assert_true(env, told)

        env.wait(LONGER_THAN_ANY_LOCK)
        again = told.walk(env, None)

        # A rollback that had arrived already has nothing left to go back to, and nothing to put right.
        arrived = name == "a rollback" and again is Exit.NOT_DONE
        assert arrived or again is told.ends
        assert_well(env, told, told.finally_runs)


@story
def test_after_any_kill_a_rollback_ends_well(tmp_path: Path, name: str) -> None:
    told = STORIES[name]
    for env, _ in places(tmp_path, told, Killed):
        env.wait(LONGER_THAN_ANY_LOCK)
        ended = env.roll_back().exit

        assert ended in {Exit.DONE, Exit.NOT_DONE}
        if ended is Exit.NOT_DONE:
            env.repair()  # what runs is proven, and there is nothing else to go back to
        says = env.status()
        assert says.proven or runs(env) is None
        assert_well(env, told, runs(env))


@story
def test_after_any_kill_another_release_can_be_deployed(tmp_path: Path, name: str) -> None:
    told = STORIES[name]
    for env, _ in places(tmp_path, told, Killed):
        env.wait(LONGER_THAN_ANY_LOCK)

        assert env.deploy(env.image("six")).exit is Exit.DONE
        assert runs(env) == "six"
        assert env.status().findings == ()
