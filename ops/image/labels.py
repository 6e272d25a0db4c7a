"""What an image says about itself."""

from contract.names import ImageLabel
from ops.image.source import Source

NO_BASE = "none"
"""An image of layers only: it runs where a Python is brought along, and on no real cluster."""


def labels(source: Source, *, base: str, schema_head: str) -> dict[str, str]:
    """The labels of an image.

    Args:
        source: what it was built from.
        base: the base image as given, with `@sha256:…` when it is pinned; `NO_BASE`.
        schema_head: the schema revision it migrates to; empty when that could not be told.
    """
    digest = base.partition("@")[2]
    said = {
        ImageLabel.REVISION: source.revision,
        ImageLabel.CREATED: source.created.isoformat(),
        ImageLabel.DIRTY: "true" if source.dirty else "false",
        ImageLabel.BASE: base,
        ImageLabel.BASE_DIGEST: digest,
        ImageLabel.SCHEMA_HEAD: schema_head,
    }
    return {str(name): value for name, value in said.items() if value}
