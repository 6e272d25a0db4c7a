"""What a deployment would register and change: pure arithmetic on task definitions."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contract.names import CONTAINER
from ops.core.release import Image
from ops.core.seen import TaskDefinition

REGISTERABLE = (
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
)
"""Fields of a described task definition that may be registered again; the others are ECS's own."""

NAMED = ("name", "containerPath", "sourceVolume", "containerPort")
"""Keys that tell the items of a list apart, so that a changed order is no change."""


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One thing that will be different. None on one side means that it is not there."""

    subject: str
    """The service or schedule it is of."""
    path: str
    before: str | None
    after: str | None


def registerable(described: Mapping[str, Any]) -> dict[str, Any]:
    """What of a described task definition may be registered again, without what says nothing."""
    return {name: described[name] for name in REGISTERABLE if _says(described.get(name))}


def with_image(template: TaskDefinition, image: Image) -> dict[str, Any]:
    """The template with the image in its place, by digest."""
    return with_image_named(template, image.reference)


def with_image_named(template: TaskDefinition, reference: str) -> dict[str, Any]:
    """The template with an image in its place, as a task definition names it."""
    containers = [
        {**each, "image": reference} if each.get("name") == CONTAINER else each
        for each in template.document["containerDefinitions"]
    ]
    return {**template.document, "containerDefinitions": containers}


def image_of(definition: TaskDefinition) -> str:
    """The image that the definition names for the service's container; empty when it has no such container."""
    containers = definition.document.get("containerDefinitions", ())
    return next((each.get("image", "") for each in containers if each.get("name") == CONTAINER), "")


def images_of(definition: TaskDefinition) -> tuple[str, ...]:
    """The images of all its containers, whatever they are called."""
    return tuple(each.get("image", "") for each in definition.document.get("containerDefinitions", ()))


def digest_of(definition: TaskDefinition) -> str:
    """The digest by which the definition names its image; empty when it names a tag."""
    return image_of(definition).partition("@")[2]


def secrets_of(definition: TaskDefinition) -> tuple[str, ...]:
    """Where its containers get their secrets from: ARNs, without the key inside the secret."""
    containers = definition.document.get("containerDefinitions", ())
    froms = [each["valueFrom"] for container in containers for each in container.get("secrets", ())]
    return tuple(dict.fromkeys(_without_key(each) for each in froms))


def _without_key(value_from: str) -> str:
    """An ARN of a secret has seven words; a JSON key, a stage and a version may follow."""
    words = value_from.split(":")
    return ":".join(words[:7]) if "secretsmanager" in words else value_from


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two documents would run the same task."""
    return dict(_flat(one)) == dict(_flat(other))


def changes(subject: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Every difference between two documents, by path. Values of secrets are never in them, only their ARNs."""
    old, new = dict(_flat(before or {})), dict(_flat(after))
    paths = [path for path in {**old, **new} if old.get(path) != new.get(path)]
    return tuple(sorted(Change(subject, path, old.get(path), new.get(path)) for path in paths))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The document as pairs of path and text, without what says nothing."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for position, each in enumerate(value):
            yield from _flat(each, f"{path}[{_name(each, position)}]")
    elif _says(value):
        yield path, value if isinstance(value, str) else json.dumps(value)


def _name(item: Any, position: int) -> str:
    """What tells a list's item from the others: its name where it has one, else its place."""
    if isinstance(item, Mapping):
        return next((str(item[key]) for key in NAMED if key in item), str(position))
    return str(position)


def _says(value: Any) -> bool:
    """Whether the value means more than its absence. ECS fills in empty lists and zeros."""
    return value not in (None, "", [], {}, (), 0, False)
