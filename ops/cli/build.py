"""`ops build`: the image of a commit, which has imported all of its modules."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import click

from ops.cli.root import Session, Spoken, json_option
from ops.cli.where import where
from ops.errors import Exit, OpsError
from ops.image import engine
from ops.image.assemble import assemble
from ops.image.source import Source, source
from ops.image.store import Built, Store, home

AUTO, ENGINE, LAYERS = "auto", "engine", "layers"


@click.command(cls=Spoken)
@click.option("--allow-dirty", is_flag=True, help="Build changes that no commit has, tagged REVISION-dirty-HASH.")
@click.option(
    "--builder",
    type=click.Choice([AUTO, ENGINE, LAYERS]),
    default=AUTO,
    show_default=True,
    help="A container engine, or layers without one. auto: the engine if it answers and --base is given.",
)
@click.option("--base", metavar="NAME@DIGEST", envvar="OPS_BASE", help="Base image for the engine; or OPS_BASE.")
@click.option("--platform", metavar="OS/ARCH", help="For another platform than the environment's; engine only.")
@click.option("--network", metavar="NAME", help="The engine's network for the build, where its default has no way out.")
@json_option
@click.pass_obj
def build(
    session: Session, *, allow_dirty: bool, builder: str, base: str | None, platform: str | None, network: str | None
) -> Exit:
    """Build the image of HEAD, and have it import all of its modules without network.

    The image is built from a clean export of the commit and tagged by it. It is kept in .ops/ of the main working
    tree, where push and deploy find it.

    \b
    Examples:
      ops build
      ops build --base registry.example/python@sha256:1f0a...

    Exit codes: 0 built, and it holds; 1 not built; 2 wrong usage.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    begun = time.monotonic()
    what = source(Path.cwd(), allow_dirty=allow_dirty)
    store = Store(home(Path.cwd(), os.environ))
    click.echo(f"building {what.tag}", err=True)
    platform = platform or where(session).platform
    built = build_image(what, store, builder=builder, base=base, platform=platform, network=network)
    _tell(session, built, time.monotonic() - begun)
    return Exit.DONE


def build_image(
    what: Source, store: Store, *, builder: str, base: str | None, platform: str | None, network: str | None
) -> Built:
    """Build by the builder that was asked for; `deploy` does it as well when nothing was built yet."""
    if builder == LAYERS or (builder == AUTO and not (base and engine.answers())):
        return assemble(what, store, platform)
    if base is None:
        raise OpsError(
            "a container engine builds on a base image, and none is given",
            next_step="give --base NAME@sha256:DIGEST (an image with Python 3.11 to 3.13), or --builder layers",
        )
    return engine.build(what, store, base=base, platform=platform, network=network)


def _tell(session: Session, built: Built, seconds: float) -> None:
    if session.json:
        click.echo(json.dumps({"image": asdict(built), "seconds": round(seconds, 3)}))
        return
    walls = "without network" if built.network_off else "with the network on: this machine cannot switch it off"
    click.echo(f"built    {built.tag}")
    click.echo(f"digest   {built.digest}")
    click.echo(f"platform {built.platform}, {built.size_bytes / 1e6:.0f} MB in layers, by {built.builder}")
    click.echo(f"checked  every module imports, {walls}")
    click.echo("Next: ops push")
