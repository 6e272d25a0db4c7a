"""An image as OCI has it: layers, a configuration, a manifest. Same content, same bytes, same digest."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from contract.environment import BUILD_REVISION
from contract.names import ENTRY_POINT, IMAGE_USER, SCRATCH

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

HOME = "/app"
LIBRARY = "/app/lib"
"""Where dependencies and our own code lie; the image's PYTHONPATH."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A piece of content and how a manifest names it."""

    media_type: str
    digest: str
    size: int

    def descriptor(self) -> dict[str, Any]:
        """The blob as a manifest names it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: as it is stored, and the digest of what is inside."""

    blob: Blob
    diff_id: str
    """Digest of the uncompressed archive."""


def digest_of(content: bytes) -> str:
    """The name of the content: `sha256:` and 64 hex digits."""
    return f"sha256:{sha256(content).hexdigest()}"


def encoded(document: Mapping[str, Any]) -> bytes:
    """The one way in which a document of ours is written, because its digest is its name."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def configuration(
    layers: Sequence[Layer], labels: Mapping[str, str], *, build: str, created: datetime, platform: str
) -> dict[str, Any]:
    """The configuration of the service image.

    Args:
        layers: lowest first.
        labels: what the image says about itself.
        build: what its log lines say as `build`.
        created: when the commit was made.
        platform: `linux/amd64` or `linux/arm64`.
    """
    system, _, architecture = platform.partition("/")
    return {
        "architecture": architecture,
        "os": system,
        "created": created.isoformat(),
        "config": {
            "User": IMAGE_USER,
            "Env": [f"PYTHONPATH={LIBRARY}", "PYTHONUNBUFFERED=1", f"{BUILD_REVISION.name}={build}"],
            "Entrypoint": list(ENTRY_POINT),
            "WorkingDir": HOME,
            "Volumes": {SCRATCH: {}},
            "Labels": dict(labels),
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
    }


def manifest(config: Blob, layers: Sequence[Blob]) -> dict[str, Any]:
    """The manifest of an image for one platform; there is no index above it."""
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor(),
        "layers": [layer.descriptor() for layer in layers],
    }


def blobs_of(document: Mapping[str, Any]) -> tuple[Blob, ...]:
    """Everything that a manifest names: its layers, lowest first, then its configuration."""
    named = [*document["layers"], document["config"]]
    return tuple(Blob(each["mediaType"], each["digest"], each["size"]) for each in named)
