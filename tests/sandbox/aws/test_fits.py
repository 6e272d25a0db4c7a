"""Every patch fits the pinned version, and refuses any other."""

import ast
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
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


def test_every_private_name_that_we_use_is_one_that_ministack_has(world: World) -> None:
    assert world.aws.url, "ministack is imported by the endpoint"
    from sandbox.aws import upstream, upstream_cfn  # noqa: PLC0415 - only now may it be

    rooms = {"sandbox.aws.upstream": upstream, "sandbox.aws.upstream_cfn": upstream_cfn}
    used = {each for file in Path(fits.__file__).parent.glob("*.py") for each in _private_names(file)}

    assert len(used) > 50
    assert [f"{module}.{name}" for door, module, name in used if not hasattr(getattr(rooms[door], module), name)] == []


def _private_names(file: Path) -> Iterator[tuple[str, str, str]]:
    """What a file of ours takes from a module of ministack that is not for others: door, module, name."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    doors = {
        (alias.asname or alias.name): (each.module, alias.name)
        for each in ast.walk(tree)
        if isinstance(each, ast.ImportFrom) and each.module in {"sandbox.aws.upstream", "sandbox.aws.upstream_cfn"}
        for alias in each.names
    }
    for each in ast.walk(tree):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.attr.startswith("_"):
            yield from [(*doors[each.value.id], each.attr)] if each.value.id in doors else []
