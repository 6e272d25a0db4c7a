"""What follows a proof: the pointers say it, the image is kept for good, the schedules follow."""

import json
from dataclasses import replace

from contract.names import TagKey, verified_tag
from contract.workload import ScheduleState
from ops.core.release import Release, short
from ops.core.ruling import Verdict
from ops.core.seen import Trigger
from ops.shell.journal import Journal
from ops.world import World


def promote(journal: Journal, release: Release, schedules: dict[str, str], *, proven_by: str) -> None:
    """Make the release the proven one. Each part may be done twice, so an interrupted promotion is just done again.

    Args:
        journal: of the walk.
        release: what was proven.
        schedules: the revision that each of ours is to start.
        proven_by: the deployment whose verdict proved it.
    """
    proven = replace(release, proven_by=proven_by)
    journal.begin("keep the image", verified_tag(release.tag))
    journal.world.images.tag(release.digest, verified_tag(release.tag))
    journal.begin("promote", release.label)
    journal.point(journal.world.names.release, json.dumps(proven.document(), separators=(",", ":")))
    move_schedules(journal, schedules)
    tag_revisions(journal, release, Verdict.PASS)


def move_schedules(journal: Journal, wanted: dict[str, str]) -> None:
    """Let our schedules start these revisions: the schedule first, then the parameter that the next stack reads."""
    world = journal.world
    there = {each.name: each for each in world.schedules.all()}
    states = world.parameters.read(tuple(world.names.schedule_state(name) for name in wanted))
    for name, revision in wanted.items():
        journal.begin(f"schedule {name}", f"to {short(revision)}")
        # Until something was released the stack keeps it from firing, whatever its parameter says.
        enabled = states.get(world.names.schedule_state(name)) == ScheduleState.ENABLED
        if _moves(there.get(name), revision, enabled=enabled):
            world.schedules.point(name, revision, enabled=enabled)
        journal.point(world.names.schedule_revision(name), revision)


def _moves(trigger: Trigger | None, revision: str, *, enabled: bool) -> bool:
    """A schedule that the stack has not made yet is made with what its parameters say."""
    return trigger is not None and (trigger.revision, trigger.enabled) != (revision, enabled)


def tag_revisions(journal: Journal, release: Release, verdict: Verdict) -> None:
    """The readable copy of the verdict, on the revisions themselves."""
    for part in release.parts.values():
        journal.world.ecs.tag(part.revision, {TagKey.VERDICT: verdict, TagKey.DEPLOYMENT: journal.record.id})


def world_schedules(world: World, wanted: dict[str, str]) -> dict[str, str]:
    """Those of the wanted schedules that do not start what they should."""
    there = {each.name: each.revision for each in world.schedules.all()}
    return {name: revision for name, revision in wanted.items() if there.get(name) != revision}
