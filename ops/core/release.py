"""A release: one image and one revision per service, taken forward and back as a whole."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from contract.environment import limits_document
from ops.core.plain import plain

_LIMITS = limits_document("").name
"""What the names of the variables that carry limits begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that was built and pushed. `repository` is host and name, without a tag."""

    repository: str
    tag: str
    digest: str
    """`sha256:…` of the manifest that was pushed."""
    git: str
    """Git revision it was built from."""
    dirty: bool = False
    """Whether the tree had changes that no commit has."""
    schema_head: str | None = None
    """The schema revision it migrates to; None when its label does not say."""

    @property
    def reference(self) -> str:
        """How a task definition names it: by digest, so that a tag that moves changes nothing."""
        return f"{self.repository}@{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one service runs in a release."""

    revision: str
    """ARN of the task-definition revision."""
    digest: str
    """Digest of its image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One image and one revision per service."""

    tag: str
    digest: str
    git: str
    dirty: bool = False
    limits: str = ""
    """Hash of the limits documents that its tasks are given."""
    schema_head: str | None = None
    parts: Mapping[str, Part] = field(default_factory=dict)
    """By service, in the order in which they are deployed."""
    proven_by: str | None = None
    """The deployment whose verdict proved it; None while nothing has."""

    @property
    def revisions(self) -> dict[str, str]:
        """The revision of each service: what makes two releases the same one."""
        return {service: part.revision for service, part in self.parts.items()}

    @property
    def label(self) -> str:
        """The release in a word, for people: the beginning of its commit, or its tag when it names none."""
        return f"{self.git[:12]}{'-dirty' if self.dirty else ''}" if self.git else self.tag

    def document(self) -> dict[str, Any]:
        """The release as JSON has it."""
        document: dict[str, Any] = plain(self)
        return document


def release_of(document: Mapping[str, Any]) -> Release:
    """Read what `Release.document` wrote; keys that a later version added are passed over."""
    known = {name: document[name] for name in Release.__dataclass_fields__ if name in document}
    parts = {
        service: Part(revision=each["revision"], digest=each["digest"]) for service, each in known["parts"].items()
    }
    return Release(**{**known, "parts": parts})


def short(arn: str) -> str:
    """`family:number` of a revision's ARN, or the last word of any other ARN."""
    return arn.rpartition("/")[2]


def family_of(revision: str) -> str:
    """The family of a revision's ARN or name, with or without a number."""
    return short(revision).partition(":")[0]


def short_digest(digest: str) -> str:
    """The digest as people compare it: twelve hex digits."""
    return digest.removeprefix("sha256:")[:12]


def limits_hash(*documents: Mapping[str, Any]) -> str:
    """First 12 hex digits of the SHA-256 over every limits document that the task definitions hand to their tasks."""
    given = sorted(
        {
            (variable["name"], variable.get("value", ""))
            for document in documents
            for container in document.get("containerDefinitions", ())
            for variable in container.get("environment", ())
            if variable["name"].startswith(_LIMITS)
        }
    )
    return sha256(json.dumps(given, separators=(",", ":")).encode()).hexdigest()[:12] if given else ""
