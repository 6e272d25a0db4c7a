"""What the clock starts, whose it is, how it should be, and what is wrong with it: from observations alone."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from contract.names import NOT_RELEASED, Names
from contract.workload import ExternalSchedule, Schedule, ScheduleState
from ops.core.release import short
from ops.core.runners import Kinship
from ops.core.scene import Finding, Severity
from ops.core.seen import TaskDefinition, Trigger


class Whose(StrEnum):
    """Who made a schedule, and who says how it should be."""

    OURS = "ours"
    """Our stacks made it; its parameters say how it should be."""
    EXTERNAL = "external"
    """Somebody else made it; `pipeline.toml` says how it should be."""
    STRANGER = "stranger"
    """Nobody declared it, and it starts tasks of our services or in our cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A schedule or rule that concerns us."""

    name: str
    group: str
    whose: Whose
    should: ScheduleState | None
    """The state it should be in; None when nobody says."""
    trigger: Trigger | None
    """What AWS has; None when it is declared and not there."""
    revision_there: bool | None = None
    """Whether the revision it starts is active; None when it starts nothing, or no task."""
    shared: tuple[str, ...] = ()
    """What the revision shares with our services, in words."""

    @property
    def state(self) -> ScheduleState | None:
        """The state it is in; None when it is not there."""
        if self.trigger is None:
            return None
        return ScheduleState.ENABLED if self.trigger.enabled else ScheduleState.DISABLED

    @property
    def fires(self) -> bool:
        """Whether it starts anything."""
        return self.state is ScheduleState.ENABLED

    @property
    def held(self) -> bool:
        """Whether it is as it should be. One that is not there starts nothing, which is all that DISABLED asks for."""
        should_fire = self.should is ScheduleState.ENABLED
        return self.should is None or self.fires == should_fire


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What is declared of the clock in an environment, and what its parameters say."""

    names: Names
    kin: Kinship
    """By what others' schedules are told to start the work of our services."""
    own: Mapping[str, Schedule]
    external: Mapping[str, ExternalSchedule]
    parameters: Mapping[str, str]

    def state(self, name: str) -> ScheduleState | None:
        """How one of ours should be: as its parameter says, and not firing before its first release."""
        revision = self.parameters.get(self.names.schedule_revision(name))
        if revision in {None, NOT_RELEASED}:
            return ScheduleState.DISABLED
        said = self.parameters.get(self.names.schedule_state(name))
        return ScheduleState(said) if said in set(ScheduleState) else None


def entries(
    declared: Declared, found: Iterable[Trigger], definitions: Mapping[str, TaskDefinition]
) -> tuple[Entry, ...]:
    """Everything that concerns us: ours, the declared external ones, and whatever else does the work of ours.

    Args:
        declared: what is declared.
        found: every schedule and rule of the account.
        definitions: the revisions that they start, as far as they are there.
    """
    triggers = tuple(found)
    ours = [each for each in triggers if not each.rule and each.group == declared.names.schedule_group]
    own = {each.name: each for each in ours}
    listed = [
        *(_own(declared, name, own.get(name)) for name in declared.own),
        *(external(name, what, triggers) for name, what in declared.external.items()),
    ]
    known = {id(each.trigger) for each in listed}
    others = [
        Entry(name=each.name, group=each.group, whose=Whose.STRANGER, should=None, trigger=each)
        for each in triggers
        if id(each) not in known
    ]
    every = [_started(declared, each, definitions) for each in (*listed, *others)]
    return tuple(each for each in every if each.whose is not Whose.STRANGER or _concerns(declared, each))


def _started(declared: Declared, each: Entry, definitions: Mapping[str, TaskDefinition]) -> Entry:
    """The entry with what is known of the revision it starts."""
    if each.trigger is None or not each.trigger.revision:
        return each
    definition = definitions.get(each.trigger.revision)
    there = definition is not None and definition.active if each.fires else None
    return replace(each, revision_there=there, shared=declared.kin.of(definition, each.trigger.revision))


def external(name: str, what: ExternalSchedule, found: Iterable[Trigger]) -> Entry:
    """A declared schedule of somebody else."""
    trigger = next((each for each in found if (each.name, each.group) == (name, what.group)), None)
    return Entry(name=name, group=what.group, whose=Whose.EXTERNAL, should=what.state, trigger=trigger)


def _own(declared: Declared, name: str, trigger: Trigger | None) -> Entry:
    group = declared.names.schedule_group
    return Entry(name=name, group=group, whose=Whose.OURS, should=declared.state(name), trigger=trigger)


def _concerns(declared: Declared, each: Entry) -> bool:
    trigger = each.trigger
    if trigger is None:
        return False
    in_group = not trigger.rule and trigger.group == declared.names.schedule_group
    in_cluster = short(trigger.cluster) == declared.names.cluster
    return in_group or in_cluster or bool(each.shared)


# ------------------------------------------------------------------------------------------------------------ findings


def audit(found: Iterable[Entry]) -> Iterator[Finding]:
    """Everything that is wrong with what the clock starts."""
    for each in found:
        yield from _presence(each)
        yield from second_starters([each])
        yield from _state(each)
        if each.trigger is not None and each.fires:
            yield from _start(each, each.trigger)
            yield from _care(each, each.trigger)


def _presence(each: Entry) -> Iterator[Finding]:
    if each.trigger is None and each.whose is Whose.OURS:
        evidence = f"the group {each.group} has no such schedule"
        yield _finding("schedule-absent", each, evidence, "cdk deploy the schedules stack")
    if each.trigger is None and each.whose is Whose.EXTERNAL:
        evidence = f"pipeline.toml declares it {each.should}, and the group {each.group} has no such schedule"
        severity = Severity.WARNING if each.held else Severity.ERROR
        fix = f"correct its name or group under [external_schedules.{each.name}], or take it out if it is gone"
        yield _finding("external-absent", each, evidence, fix, severity)


def _state(each: Entry) -> Iterator[Finding]:
    if each.whose is Whose.EXTERNAL and each.trigger is not None and not each.held:
        evidence = f"it is {each.state}, and pipeline.toml declares it {each.should}"
        yield _finding("external-state-differs", each, evidence, "ops schedules sync")


def second_starters(found: Iterable[Entry]) -> Iterator[Finding]:
    """Those that nobody declared, that fire, and that start what our services do."""
    for each in found:
        if each.whose is Whose.STRANGER and each.fires and each.trigger is not None:
            shared = f", which {' and '.join(each.shared)}," if each.shared else ""
            started = f"{short(each.trigger.revision) or 'something'}{shared} {_when(each.trigger)}"
            fix = f"ops schedules disable {each.name}, or declare it under [external_schedules.{each.name}]"
            yield _finding("second-starter", each, f"it starts {started}, and nobody declared it", fix)


def _start(each: Entry, trigger: Trigger) -> Iterator[Finding]:
    if trigger.revision and ":" not in short(trigger.revision):
        evidence = f"it starts whatever revision of {short(trigger.revision)} is newest, proven or not"
        yield _finding("revision-unpinned", each, evidence, _whose_fix(each, "ops status --repair"))
    if each.revision_there is False:
        evidence = f"it starts {short(trigger.revision)}, which is not active: nothing runs, and no task says why"
        yield _finding("revision-inactive", each, evidence, _whose_fix(each, "ops status --repair, or ops deploy"))


def _care(each: Entry, trigger: Trigger) -> Iterator[Finding]:
    if each.whose is Whose.EXTERNAL or not trigger.revision:
        return
    if trigger.retries:
        evidence = f"a start that failed is tried again up to {trigger.retries} times; a late start is a stale one"
        yield _finding("stale-retries", each, evidence, _whose_fix(each, "cdk deploy"), Severity.WARNING)
    if not trigger.dead_letters:
        evidence = "a start that fails is kept nowhere, so nobody hears of it"
        yield _finding("no-dead-letters", each, evidence, _whose_fix(each, "cdk deploy"), Severity.WARNING)


def _when(trigger: Trigger) -> str:
    return f"at {trigger.expression}" if trigger.expression else "when an event comes"


def _whose_fix(each: Entry, ours: str) -> str:
    return ours if each.whose is Whose.OURS else f"ask whoever made {each.group}/{each.name}, or disable it"


def _finding(identity: str, each: Entry, evidence: str, fix: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(id=identity, severity=severity, subject=f"{each.group}/{each.name}", evidence=evidence, fix=fix)
