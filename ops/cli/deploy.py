"""`ops deploy`: build, push, register, roll out, prove; or take back."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from ops.cli import complete
from ops.cli.bench import Bench, bench
from ops.cli.build import AUTO, ENGINE, LAYERS, build_image
from ops.cli.positions import COMMAND, holdings_of
from ops.cli.progress import progress
from ops.cli.root import Session, Spoken, json_option
from ops.cli.spoken import tell_ending
from ops.cli.where import where
from ops.core.held import contracts, leaves_soon
from ops.core.member import Member
from ops.core.release import Image
from ops.core.scene import Scene
from ops.errors import Exit, OpsError
from ops.image.push import image as pushed_image
from ops.image.push import push, refuse_without_base
from ops.image.source import Source, source
from ops.image.store import Built, Store, home
from ops.shell.deploy import Order
from ops.shell.deploy import deploy as walk
from ops.shell.planning import moved
from ops.shell.preparing import Draft
from ops.world import Tell


@click.command(cls=Spoken)
@click.argument("plan", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.services,
    help="Only this service; may be given again.",
)
@click.option("--tag", metavar="TAG", help="What was built under this tag, rather than HEAD.")
@click.option("--allow-dirty", is_flag=True, help="Ship changes that no commit has, tagged REVISION-dirty-HASH.")
@click.option(
    "--builder",
    type=click.Choice([AUTO, ENGINE, LAYERS]),
    default=AUTO,
    show_default=True,
    help="As of build, when the image is not built yet.",
)
@click.option("--base", metavar="NAME@DIGEST", envvar="OPS_BASE", help="Base image for the engine; or OPS_BASE.")
@click.option("--network", metavar="NAME", help="The engine's network for the build.")
@click.option("--now", is_flag=True, help="Also while a position in options is about to be closed.")
@click.option("--lock-wait", type=float, default=0, metavar="SECONDS", help="How long to wait for a held lock.")
@json_option
@click.pass_obj
def deploy(
    session: Session,
    *,
    plan: Path | None,
    services: tuple[str, ...],
    tag: str | None,
    allow_dirty: bool,
    builder: str,
    base: str | None,
    network: str | None,
    now: bool,
    lock_wait: float,
) -> Exit:
    """Ship the image of HEAD and prove it by its own log lines; or take it back.

    Under the environment's lock: preflight, build, push; register (an unchanged revision is used again); migrate and
    check as one-off tasks of the new revision; then service after service, each proven before the next. A release that
    fails leaves its evidence in .ops/evidence/ and is taken back to the last verified one by itself. With PLAN, a file
    that `ops plan -o` wrote, it stops when the world is not the planned one any more.

    Options have no stop at the broker: while their position manager is replaced, nobody watches their prices. So what
    is held of them is told first, and nothing begins within ten minutes of an exit by the clock, but with --now.

    \b
    Examples:
      ops deploy
      ops deploy --service dispatcher-large --lock-wait 300
      ops plan -o plan.json && ops deploy plan.json

    Exit codes: 0 done and proven; 1 not done; 2 wrong usage; 3 taken back; 4 superseded; 5 inconclusive: kept, not
    promoted; 6 locked; 7 preflight findings.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    there = bench(session)
    planned = _planned(plan)
    store = Store(home(Path.cwd(), os.environ))
    order = Order(
        members=there.members,
        only=there.only(services),
        rules=there.rules_hash,
        asked=there.asked(lock_wait),
        evidence=there.evidence,
        place=there.place,
    )

    def build() -> Image:
        built = store.built(tag) if tag else None
        if tag and built is None:
            raise OpsError(f"nothing was built under the tag {tag}", next_step="ops build", exit_code=Exit.NOT_DONE)
        if built is None:
            platform = where(session).platform
            what = source(Path.cwd(), allow_dirty=allow_dirty)
            built = _built(what, store, builder=builder, base=base, platform=platform, network=network)
        return ship_image(there, store, built)

    def guard(scene: Scene, drafts: tuple[Draft, ...]) -> str | None:
        return moved(planned, scene, drafts) if planned is not None else None

    with progress() as step:
        _look_at_options(there, order.chosen, step, now=now)
        ended = walk(there.world, order, build=build, prove=there.prove(), tell=step, guard=guard)
    return tell_ending(session, "deploy", ended)


def _look_at_options(there: Bench, chosen: Iterable[Member], tell: Tell, *, now: bool) -> None:
    """Tell what is held of options by accounts whose position managers are to be replaced."""
    asked = {
        account: each.name
        for each in chosen
        if there.declared.services[each.name].command[:1] == (COMMAND,)
        for account in there.declared.services[each.name].accounts
    }
    held = contracts(holdings_of(there, asked))
    for each in held:
        tell("options", f"{each.account}: {each.qty:f} {each.symbol}, next {each.next_exit}")
    soon = [f"{each.symbol} ({each.exit_rule})" for each in held if leaves_soon(each)]
    if soon and not now:
        raise OpsError(
            f"about to be closed, and without a manager for a moment: {', '.join(soon)}; nothing was changed",
            next_step="ops positions --watch, and deploy when they are gone; or ops deploy --now",
            exit_code=Exit.NOT_DONE,
        )


def _built(
    what: Source, store: Store, *, builder: str, base: str | None, platform: str | None, network: str | None
) -> Built:
    """The image of the source: built before for this platform, or now."""
    built = store.built(what.tag)
    if built is not None and platform in {None, built.platform}:
        return built
    return build_image(what, store, builder=builder, base=base, platform=platform, network=network)


def ship_image(there: Bench, store: Store, built: Built) -> Image:
    """Push the image, if it is not there, and name it as the registry does."""
    if not there.aws.is_loopback:
        refuse_without_base(built)
    images = there.images
    push(built, store, images.registry())
    return pushed_image(built, images.uri())


def _planned(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        planned: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise OpsError(f"{path} is no plan: {error}", next_step=f"ops plan -o {path}") from error
    return planned
