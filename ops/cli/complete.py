"""What the shell may complete: names that the inventory declares. Nothing is asked of AWS, and no error is told."""

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from ops.errors import OpsError

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def _names(section: Callable[[Any], Iterable[str]]) -> Complete:
    """Completes with the names of a section of the inventory."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        try:
            # By name: only who presses the key pays for reading the file.
            declared = import_module("ops.files").inventory(ctx.find_root().params.get("config"), folder=Path.cwd())
        except OpsError:
            return []
        return [each for each in section(declared) if each.startswith(incomplete)]

    return complete


environments = _names(lambda declared: declared.environments)
services = _names(lambda declared: declared.services)
accounts = _names(lambda declared: declared.accounts)
schedules = _names(lambda declared: [*declared.schedules, *declared.external_schedules])
rule_sets = _names(lambda declared: declared.verification)
