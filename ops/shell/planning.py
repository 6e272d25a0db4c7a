"""What a deployment would change, as a value that the deployment can be held to."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from ops.core.member import Member
from ops.core.plain import plain
from ops.core.release import Image, limits_hash, short
from ops.core.scene import Finding, Scene
from ops.shell.preparing import Draft, draft
from ops.world import World


def drafts(world: World, scene: Scene, members: Sequence[Member], image: Image) -> tuple[Draft, ...]:
    """What each service would run; a service without a template has none."""
    found = [(each, world.ecs.definition(world.names.template_family(each.name))) for each in members]
    return tuple(draft(world, scene, member, template, image) for member, template in found if template is not None)


def plan_document(image: Image, scene: Scene, made: tuple[Draft, ...], found: tuple[Finding, ...]) -> dict[str, Any]:
    """The plan as JSON has it."""
    services = [
        {
            "service": each.member.name,
            "template": short(each.template.arn),
            "from": short(each.running.arn) if each.running else None,
            "to": short(each.reused.arn) if each.reused else "a new revision",
            "changes": plain(each.changes),
        }
        for each in made
    ]
    return {
        "image": plain(image),
        "services": services,
        "limits": limits_hash(*(each.document for each in made)),
        "schedules": sorted(name for each in made for name in each.member.schedules),
        "findings": plain(found),
        "world": fingerprint(scene, made),
    }


def fingerprint(scene: Scene, made: tuple[Draft, ...]) -> dict[str, str]:
    """What the plan rests on: per service what runs, the template, and the document that would run."""
    return {
        each.member.name: _digest(
            [
                seen.revision if (seen := scene.services.get(each.member.name)) is not None else "",
                seen.desired if seen is not None else 0,
                each.template.arn,
                each.document,
            ]
        )
        for each in made
    }


def moved(planned: Mapping[str, Any], scene: Scene, made: tuple[Draft, ...]) -> str | None:
    """What is no longer as it was planned; None when everything is."""
    now, then = fingerprint(scene, made), planned.get("world", {})
    changed = [name for name in {**then, **now} if now.get(name) != then.get(name)]
    if not changed:
        return None
    return (
        f"the world has moved since the plan was made, for {', '.join(changed)}: what runs, the template or the image"
    )


def _digest(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
