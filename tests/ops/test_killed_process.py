"""A deployment that is killed (SIGKILL) or loses AWS, with real parts: status is true, and the next walk ends well.

Every call of every walk is visited in `test_interruptions.py`, with a cluster in memory. Here is every step
of a walk, each with a real process, real tasks and a real control table.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict

import pytest

from ops.core.records import Outcome
from ops.core.release import Image
from ops.core.scene import Severity
from ops.core.standing import Condition
from ops.errors import Exit
from tests.ops.endpoint_site import SCHEDULE, SERVICE, Site
from tests.ops.wire import wire

pytestmark = pytest.mark.world

EARLY = {
    "build": "build",
    "register": f"register {SERVICE}",
    "migrate": f"migrate {SERVICE}",
    "settle": f"settle {SERVICE}",
    "check": f"check {SERVICE}",
    "point": f"point {SERVICE}",
}
LATE = {
    "update": f"update {SERVICE}",
    "verify": f"verify {SERVICE}",
    "keep": "keep the image",
    "promote": "promote",
    "schedule": f"schedule {SCHEDULE}",
}
"""Every step, by the name of the release that is broken there; each second one is gone back from, if it got so far."""


def walked(site: Site, url: str, image: Image, step: str, strike: Callable[["subprocess.Popen[str]"], None]) -> int:
    """Deploy in a process of its own, and strike as soon as it says that the step begins; how it ended."""
    words = [url, site.aws.region, str(site.folder), json.dumps(asdict(image))]
    program = [sys.executable, "-m", "tests.ops.walk_program", *words]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as walk:
        assert walk.stdout is not None
        said: list[str] = []
        for line in walk.stdout:
            said.append(line)
            if line.startswith(f"{step} "):
                strike(walk)
                break
        assert any(line.startswith(f"{step} ") for line in said), said
        walk.communicate()
    return walk.returncode


def killed(site: Site, image: Image, step: str) -> None:
    assert walked(site, str(site.aws.endpoint_url), image, step, lambda walk: walk.kill()) == -signal.SIGKILL


def lost(site: Site, image: Image, step: str) -> None:
    """From there on AWS cannot be reached by it, not even to write down that it failed."""
    with wire(str(site.aws.endpoint_url)) as way:
        assert walked(site, way.url, image, step, lambda _: way.cut()) == Exit.NOT_DONE


@pytest.mark.parametrize("steps", [EARLY, LATE], ids=["early", "late"])
def test_after_a_kill_status_is_true_and_the_next_deploy_or_rollback_ends_well(
    site: Site, steps: dict[str, str]
) -> None:
    true_and_well(site, steps, killed)


def test_after_the_endpoint_is_lost_status_is_true_and_the_next_deploy_or_rollback_ends_well(site: Site) -> None:
    true_and_well(site, {"settle": EARLY["settle"], "promote": LATE["promote"]}, lost)


def true_and_well(site: Site, steps: dict[str, str], broken: Callable[[Site, Image, str], None]) -> None:
    """Break a deployment at each step: status tells it, and a deploy and a rollback in turn end well."""
    assert site.deploy(site.image("one")).exit is Exit.DONE
    proven = site.status().services[0].revision
    for turn, (name, step) in enumerate(steps.items()):
        image = site.image(name)
        broken(site, image, step)

        says = site.status()
        (interrupted,) = [each for each in says.findings if each.id == "interrupted"]
        assert f"its process ended during {step}" in interrupted.evidence
        assert says.services[0].condition in {Condition.RUNNING, Condition.ROLLING}
        assert says.last is not None
        assert says.last.open

        back = turn % 2 == 1 and says.services[0].revision != proven
        ended = site.roll_back() if back else site.deploy(image)

        assert ended.exit is Exit.DONE, (name, ended)
        now = site.status()
        assert (now.proven, [each for each in now.findings if each.severity is Severity.ERROR]) == (True, [])
        assert now.release is not None
        assert (now.services[0].revision == proven) is back
        proven = now.services[0].revision


def test_who_is_asked_to_end_closes_the_record_lets_the_lock_go_and_is_not_done(site: Site) -> None:
    assert site.deploy(site.image("one")).exit is Exit.DONE

    def ask(walk: "subprocess.Popen[str]") -> None:
        walk.send_signal(signal.SIGINT)

    ended = walked(site, str(site.aws.endpoint_url), site.image("two"), f"settle {SERVICE}", ask)
    assert ended == Exit.NOT_DONE

    says = site.status()
    assert says.last is not None
    assert (says.last.outcome, says.lock, says.proven) == (Outcome.INTERRUPTED, None, False)
    assert site.roll_back().exit is Exit.DONE
    assert site.status().findings == ()
