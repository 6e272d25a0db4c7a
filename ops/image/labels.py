"""What an image says about itself."""

from contract.names import ImageLabel
from contract.schema import SchemaRange
from ops.image.source import Source

NO_BASE = "none"
"""An image of layers only: it runs where a Python is brought along, and on no real cluster."""


def labels(source: Source, *, base: str, schema: SchemaRange | None) -> dict[str, str]:
    """The labels of an image.

    Args:
        source: what it was built from.
        base: the base image as given, with `@sha256:…` when it is pinned; `NO_BASE`.
        schema: what it brings a database to; None before it was asked.
    """
    digest = base.partition("@")[2]
    said = {
        ImageLabel.REVISION: source.revision,
        ImageLabel.CREATED: source.created.isoformat(),
        ImageLabel.DIRTY: "true" if source.dirty else "false",
        ImageLabel.BASE: base,
        ImageLabel.BASE_DIGEST: digest,
        ImageLabel.SCHEMA_HEAD: "" if schema is None else schema.head,
        ImageLabel.SCHEMA_MIN: "" if schema is None else schema.min,
    }
    return {str(name): value for name, value in said.items() if value}
