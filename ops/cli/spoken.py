"""Telling a result: one JSON object on stdout with --json, lines for people without."""

import json
from collections.abc import Iterable
from typing import Any

import click

from ops.cli.progress import summarise
from ops.cli.root import Session
from ops.core.plain import plain
from ops.errors import Exit
from ops.screens import ending_screen
from ops.shell.ending import Ending


def tell(session: Session, document: Any, lines: Iterable[str]) -> None:
    """The document as one object, or the lines."""
    if session.json:
        click.echo(json.dumps(plain(document)))
        return
    for line in lines:
        click.echo(line)


def tell_ending(session: Session, verb: str, ended: Ending) -> Exit:
    """How a walk ended, and its exit code."""
    lines = list(ending_screen(ended))
    tell(session, ending_document(ended), lines)
    summarise(f"ops {verb}: {ended.message}", lines)
    return ended.exit


def ending_document(ended: Ending) -> dict[str, Any]:
    """How a walk ended, for programs: the record's own fields, if there is one, and how it was told."""
    record = ended.record.document() if ended.record is not None else {}
    renamed = {{"before": "from"}.get(key, key): value for key, value in record.items()}
    told = {"exit": int(ended.exit), "message": ended.message, "next": ended.next_step}
    return {**renamed, **told, "findings": plain(ended.findings), "restored": ended.restored}
