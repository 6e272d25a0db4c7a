"""Which images go on working on which schema."""

import pytest

from contract import schema
from contract.schema import SchemaRange


def test_an_image_works_on_a_schema_that_goes_back_as_far_as_its_own() -> None:
    heads = ("0001", "0002", "0004", "0005")

    assert [head for head in heads if SchemaRange("0002", "0004").admits(head)] == ["0002", "0004", "0005"]


def test_what_is_published_is_read_back() -> None:
    assert str(SchemaRange("0002", "0004")) == "0002..0004"
    assert schema.read("0002..0004") == SchemaRange("0002", "0004")


@pytest.mark.parametrize("text", ["", "0004", "..0004", "0004..0002", "none"])
def test_anything_else_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match="schema"):
        schema.read(text)
