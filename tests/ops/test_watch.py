"""A release judged by its own log while it is written, on a clock of the test's own."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from contract.verification import Evidence, Forbid, Imply, Match, Require, RuleSet
from ops.core.comparison import against
from ops.core.judge import Change, Judgement, judge
from ops.core.ruling import Verdict
from ops.ports import LogLine, Stream
from ops.shell.tail import Tail
from ops.shell.watch import watch
from tests.fakes.cluster import ManualClock
from tests.fakes.logbook import FakeLogbook, milliseconds

BEGAN = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
OURS = Stream("/ecs/lamp", "lamp/dispatcher/new-task")
THEIRS = Stream("/ecs/lamp", "lamp/dispatcher/old-task")
RULES = RuleSet(
    soak_seconds=60,
    require={"alive": Require(match=Match(events=("heartbeat",)), times=3, why="liveness is output")},
    forbid={
        "sub-penny": Forbid(match=Match(text="sub-penny"), why="off the tick"),
        "traceback": Forbid(match=Match(text="Traceback"), why="nobody thought of it"),
    },
    imply={
        "on-paper": Imply(
            match=Match(events=("execution_executed",)),
            field="execution_mode",
            allowed=("ALPACA_PAPER",),
            evidence=Evidence.REQUIRED,
            why="the point",
        )
    },
)


class Release:
    """A release that logs, and the watch over it."""

    def __init__(self) -> None:
        self.clock = ManualClock(BEGAN)
        self.logs = FakeLogbook(self.clock)
        self.interruption: str | None = None

    def beats(self, seconds: range, stream: Stream = OURS) -> None:
        for second in seconds:
            self.says(second, "heartbeat", stream)

    def says(self, second: float, event: str, stream: Stream = OURS, late: float = 0, **fields: str) -> None:
        at = (BEGAN + timedelta(seconds=second)).isoformat()
        self.logs.write(stream, second, json.dumps({"ts": at, "event": event, **fields}), late=late)

    def executes(self, second: float, mode: str = "ALPACA_PAPER", stream: Stream = OURS) -> None:
        self.says(second, "execution_executed", stream, execution_mode=mode)

    def watched(self, baseline: Judgement | None = None, window: float = 300) -> Judgement:
        source = Tail(self.logs, lambda: [OURS], since=milliseconds(BEGAN))
        return watch(
            source,
            RULES,
            self.clock,
            window_seconds=window,
            baseline=baseline,
            interrupted=lambda: self.interruption,
        )

    @property
    def seconds(self) -> float:
        return (self.clock.now() - BEGAN).total_seconds()


@pytest.fixture
def release() -> Release:
    return Release()


def broken_before(*lines: str) -> Judgement:
    return judge(lines, RULES, replay=True)


# --------------------------------------------------------------------------------------------------------- verdicts


def test_it_passes_once_it_is_soaked_and_all_was_seen(release: Release) -> None:
    release.beats(range(0, 200, 10))
    release.executes(5)

    assert release.watched().verdict is Verdict.PASS
    assert 60 <= release.seconds < 65


def test_it_does_not_pass_before_the_soak_time_whatever_was_seen(release: Release) -> None:
    release.beats(range(0, 50, 5))
    release.executes(5)

    judgement = release.watched()

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reasons == (
        "no verdict within 300 seconds",
        "the log spans 45 of 60 seconds of soak time",
    )


def test_it_fails_at_the_first_forbidden_line_and_waits_for_no_second(release: Release) -> None:
    release.beats(range(0, 200, 10))
    release.logs.write(OURS, 21, "invalid limit price: sub-penny increment")

    judgement = release.watched()

    assert judgement.verdict is Verdict.FAIL
    assert "sub-penny: seen once, must not be there" in judgement.reasons
    assert release.seconds < 24


def test_an_execution_that_is_simulated_fails_it(release: Release) -> None:
    release.beats(range(0, 200, 10))
    release.executes(12, mode="SIMULATED_FALLBACK")

    assert release.watched().verdict is Verdict.FAIL


def test_without_an_execution_it_is_inconclusive_when_the_window_ends(release: Release) -> None:
    release.beats(range(0, 400, 10))

    judgement = release.watched()

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reasons == ("no verdict within 300 seconds", "on-paper: no execution_executed seen")
    assert 300 <= release.seconds <= 305


def test_silence_is_inconclusive(release: Release) -> None:
    assert release.watched().reasons == ("no verdict within 300 seconds", "the log has no lines to judge")


def test_what_is_required_and_missing_after_the_soak_time_fails_it(release: Release) -> None:
    release.executes(0)
    release.executes(61)

    judgement = release.watched()

    assert (judgement.verdict, judgement.reasons) == (Verdict.FAIL, ("alive: not seen, asked for 3 times",))


def test_an_interruption_ends_the_watch_and_proves_nothing(release: Release) -> None:
    release.beats(range(0, 200, 10))
    release.interruption = "the deployment is no longer the service's"

    judgement = release.watched()

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reasons[0] == "the deployment is no longer the service's"
    assert release.seconds == 0


# ------------------------------------------------------------------------------------------------------ attribution


def test_the_old_tasks_errors_do_not_fail_the_new_release(release: Release) -> None:
    release.beats(range(0, 200, 10))
    release.executes(5)
    release.logs.write(THEIRS, 7, "sub-penny increment")

    assert release.watched().verdict is Verdict.PASS


def test_the_old_tasks_heartbeats_do_not_pass_the_new_release(release: Release) -> None:
    release.beats(range(0, 200, 10), THEIRS)
    release.executes(5, stream=THEIRS)

    assert release.watched().verdict is Verdict.INCONCLUSIVE
    assert set(release.logs.read_of) == {(OURS,)}


# --------------------------------------------------------------------------------------------------------- baseline


def test_what_the_release_before_broke_as_well_neither_disproves_nor_proves(release: Release) -> None:
    release.beats(range(0, 200, 10))
    release.executes(5)
    release.logs.write(OURS, 21, "sub-penny increment")

    judgement = release.watched(broken_before("sub-penny", "sub-penny"))

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reasons == ("sub-penny: seen once, must not be there (also before)",)
    assert [(each.id, each.change, each.now, each.before) for each in judgement.compared] == [
        ("sub-penny", Change.ALSO_BEFORE, 1, 2)
    ]
    assert release.seconds < 65, "waiting on could not have changed it"


def test_what_is_new_fails_it_whatever_was_broken_before(release: Release) -> None:
    release.beats(range(0, 200, 10))
    release.logs.write(OURS, 21, "Traceback (most recent call last):")

    judgement = release.watched(broken_before("sub-penny"))

    assert judgement.verdict is Verdict.FAIL
    assert [(each.id, each.change) for each in judgement.compared] == [
        ("sub-penny", Change.GONE),
        ("traceback", Change.NEW),
    ]


def test_the_fix_of_what_was_broken_passes_and_tells_what_is_gone(release: Release) -> None:
    release.beats(range(0, 200, 10))
    release.executes(5)

    judgement = release.watched(broken_before("sub-penny"))

    assert judgement.verdict is Verdict.PASS
    assert [each.change for each in judgement.compared] == [Change.GONE]


def test_what_was_missing_before_is_still_asked_for() -> None:
    soaked = judge(['{"event": "heartbeat"}'], RULES, replay=True)

    judgement = against(soaked, soaked)

    assert judgement.verdict is Verdict.FAIL
    assert judgement.compared == ()


# ------------------------------------------------------------------------------------------------------------- tail


def test_a_line_is_given_once_although_each_look_reaches_back(release: Release) -> None:
    release.beats(range(0, 60, 2))
    tail = Tail(release.logs, lambda: [OURS], since=milliseconds(BEGAN))

    given: list[LogLine] = []
    for _ in range(40):
        given += tail.fresh()
        release.clock.sleep(2)

    assert len(given) == len({line.id for line in given}) == 30
    assert given == sorted(given)


def test_a_line_that_arrives_late_is_given(release: Release) -> None:
    release.says(1, "heartbeat", late=20)
    release.says(10, "heartbeat")
    tail = Tail(release.logs, lambda: [OURS], since=milliseconds(BEGAN))

    release.clock.sleep(12)
    first = [line.at - milliseconds(BEGAN) for line in tail.fresh()]
    release.clock.sleep(12)
    second = [line.at - milliseconds(BEGAN) for line in tail.fresh()]

    assert (first, second) == ([10_000], [1_000])


def test_the_tasks_may_change_from_look_to_look(release: Release) -> None:
    streams = [THEIRS]
    release.says(1, "heartbeat", THEIRS)
    release.says(3, "heartbeat", OURS)
    tail = Tail(release.logs, lambda: streams, since=milliseconds(BEGAN))

    release.clock.sleep(5)
    before = tail.fresh()
    streams.append(OURS)
    after = tail.fresh()

    assert ([line.stream for line in before], [line.stream for line in after]) == ([THEIRS], [OURS])


def test_looks_are_two_seconds_apart_for_two_minutes_and_then_five(release: Release) -> None:
    release.watched(window=150)

    # 60 looks of 2 s, 6 of 5 s, and the one at the end.
    assert len(release.logs.read_of) == 67
