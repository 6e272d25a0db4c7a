"""Push a built image, and read back what the registry then has. From here on it is known by its digest."""

import json
from dataclasses import dataclass

from contract.names import ImageLabel
from ops.core.release import Image
from ops.errors import Exit, OpsError
from ops.image.oci import MANIFEST, blobs_of, digest_of
from ops.image.registry import Registry
from ops.image.store import Built, Store, expect_built


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What pushing did."""

    uploaded: tuple[str, ...]
    """Digests of the content that the registry did not have."""
    new: bool
    """False when the tag was there already, with this digest: nothing was done."""


def push(built: Built, store: Store, registry: Registry) -> Pushed:
    """Have the registry hold the image under its tag.

    Raises:
        OpsError: the tag is there with another digest, or what came back is not what was built.
    """
    there = registry.manifest(built.tag)
    if there is not None:
        expect_built(built, digest_of(there), "the registry")
        return Pushed(uploaded=(), new=False)

    content = store.manifest(built.digest)
    missing = [blob for blob in blobs_of(json.loads(content)) if not registry.has(blob)]
    for blob in missing:
        registry.upload(blob, store.path(blob.digest))
    registry.put_manifest(built.tag, content, MANIFEST)
    _read_back(built, registry)
    return Pushed(uploaded=tuple(blob.digest for blob in missing), new=True)


def image(built: Built, repository: str) -> Image:
    """The image as a release names it.

    Args:
        built: what was built, and pushed.
        repository: host and name of the repository, without a tag.
    """
    return Image(
        repository=repository,
        tag=built.tag,
        digest=built.digest,
        git=built.revision,
        dirty=built.dirty,
        schema_head=built.labels.get(ImageLabel.SCHEMA_HEAD),
    )


def refuse_without_base(built: Built) -> None:
    """Refuse to send an image to AWS that could not run there, or whose base nobody could name again.

    Raises:
        OpsError: its base is not pinned by digest, or it has none.
    """
    if ImageLabel.BASE_DIGEST not in built.labels:
        base = built.labels.get(ImageLabel.BASE, "no known base")
        raise OpsError(
            f"the image {built.tag} stands on {base}, which no digest pins",
            next_step="build it with a container engine: ops build --builder engine --base NAME@sha256:DIGEST",
            exit_code=Exit.NOT_DONE,
        )


def _read_back(built: Built, registry: Registry) -> None:
    there = registry.manifest(built.tag)
    expect_built(built, digest_of(there) if there is not None else "nothing", "the registry")
