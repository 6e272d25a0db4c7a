"""`ops plan`: what a deployment would change."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ops.cli.bench import Bench, bench
from ops.cli.root import Session, Spoken, json_option
from ops.cli.spoken import tell
from ops.core.release import Image
from ops.errors import Exit, OpsError
from ops.image.push import image as pushed_image
from ops.image.source import source
from ops.image.store import Store, home
from ops.screens import finding_lines
from ops.shell.observe import look
from ops.shell.planning import drafts, plan_document
from ops.shell.preparing import errors, findings


@click.command(cls=Spoken)
@click.option("--tag", metavar="TAG", help="What was built under this tag; HEAD if not given.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Also write it to a file.")
@json_option
@click.pass_obj
def plan(session: Session, tag: str | None, output: Path | None) -> Exit:
    """Show what `ops deploy` would change: revisions, every changed field, schedules, limits. Changes nothing.

    The image has to be built. `ops deploy FILE` then stops when anything that the plan rests on has changed since.

    \b
    Examples:
      ops build && ops plan
      ops plan -o plan.json && ops deploy plan.json

    Exit codes: 0 told; 1 not done; 2 wrong usage; 7 preflight findings.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    there = bench(session)
    image = _image(there, tag)
    scene = look(there.world, there.members)
    found = findings(there.world, scene, there.members, there.place)
    document = plan_document(image, scene, drafts(there.world, scene, there.members, image), found)
    if output is not None:
        output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    tell(session, document, _screen(document, list(finding_lines(found))))
    return Exit.FINDINGS if errors(found) else Exit.DONE


def _image(there: Bench, tag: str | None) -> Image:
    store = Store(home(Path.cwd(), os.environ))
    wanted = tag or source(Path.cwd(), allow_dirty=True).tag
    built = store.built(wanted)
    if built is None:
        raise OpsError(f"nothing was built under the tag {wanted}", next_step="ops build", exit_code=Exit.NOT_DONE)
    return pushed_image(built, there.images.uri())


def _screen(document: dict[str, Any], found: list[str]) -> Iterator[str]:
    yield f"image  {document['image']['tag']} {document['image']['digest']}"
    for service in document["services"]:
        yield f"{service['service']}: {service['from'] or 'nothing'} -> {service['to']}, from {service['template']}"
        for change in service["changes"]:
            yield f"  {change['path']}: {change['before'] or '-'} -> {change['after'] or '-'}"
    yield f"limits {document['limits'] or 'none'}; schedules that move after the proof: {len(document['schedules'])}"
    yield from found
    yield "Next: ops deploy"
