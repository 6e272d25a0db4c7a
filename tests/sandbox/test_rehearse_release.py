"""What the release's story rests on. The whole of it takes minutes and is a command: `ops rehearse`."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from contract.inventory import read
from sandbox import probes
from sandbox.aftermath import held, reported
from sandbox.cloud import Running
from sandbox.feed import End
from sandbox.ground import faster
from sandbox.recommendations import QUOTES, SCENES, TINY
from sandbox.record import StepFailedError
from sandbox.rehearse import CHECKOUT
from sandbox.releases import untouched
from sandbox.site import DISPATCHER, of_command
from sandbox.source import BROKEN, head
from sandbox.tools import reaching_out
from sandbox.trader import Trader
from sandbox.world import World

PROBES = [fed for scene in (probes.FIRST, probes.BROKEN, probes.RESTORED) for fed in scene.feed]
DECLARED = read((CHECKOUT / "pipeline.toml").read_text(encoding="utf-8"))


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout with the dispatcher's prices, committed."""
    folder = tmp_path / "repository"
    prices = folder / "dispatcher" / "core"
    prices.mkdir(parents=True)
    (prices / "price.py").write_bytes((CHECKOUT / "dispatcher" / "core" / "price.py").read_bytes())
    (folder / ".gitignore").write_text(".sandbox/\n", encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "one")
    return folder


def test_the_patch_takes_the_tick_rule_out_of_the_dispatcher_and_nothing_else(repository: Path) -> None:
    git(repository, "apply", str(BROKEN))

    sent = subprocess.run(
        [sys.executable, "-c", ASKED], cwd=repository, check=True, capture_output=True, text=True
    ).stdout
    assert Decimal(sent) == Decimal("699.7462")
    assert git(repository, "diff", "--name-only").split() == ["dispatcher/core/price.py"]


ASKED = """
from datetime import date
from decimal import Decimal
from dispatcher.core.price import no_less_than
print(no_less_than(Decimal("699.7462"), date(2026, 11, 23)))
"""


def test_a_release_is_of_the_commit_whatever_the_checkout_has_besides(repository: Path) -> None:
    (repository / "work-in-progress.txt").write_text("not committed", encoding="utf-8")

    with World.opened(repository) as world, head(world) as source:
        here = {each.name for each in source.folder.iterdir()}
        changed = source.break_ticks()
        source.mend()
        mended = git(source.folder, "status", "--porcelain")

    assert here == {".git", ".gitignore", "dispatcher"}
    assert (source.changed, source.revision) == (True, git(repository, "rev-parse", "HEAD").strip())
    assert changed.startswith("1 file changed")
    assert mended == ""
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_the_worktree_of_a_run_that_was_killed_is_removed_by_the_next(repository: Path) -> None:
    left = repository / ".sandbox" / "killed" / "source"
    git(repository, "worktree", "add", "--quiet", "--detach", str(left), "HEAD")

    with World.opened(repository) as world, head(world):
        pass

    assert not left.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_the_rehearsal_judges_sooner_and_by_the_same_rules() -> None:
    text = (CHECKOUT / "pipeline.toml").read_text(encoding="utf-8")
    declared, sooner = read(text), read(faster(text))

    assert {each.soak_seconds for each in sooner.verification.values()} == {8}
    for name, rules in declared.verification.items():
        assert [rule for _, rule in sooner.verification[name].rules()] == [rule for _, rule in rules.rules()]
    assert sooner.accounts == declared.accounts


def test_each_verdict_has_a_recommendation_in_a_symbol_of_its_own() -> None:
    meant = {fed.ticker for scene in SCENES for fed in scene.feed if fed.expected.end is not End.REFUSED}

    assert [fed.at(TINY).expected.end for fed in PROBES] == [End.FILLED, End.REJECTED, End.FILLED]
    assert [fed.at("large").expected.end for fed in PROBES] == [End.FILLED] * len(PROBES)
    assert len({fed.ticker for fed in PROBES} - meant) == len(PROBES)
    assert {fed.ticker for fed in PROBES} <= set(QUOTES)


def test_each_verdict_has_a_recommendation_that_fits_the_small_account() -> None:
    limits = DECLARED.accounts[TINY]
    placed = [fed for fed in PROBES if fed.at(TINY).expected.end is End.FILLED]
    costs = [fed.reason["plan"]["entry"] * fed.reason["plan"]["quantity"] for fed in PROBES]

    assert all(fed.reason["plan"]["quantity"] >= 1 for fed in PROBES)
    assert max(costs) <= limits.max_notional_per_order
    assert len(placed) <= limits.max_open_positions


def test_every_dispatcher_is_released_the_small_accounts_first() -> None:
    assert [(name, each.accounts) for name, each in of_command(DECLARED, DISPATCHER)] == [
        ("dispatcher-tiny", ("tiny",)),
        ("dispatcher-large", ("large",)),
    ]


def test_the_books_are_compared_account_by_account_and_a_short_position_is_negative() -> None:
    keepers = [
        Trader(f"positions-{name}", name, number, Silence()) for name, number in (("tiny", "PA2"), ("large", "PA1"))
    ]
    state = {
        "accounts": [
            {"account_number": "PA1", "positions": [{"symbol": "INTC", "qty": "-100"}]},
            {"account_number": "PA2", "positions": []},
        ]
    }
    said = {
        "accounts": [
            {"account": "tiny", "missing": None, "positions": []},
            {"account": "large", "missing": None, "positions": [{"symbol": "INTC", "qty": "-100.0"}]},
        ]
    }

    assert reported(said) == held(state, keepers) == {"tiny": {}, "large": {"INTC": Decimal(-100)}}


def test_an_account_that_is_not_known_holds_nothing_that_could_be_compared() -> None:
    said = {"accounts": [{"account": "tiny", "missing": "its manager is silent", "positions": []}]}

    assert reported(said) == {}


class Silence:
    """A service that says nothing."""

    def wait_for(self, wanted: Callable[[str], bool], *, what: str, seconds: float = 30) -> str:
        raise AssertionError(f"nobody waits {seconds:g} s for {what}, by {wanted}")

    def fresh(self) -> Iterator[str]:
        return iter(())


HERE = Running("large:1", "ecs-svc/1", frozenset({"task-one"}), ("deployment-one",))


def test_a_service_that_nothing_was_done_to_is_told_by_its_task_and_its_deployments() -> None:
    assert untouched("dispatcher-large", HERE, HERE) == (
        "dispatcher-large runs large:1 in the same task, task-one; ECS lists 1 deployment of it, as before"
    )


@pytest.mark.parametrize(
    "after",
    [
        replace(HERE, revision="large:2"),
        replace(HERE, tasks=frozenset({"task-two"})),
        replace(HERE, deployments=("deployment-two", "deployment-one")),
    ],
    ids=["another revision", "another task", "a deployment that was taken back"],
)
def test_whatever_a_release_did_to_another_service_is_found(after: Running) -> None:
    with pytest.raises(StepFailedError, match="dispatcher-large as it was"):
        untouched("dispatcher-large", HERE, after)


def test_a_service_that_runs_nothing_is_no_proof() -> None:
    nothing = replace(HERE, tasks=frozenset())

    with pytest.raises(StepFailedError):
        untouched("dispatcher-large", nothing, nothing)


def test_the_tools_get_certificates_proxies_and_the_engine_from_us_and_no_key_of_anybody() -> None:
    ours = {"SSL_CERT_FILE": "/ca", "https_proxy": "http://p", "PIP_CERT": "/ca", "DOCKER_HOST": "unix:///d"}

    assert reaching_out(ours | {"AWS_SECRET_ACCESS_KEY": "x", "ALPACA_KEY": "x"}) == ours
