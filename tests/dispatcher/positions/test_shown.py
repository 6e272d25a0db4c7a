"""`ops positions` beside a live position manager: a real task of the real endpoint, read through its own log stream."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from click.testing import CliRunner, Result

from contract.limits import Exits, OptionExits
from ops.cli.root import ops
from ops.errors import Exit
from tests.dispatcher.endpoint import AWS
from tests.dispatcher.positions.test_service import bought
from tests.dispatcher.services import ROOT
from tests.dispatcher.world import World
from tests.ops.endpoint_site import Site, standing_site

pytestmark = pytest.mark.world

CALL = "AAPL261218C00200000"
PATIENCE_SECONDS = 60.0
MANAGER = """
import os, sys
if sys.argv[1] != "run":
    print('{{"command": "check", "ok": true, "findings": []}}')
    sys.exit(0)
os.environ.update({environ!r})
sys.path[:0] = {path!r}
from dispatcher.__main__ import main
sys.exit(main(["positions"]))
"""
"""What the site's one service runs: the position manager of this repository, over the test's exchange and database."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with standing_site(tmp_path) as made:
        yield made


def shown(config: Path, site: Site) -> dict[str, Any]:
    """The account as `ops --json positions` tells it now."""
    answer = asked(config, site, "--json", "positions")
    assert answer.exit_code == 0, answer.output
    (account,) = json.loads(answer.stdout)["accounts"]
    return dict(account)


def asked(config: Path, site: Site, *words: str) -> Result:
    """What `ops` answers."""
    where = ["--config", str(config), "--endpoint-url", str(site.aws.endpoint_url)]
    return CliRunner().invoke(ops, [*where, *words], env=AWS)


def watched(config: Path, site: Site) -> Generator[str, None, None]:
    """The lines of `ops positions --watch`, until the reader closes it with Ctrl-C; it must end well."""
    # What a shell starts in the background ignores Ctrl-C, and so would what the tests start from there.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-m", "ops", "--config", str(config), "--endpoint-url", str(site.aws.endpoint_url)]
    with subprocess.Popen(
        [*command, "positions", "--watch"], env=os.environ | AWS, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        enough = Timer(PATIENCE_SECONDS, process.kill)
        enough.start()
        try:
            assert process.stdout is not None
            while line := process.stdout.readline():  # and no `yield from`: it would close the pipe before the Ctrl-C
                yield line
        finally:
            enough.cancel()
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_SECONDS) == 0


def test_what_a_person_buys_is_shown_while_it_is_watched_and_a_contract_about_to_leave_holds_a_release_back(
    site: Site, world: World
) -> None:
    world.limits = replace(world.limits, exits=Exits(options=OptionExits(max_hold_minutes=5)))
    site.rules["quick"] = replace(site.rules["quick"], soak_seconds=3)  # three heartbeats of a real loop
    program = MANAGER.format(environ=world.environ(), path=[str(ROOT), *sys.path])
    assert site.deploy(site.image("live", program=program)).exit is Exit.DONE
    config = site.inventory()
    declared = config.read_text("utf-8")
    assert declared.count('command = ["run"]') == 1
    config.write_text(declared.replace('command = ["run"]', 'command = ["positions"]'), encoding="utf-8")
    before = shown(config, site)
    assert (before["missing"], before["positions"], before["total"]["positions"]) == (None, [], 0)

    lines = watched(config, site)
    next(lines)
    bought(world.exchange, 1, CALL)
    bought(world.exchange, 10)
    row = next(line for line in lines if "AAPL" in line and "stop 10 at" in line)
    lines.close()

    assert "its stop or its target at the broker" in row
    position, contract = shown(config, site)["positions"]
    assert (position["symbol"], position["qty"], position["unprotected_seconds"]) == ("AAPL", "10", None)
    assert (contract["symbol"], contract["exit_rule"]) == (CALL, "max_hold")
    refused = asked(config, site, "deploy")
    assert refused.exit_code == Exit.NOT_DONE
    assert f"{CALL} (max_hold); nothing was changed" in refused.output
    assert "ops deploy --now" in refused.output
