"""The running release judged by the lines of its own tasks, on a cluster in memory."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract.verification import Forbid, Match, Require, RuleSet
from ops.core.ruling import Verdict
from ops.errors import OpsError
from ops.shell.streams import running_revision, stream, streams_of
from ops.shell.verifying import verify
from ops.world import World
from tests.fakes.logbook import FakeLogbook
from tests.fakes.releases import Environment

SERVICE = "dispatcher-large"
RULES = RuleSet(
    soak_seconds=60,
    require={"alive": Require(match=Match(text="alive"), times=3, why="liveness is output")},
    forbid={"sub-penny": Forbid(match=Match(text="sub-penny"), why="off the tick")},
)


@dataclass
class Running:
    """An environment in which something runs, and the book its tasks write in."""

    environment: Environment
    world: World
    logs: FakeLogbook

    @property
    def task(self) -> str:
        (running,) = [each for each in self.world.ecs.tasks(self.world.names.family(SERVICE)) if each.running]
        return running.id

    def says(self, *seconds: float, text: str = "alive", task: str | None = None) -> None:
        for second in seconds:
            at = datetime.fromtimestamp(self.environment.clock.now().timestamp() + second, UTC)
            line = f"{at:%Y-%m-%dT%H:%M:%S+00:00} {text}"
            self.logs.write(stream(self.world, SERVICE, task or self.task), self.elapsed + second, line)

    @property
    def elapsed(self) -> float:
        return self.environment.clock.monotonic() - self.began

    began: float = 0


@pytest.fixture
def running(tmp_path: Path) -> Running:
    environment = Environment(tmp_path)
    environment.deploy(environment.image("one"))
    world = environment.world()
    logs = FakeLogbook(environment.clock)
    return Running(environment, world, logs, environment.clock.monotonic())


def judged(running: Running, window: float = 0) -> tuple[Verdict, tuple[str, ...]]:
    judgement = verify(running.world, running.logs, SERVICE, RULES, window_seconds=window)
    return judgement.verdict, judgement.reasons


def test_what_runs_passes_by_what_it_has_said_so_far(running: Running) -> None:
    running.says(0, 30, 61)
    running.environment.clock.sleep(62)

    assert judged(running) == (Verdict.PASS, ())


def test_without_a_watch_what_is_not_proven_yet_is_inconclusive_at_once(running: Running) -> None:
    running.says(0, 30)
    running.environment.clock.sleep(31)

    assert judged(running) == (
        Verdict.INCONCLUSIVE,
        (
            "judged as it is now, without watching on",
            "alive: seen 2 of 3 times",
            "the log spans 30 of 60 seconds of soak time",
        ),
    )


def test_with_a_watch_the_rest_is_waited_for(running: Running) -> None:
    running.says(0, 30, 61)

    assert judged(running, window=300)[0] is Verdict.PASS


def test_the_lines_of_a_one_off_task_are_not_the_services(running: Running) -> None:
    running.environment.ecs.someone_starts(running.world.names.family(SERVICE), "a person")
    (other,) = [
        each.id
        for each in running.world.ecs.tasks(running.world.names.family(SERVICE))
        if each.started_by == "a person"
    ]
    running.says(1, text="sub-penny", task=other)
    running.environment.clock.sleep(2)

    assert judged(running)[0] is Verdict.INCONCLUSIVE
    assert stream(running.world, SERVICE, other) not in streams_of(running.world, SERVICE)()


def test_where_nothing_runs_there_is_nothing_to_judge(tmp_path: Path) -> None:
    world = Environment(tmp_path).world()

    with pytest.raises(OpsError) as raised:
        running_revision(world, SERVICE)

    assert raised.value.message == f"nothing of {SERVICE} runs: no task is asked for"
    assert raised.value.next_step.startswith("ops status")


def test_a_service_that_is_not_deployed_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="nothing of lamp runs: it is not deployed"):
        running_revision(Environment(tmp_path).world(), "lamp")
