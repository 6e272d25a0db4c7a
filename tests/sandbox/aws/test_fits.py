"""Every patch fits the pinned version, and refuses any other."""

from importlib.metadata import version
from types import ModuleType
from typing import Any

import pytest

from sandbox.aws import fits
from tests.sandbox.aws.aws_world import World


def _module() -> Any:
    module = ModuleType("upstream")
    module.work = lambda data: data  # type: ignore[attr-defined] # made up for the test
    module.limit = 10  # type: ignore[attr-defined] # made up for the test
    module.table = {"a": 1}  # type: ignore[attr-defined] # made up for the test
    return module


def test_the_pinned_version_is_the_one_the_patches_were_written_for(world: World) -> None:
    # The endpoint of this session is up, so every patch fitted.
    assert version("ministack") == fits.PINNED
    assert world.aws.url


def test_a_patch_is_applied_and_taken_back() -> None:
    module = _module()
    original = module.work

    patches = [
        fits.function(module, "work", lambda _data: "new", takes="(data)", why="lacks"),
        fits.constant(module, "limit", 1, was=10, why="slow"),
        fits.entries(module, "table", {"a": 2}, why="wrong"),
        fits.entries(module, "table", {"b": 3}, why="missing", known=False),
    ]
    assert (module.work(1), module.limit, module.table) == ("new", 1, {"a": 2, "b": 3})
    for patch in reversed(patches):
        patch.take_back()

    assert (module.work, module.limit, module.table) == (original, 10, {"a": 1})


def test_a_name_that_is_gone_is_refused() -> None:
    with pytest.raises(fits.PatchDoesNotFitError, match=r"upstream\.nothing"):
        fits.function(_module(), "nothing", print, takes="(data)", why="")


def test_another_signature_is_refused_with_the_next_step() -> None:
    with pytest.raises(fits.PatchDoesNotFitError, match=rf"taking \(data, more\).*ministack=={fits.PINNED}"):
        fits.function(_module(), "work", print, takes="(data, more)", why="")


def test_another_constant_is_refused() -> None:
    with pytest.raises(fits.PatchDoesNotFitError, match="expects 60, found 10"):
        fits.constant(_module(), "limit", 1, was=60, why="")


@pytest.mark.parametrize(("new", "known"), [({"c": 1}, True), ({"a": 1}, False)])
def test_a_table_without_the_entry_or_already_with_it_is_refused(new: dict[str, int], *, known: bool) -> None:
    with pytest.raises(fits.PatchDoesNotFitError, match="table"):
        fits.entries(_module(), "table", new, why="", known=known)
