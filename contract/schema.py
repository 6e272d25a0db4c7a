"""Which images go on working on which schema: said by an image, published by who migrates, asked before a rollback."""

from dataclasses import dataclass

SEPARATOR = ".."


@dataclass(frozen=True, slots=True)
class SchemaRange:
    """What an image brings a database to, and how far back another image may be to go on working there.

    Revisions sort as text. Migrations only expand, so `min` stays where it is until one takes something away; only
    the newest image can know that, so it is the database's range that judges an older image, and never its own.
    """

    min: str
    """The oldest `head` of an image that works on this schema."""
    head: str
    """The schema's revision."""

    def __post_init__(self) -> None:
        """Refuse a range that its own image is outside of."""
        if not self.min or self.min > self.head:
            raise ValueError(f"a schema at {self.head!r} cannot need images from {self.min!r} on")

    def admits(self, head: str) -> bool:
        """Whether an image with that head works on this schema. A newer one brings its own first, and does."""
        return head >= self.min

    def __str__(self) -> str:
        """As it is published: `0001..0004`."""
        return f"{self.min}{SEPARATOR}{self.head}"


def read(text: str) -> SchemaRange:
    """Read what was published.

    Raises:
        ValueError: it is no range.
    """
    least, separator, head = text.partition(SEPARATOR)
    if not separator:
        raise ValueError(f"{text!r} is no range of schema revisions, such as 0001{SEPARATOR}0004")
    return SchemaRange(least, head)
