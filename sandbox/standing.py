"""The world without a story: stood up for whoever wants the tools in it, and stood down again.

`standing.json` beside the runs says what stands, and which process keeps it; gone or untrue, nothing stands.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from sandbox import upstream
from sandbox.ground import Ground, lay
from sandbox.mode import AUTO
from sandbox.parts import PartError
from sandbox.postgres import kept_in
from sandbox.record import Record
from sandbox.stage import stand_up
from sandbox.stream import Stream
from sandbox.tools import node
from sandbox.upstream import NothingFedError
from sandbox.venue import Venue
from sandbox.world import FOLDER, Interrupted, Trace, World

NAME = "standing.json"
_PAUSE = 0.5
_STOP_SECONDS = 90

NOTHING: Mapping[str, Any] = {"up": False}


def keep_standing(world: World, record: Record, *, tasks: str = AUTO, feed: bool = False) -> None:
    """A story without an end: everything stands until somebody asks it to end, or the endpoint does.

    `tasks` is how tasks run: `sandbox.mode` has the words. With `feed` recommendations are written all the while.
    """
    node(world)
    stage = stand_up(world, record)
    ground = lay(world, record, stage, tasks)
    stream = Stream(stage.server.database, stage.venue)
    file = world.checkout / FOLDER / NAME
    file.write_text(json.dumps(_told(world, ground, feed=feed)), encoding="utf-8")
    try:
        while ground.cloud.part.process.poll() is None:
            if feed:
                stream.step()
            time.sleep(_PAUSE)
    except Interrupted:
        record.teller.note("asked to end")
        return
    finally:
        file.unlink(missing_ok=True)
    raise PartError("the endpoint ended by itself", ground.cloud.part.output.tail())


def _told(world: World, ground: Ground, *, feed: bool) -> dict[str, Any]:
    return {
        "up": True,
        "tasks": ground.cloud.mode.name,
        "build": list(ground.cloud.mode.build),
        "feed": feed,
        "endpoint_url": ground.cloud.url,
        "exchange_url": ground.stage.venue.url,
        "database_url": ground.stage.server.database.url,
        "database_folder": str(ground.stage.server.folder),
        "inventory": str(ground.inventory),
        "folder": str(world.folder),
        "environment": ground.cloud.environment,
        "process": asdict(Trace.of("sandbox", os.getpid())),
    }


def status(checkout: Path) -> Mapping[str, Any]:
    """What stands."""
    try:
        found: dict[str, Any] = json.loads((checkout / FOLDER / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return NOTHING
    return found if Trace(**found["process"]).process() is not None else NOTHING


def up(checkout: Path, how: Sequence[str] = ()) -> Mapping[str, Any]:
    """Stand the world up in a process of its own, unless it stands already; its story goes to stderr meanwhile.

    `how` are the words for that process: how tasks run, whether it is fed.
    """
    if (there := status(checkout))["up"]:
        return there
    base = checkout / FOLDER
    base.mkdir(mode=0o700, exist_ok=True)
    with (base / "standing.txt").open("w+", encoding="utf-8") as story:
        command = [sys.executable, "-m", "sandbox", "stand", *how]
        keeper = subprocess.Popen(  # noqa: S603 - our own program, which outlives us
            command, stdin=subprocess.DEVNULL, stdout=story, stderr=story, cwd=checkout, start_new_session=True
        )
        with (base / "standing.txt").open(encoding="utf-8") as said:
            while not (there := status(checkout))["up"] and keeper.poll() is None:
                sys.stderr.write(said.read())
                time.sleep(_PAUSE)
            sys.stderr.write(said.read())
    return there


def feed(checkout: Path) -> Mapping[str, Any]:
    """Write one recommendation into what stands.

    Raises:
        NothingFedError: it was not written.
    """
    there = status(checkout)
    if not there["up"]:
        raise NothingFedError("nothing stands", "ops sandbox up")
    database = kept_in(Path(there["database_folder"]), there["database_url"])
    return {**there, "fed": upstream.feed(database, Venue(there["exchange_url"]))}


def down(checkout: Path) -> bool:
    """Stop what stands; whether it has ended."""
    there = status(checkout)
    keeper = Trace(**there["process"]).process() if there["up"] else None
    if keeper is None:
        return True
    keeper.terminate()
    try:
        keeper.wait(timeout=_STOP_SECONDS)
    except psutil.TimeoutExpired:
        return False
    return True
