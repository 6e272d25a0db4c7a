"""A deployment whose process is killed (SIGKILL), with real parts: what is told is true, and the next walk ends well.

Every call of every walk is visited in `test_interruptions.py`, with a cluster in memory. Here is every step
of a walk, each with a real process, real tasks and a real control table.
"""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from ops.core.release import Image
from ops.core.scene import Severity
from ops.core.standing import Condition
from ops.errors import Exit
from tests.ops.endpoint_site import SCHEDULE, SERVICE, Site

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
"""Every step, by the name of the release that is killed there; each second one is gone back from, if it got so far."""


def killed(site: Site, image: Image, step: str) -> None:
    """Deploy in a process of its own, and kill it as soon as it says that the step begins."""
    words = [str(site.aws.endpoint_url), site.aws.region, str(site.folder), json.dumps(asdict(image))]
    program = [sys.executable, "-m", "tests.ops.walk_program", *words]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as walk:
        assert walk.stdout is not None
        said: list[str] = []
        for line in walk.stdout:
            said.append(line)
            if line.startswith(f"{step} "):
                walk.kill()
                break
        assert any(line.startswith(f"{step} ") for line in said), said
    assert walk.returncode == -9


@pytest.mark.parametrize("steps", [EARLY, LATE], ids=["early", "late"])
def test_after_a_kill_status_is_true_and_the_next_deploy_or_rollback_ends_well(
    site: Site, steps: dict[str, str]
) -> None:
    assert site.deploy(site.image("one")).exit is Exit.DONE
    proven = site.status().services[0].revision
    for turn, (name, step) in enumerate(steps.items()):
        image = site.image(name)
        killed(site, image, step)

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
