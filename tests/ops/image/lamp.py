"""A small repository with the shape of ours and no dependencies."""

import os
import subprocess
from pathlib import Path
from textwrap import dedent

MAIN = """
import json, sys
from importlib import import_module
from pkgutil import walk_packages

import dispatcher

found = []
if sys.argv[1:] == ["check", "--image", "--json"]:
    for each in walk_packages(dispatcher.__path__, "dispatcher."):
        try:
            if each.name != "dispatcher.__main__":
                import_module(each.name)
        except ImportError as error:
            found.append({"subject": each.name, "evidence": str(error)})
    print(json.dumps({"ok": not found, "findings": found, "schema": {"min": "0004", "head": "0007"}}))
sys.exit(bool(found))
"""
FILES = {
    "contract/__init__.py": "",
    "dispatcher/__init__.py": "",
    "dispatcher/__main__.py": MAIN,
    "dispatcher/Dockerfile": "FROM scratch\n",
    "dispatcher/price.py": "TICK = 1\n",
    "dispatcher/adapters/__init__.py": "",
    "dispatcher/adapters/migrations/__init__.py": "",
    "requirements/dispatcher.lock": "# nothing is needed\n",
    ".gitignore": "*.ignored\n",
    "README.md": "a lamp\n",
}


class Lamp:
    """A git repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")
        for name, text in FILES.items():
            self.write(name, text)
        self.commit("2026-11-20T15:00:00+00:00")

    def git(self, *words: str, **environment: str) -> str:
        who = {
            f"GIT_{role}_{what}": "lamp@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        ran = subprocess.run(
            ["git", "-C", str(self.folder), *words],  # noqa: S607 - as ops finds it
            env={**os.environ, **who, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")

    def commit(self, at: str = "2026-11-20T16:00:00+00:00") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a change", GIT_AUTHOR_DATE=at, GIT_COMMITTER_DATE=at)
        return self.git("rev-parse", "HEAD")
