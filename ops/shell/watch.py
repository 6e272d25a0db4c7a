"""Watch the log of a release until there is a verdict, or no more time."""

from collections.abc import Callable
from dataclasses import replace

from contract.verification import RuleSet
from ops.core.comparison import against, settled
from ops.core.judge import Hearing, Judgement
from ops.core.ruling import Verdict, worst
from ops.ports import Clock, LogSource
from ops.shell.locking import FAST_FOR_SECONDS, FAST_SECONDS, SLOW_SECONDS


def nothing_interrupts() -> str | None:
    """There is no reason to stop early."""
    return None


def watch(
    source: LogSource,
    rule_set: RuleSet,
    clock: Clock,
    *,
    window_seconds: float,
    baseline: Judgement | None = None,
    interrupted: Callable[[], str | None] = nothing_interrupts,
) -> Judgement:
    """Judge a log while it is written: FAIL at the first forbidden line, PASS only after the soak time.

    Args:
        source: the lines of the release's own tasks, and of nobody else.
        rule_set: the rules.
        clock: paces the looks: every 2 s for two minutes, then every 5 s.
        window_seconds: when to give up. What is neither proven nor disproven by then is INCONCLUSIVE.
        baseline: the same rules over the log of the release before; what breaks there as well does not disprove.
        interrupted: asked after each look; a sentence ends the watch, and nothing is believed then.

    Raises:
        OpsError: the log could not be read.
    """
    hearing = Hearing(rule_set, timed=True)
    begun = clock.monotonic()
    while True:
        for line in source.fresh():
            hearing.hear(line.text)
        found = against(hearing.judgement(replay=False), baseline)
        if settled(found, soaked=hearing.soaked):
            return found
        if why := interrupted() or _out_of_time(clock.monotonic() - begun, window_seconds):
            return replace(found, verdict=worst([found.verdict, Verdict.INCONCLUSIVE]), reasons=(why, *found.reasons))
        clock.sleep(pause(clock.monotonic() - begun))


def pause(elapsed: float) -> float:
    """Seconds between two looks, so long after the first."""
    return FAST_SECONDS if elapsed < FAST_FOR_SECONDS else SLOW_SECONDS


def _out_of_time(elapsed: float, window: float) -> str | None:
    if elapsed < window:
        return None
    return f"no verdict within {window:.0f} seconds" if window else "judged as it is now, without watching on"
