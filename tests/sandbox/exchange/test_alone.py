"""The exchange stands on its own: no other room, and no price code but its own."""

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOM = Path(__file__).parents[3] / "sandbox" / "exchange"


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return modules | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_nothing_of_another_room_is_imported() -> None:
    rooms = ("contract", "dispatcher", "infra", "ops", "sandbox")
    strangers = {
        name
        for path in ROOM.rglob("*.py")
        for name in imported(path)
        if name.split(".")[0] in rooms and not name.startswith("sandbox.exchange")
    }

    assert strangers == set()


def test_its_own_extra_installs_all_it_imports() -> None:
    project = tomllib.loads((ROOM.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    extra = {
        re.split(r"[>=]", line)[0].replace("-", "_") for line in project["project"]["optional-dependencies"]["exchange"]
    }
    brought_along = {"multidict": "aiohttp", "py_lets_be_rational": "vollib"}
    needed = {name.split(".")[0] for path in ROOM.rglob("*.py") for name in imported(path)}
    others = {brought_along.get(name, name) for name in needed - sys.stdlib_module_names - {"sandbox"}}

    assert others | {"tzdata"} == extra


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    long = {path.name for path in ROOM.rglob("*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 400}

    assert long == set()
