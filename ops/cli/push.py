"""`ops push`: the built image into the environment's repository."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import click

from ops.aws.ecr import EcrImages
from ops.cli.root import Session, Spoken, json_option
from ops.cli.where import aws_of, where
from ops.errors import Exit, OpsError
from ops.image.push import push as push_image
from ops.image.push import refuse_without_base
from ops.image.source import source
from ops.image.store import Built, Store, home


@click.command(cls=Spoken)
@click.option("--tag", metavar="TAG", help="What was built under this tag; HEAD if not given.")
@json_option
@click.pass_obj
def push(session: Session, tag: str | None) -> Exit:
    """Push what was built to the repository of the environment, and read its digest back.

    Host, repository and credentials are what the ECR API says. A tag that is there with another digest is an error;
    with the same one there is nothing to do. From here on the image is known by its digest.

    \b
    Example:
      ops build && ops push

    Exit codes: 0 pushed, and the registry has the digest that was built; 1 not pushed; 2 wrong usage.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    there = where(session)
    store = Store(home(Path.cwd(), os.environ))
    built = _built(store, tag or source(Path.cwd(), allow_dirty=True).tag)
    aws = aws_of(session, there)
    if not aws.is_loopback:
        refuse_without_base(built)
    images = EcrImages(aws, there.names.repository)
    click.echo(f"pushing {built.tag}", err=True)
    pushed = push_image(built, store, images.registry())
    told = {"uri": f"{images.uri()}@{built.digest}", "uploaded": list(pushed.uploaded), "new": pushed.new}
    _tell(session, built, told)
    return Exit.DONE


def _built(store: Store, tag: str) -> Built:
    built = store.built(tag)
    if built is None:
        raise OpsError(
            f"nothing was built under the tag {tag}",
            next_step="ops build (with --allow-dirty for changes that no commit has), then ops push",
            exit_code=Exit.NOT_DONE,
        )
    return built


def _tell(session: Session, built: Built, told: dict[str, object]) -> None:
    if session.json:
        click.echo(json.dumps({"image": {**asdict(built), "uri": told["uri"]}, **told}))
        return
    click.echo(f"{'pushed ' if told['new'] else 'already'} {built.tag}")
    click.echo(f"image   {told['uri']}")
    click.echo("Next: ops deploy")
