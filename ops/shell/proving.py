"""Proof by logs: the tasks of one deployment, and of no other, judged by the rules that the service declares."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from contract.verification import RuleSet
from ops.core.judge import Judgement, judge
from ops.core.plain import plain
from ops.ports import LogReader, Stream
from ops.shell.streams import milliseconds, service_tasks, streams_of
from ops.shell.tail import Tail
from ops.shell.watch import watch
from ops.world import Proof, Prove, Subject, World

PATIENCE_SECONDS = 120
"""How much longer than the soak time a verdict may take."""
_LONGEST_LOOK_BACK = timedelta(hours=1)


def prover(
    world: World, reader: LogReader, rules: Mapping[str, RuleSet], *, patience: float = PATIENCE_SECONDS
) -> Prove:
    """Watches the log of a deployment's own tasks until there is a verdict.

    Args:
        world: where the tasks are.
        reader: reads their streams.
        rules: rule sets by name.
        patience: seconds beyond the soak time after which what is not proven is INCONCLUSIVE.
    """

    def prove(subject: Subject) -> Proof:
        rule_set = rules[subject.member.rules]
        since = _since(world, subject, rule_set)
        judgement = watch(
            Tail(reader, _streams(world, subject), since=milliseconds(since)),
            rule_set,
            world.clock,
            window_seconds=rule_set.soak_seconds + patience,
            baseline=_baseline(world, reader, subject, rule_set, since),
            interrupted=subject.watch,
        )
        return Proof(verdict=judgement.verdict, reasons=judgement.reasons, document=plain(judgement))

    return prove


def _streams(world: World, subject: Subject) -> Callable[[], Sequence[Stream]]:
    return streams_of(world, subject.member.name, subject.revision, _deployment(subject))


def _deployment(subject: Subject) -> str | None:
    """The one whose tasks count; None when the revision tells them from all others."""
    return subject.deployment if subject.anew else None


def _since(world: World, subject: Subject, rule_set: RuleSet) -> datetime:
    """When the tasks began: what they said since then is theirs, also when their deployment was interrupted."""
    created = [
        each.created
        for each in service_tasks(world, subject.member.name, subject.revision, _deployment(subject))
        if each.created and not each.ended
    ]
    earliest = world.clock.now() - timedelta(seconds=rule_set.soak_seconds) - _LONGEST_LOOK_BACK
    return max(min([*created, subject.since]), earliest)


def _baseline(
    world: World, reader: LogReader, subject: Subject, rule_set: RuleSet, until: datetime
) -> Judgement | None:
    """The same rules over the last minutes of the release before; None when there is none before."""
    if subject.before == subject.revision:
        return None
    streams = streams_of(world, subject.member.name, subject.before)()
    if not streams:
        return None
    begin = until - timedelta(seconds=max(rule_set.soak_seconds, 60))
    lines = reader.read(streams, since=milliseconds(begin), until=milliseconds(until))
    return judge((each.text for each in lines), rule_set, replay=True) if lines else None
