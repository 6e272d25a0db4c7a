"""Parts of the declared inventory, cut from its own text, for tests that are about less than all of it."""

import re
import tomllib
from pathlib import Path

DECLARED = Path("pipeline.toml").read_text("utf-8")


def serving(*services: str) -> str:
    """The declared inventory with these services only, and with their schedules only."""
    document, text = tomllib.loads(DECLARED), DECLARED
    for name in document["services"].keys() - set(services):
        text = without(f"services.{name}", text)
    for name, schedule in document["schedules"].items():
        if schedule["service"] not in services:
            text = without(f"schedules.{name}", text)
    return text


def without(section: str, text: str = DECLARED) -> str:
    """The inventory without one table."""
    cut, removed = re.subn(rf"^\[{re.escape(section)}\][^\n]*\n(?:(?!\[).*\n)*", "", text, flags=re.MULTILINE)
    assert removed == 1, section
    return cut
