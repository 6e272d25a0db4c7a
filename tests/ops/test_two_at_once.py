"""Two deployments at once, with the real control table: the second is told who holds the lock, and changes nothing."""

import pytest

from ops.errors import Exit
from ops.shell.locking import LockedError
from tests.ops.endpoint_site import SERVICE, Site

pytestmark = pytest.mark.world


def test_who_comes_second_is_locked_out_and_told_by_whom(site: Site) -> None:
    refused: list[LockedError] = []

    def second() -> None:
        with pytest.raises(LockedError, match="to deploy, until ") as caught:
            site.deploy(site.image("two"))
        refused.append(caught.value)

    ended = site.deploy(site.image("one"), {f"settle {SERVICE}": second})

    says = site.status()
    assert (ended.exit, [each.exit_code for each in refused]) == (Exit.DONE, [Exit.LOCKED])
    assert (says.release and says.release.tag, says.lock, says.findings) == ("one", None, ())
