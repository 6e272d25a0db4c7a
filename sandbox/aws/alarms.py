"""CloudWatch alarms that answer: each is evaluated again and again, missing data included."""
# ruff: noqa: SLF001 - it works on private stores of one exact version of ministack, guarded by sandbox.aws.fits

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from threading import Event, Lock, Thread
from typing import Any

from sandbox.aws import fits
from sandbox.aws.board import Record, Scope
from sandbox.aws.judgement import COMPARES, Rule, Verdict, judge
from sandbox.aws.settings import Pace
from sandbox.aws.upstream import cloudwatch

_log = logging.getLogger("sandbox.aws")
_MINUTE = 60
_HELD_MINUTES = 1 / 6
"""A state set by hand is kept this long before the alarm is evaluated again."""


class Alarms:
    """Evaluates every alarm at a steady pace."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._stopped = Event()
        self._one_at_a_time = Lock()
        self._held: dict[tuple[Scope, str], float] = {}
        self._thread = Thread(target=self._work, name="alarms", daemon=True)

    def patches(self) -> Iterator[fits.Patch]:
        """Take the evaluation over from ministack."""
        why = "knew no missing data, no dimensions, and looked only at a put"
        yield fits.function(cloudwatch, "_evaluate_alarm", self.evaluate, takes="(alarm)", why=why)
        takes = "(params, cbor_data, is_cbor, is_json=False)"
        set_state = self._holding(cloudwatch._set_alarm_state)
        yield fits.function(cloudwatch, "_set_alarm_state", set_state, takes=takes, why="was overruled at once")

    def begin(self) -> None:
        """Start to evaluate."""
        self._thread.start()

    def end(self) -> None:
        """Stop evaluating."""
        self._stopped.set()
        self._thread.join()

    def evaluate(self, alarm: Record) -> None:
        """Judge one alarm of the current scope, and tell when its state changed."""
        if alarm.get("ComparisonOperator") not in COMPARES or not alarm.get("MetricName"):
            return
        if time.time() < self._held.get((Scope.current(), alarm["AlarmName"]), 0):
            return
        with self._one_at_a_time:
            verdict = judge(_rule(alarm), self._points(alarm))
            if verdict and verdict.state != alarm["StateValue"]:
                _change(alarm, verdict)

    def _work(self) -> None:
        while not self._stopped.wait(self._pace.alarms):
            try:
                self._look()
            except Exception:  # noqa: BLE001 - the outermost loop: one bad alarm must not end the evaluation
                _log.exception("the alarms stumbled")

    def _look(self) -> None:
        for (account, region, _), alarm in cloudwatch._alarms.all_items():
            with Scope(account, region).entered():
                self.evaluate(alarm)

    def _points(self, alarm: Record) -> list[float | None]:
        """One value per evaluated period, the oldest first. The last period ends now."""
        dimensions = {row["Name"]: row["Value"] for row in alarm.get("Dimensions") or ()}
        key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))
        points: list[Record] = list(cloudwatch._metrics.get(key) or ())
        length = int(alarm.get("Period") or _MINUTE) * self._pace.minute / _MINUTE
        count, now = int(alarm.get("EvaluationPeriods") or 1), time.time()
        ends = [now - length * step for step in reversed(range(count))]
        return [_statistic(alarm, [each for each in points if end - length < each["Timestamp"] <= end]) for end in ends]

    def _holding(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def set_state(params: Any, cbor_data: Any, is_cbor: Any, is_json: Any = False) -> Any:  # noqa: FBT002 - the signature it replaces
            given = cbor_data if is_cbor or is_json else None
            name = given.get("AlarmName", "") if given is not None else cloudwatch._p(params, "AlarmName")
            self._held[Scope.current(), name] = time.time() + self._pace.minute * _HELD_MINUTES
            return inner(params, cbor_data, is_cbor, is_json)

        return set_state


def _rule(alarm: Record) -> Rule:
    return Rule(
        compare=alarm["ComparisonOperator"],
        threshold=float(alarm.get("Threshold") or 0),
        needed=int(alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods") or 1),
        missing=alarm.get("TreatMissingData") or "missing",
    )


def _statistic(alarm: Record, points: Sequence[Record]) -> float | None:
    if not points:
        return None
    name = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    value = cloudwatch._stat_value(cloudwatch._calc_stats(points), name, points)
    return None if value is None else float(value)


def _change(alarm: Record, verdict: Verdict) -> None:
    before = alarm["StateValue"]
    alarm.update(StateValue=verdict.state, StateReason=verdict.reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], before, verdict.state, verdict.reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, verdict.state, verdict.reason)
    cloudwatch._evaluate_parent_alarms(alarm)
