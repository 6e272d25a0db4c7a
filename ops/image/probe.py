"""Ask a built image, before it counts as built: does every module import, and which schema does it bring.

An import that is missing only in the image passes every test of the source, and fails at the first order. So the image
is asked, without network, without settings, and without anything that this machine has installed.
"""

import json
import os
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from contract.schema import SchemaRange
from ops.errors import Exit, OpsError
from ops.image.layers import Laid, host_python
from ops.image.oci import LIBRARY, Layer
from ops.image.store import Store
from ops.programs import Ran, attempt

SECONDS = 120
CHECK = ("-m", "dispatcher", "check", "--image", "--json")
"""The program is asked; we import nothing of it."""


@dataclass(frozen=True, slots=True)
class Program:
    """How the image's Python is started here."""

    words: tuple[str, ...]
    environment: Mapping[str, str]
    network_off: bool

    def ask(self, question: Sequence[str], folder: Path) -> Ran:
        """Run the image's Python with these arguments."""
        return attempt([*self.words, *question], folder=folder, environment=self.environment, seconds=SECONDS)


def unpacked(store: Store, code: Layer, workshop: Path) -> Path:
    """The files of a layer of ours, as the image has them below `LIBRARY`."""
    with tarfile.open(store.path(code.blob.digest)) as files:
        files.extractall(workshop, filter="data")
    return workshop / LIBRARY.lstrip("/")


def host_program(code: Path, dependencies: Laid) -> Program:
    """This machine's Python with the image's files and nothing else: no site-packages, no working folder, no user."""
    environment = {
        "PYTHONPATH": os.pathsep.join([str(code), str(dependencies.folder)]),
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.environ.get("PATH", ""),
    }
    walls = no_network()
    return Program((*walls, str(host_python()), "-S"), environment, network_off=bool(walls))


@cache
def no_network() -> tuple[str, ...]:
    """The words before a command that take the network from it; none where this machine does not let us."""
    for words in (("unshare", "--net"), ("unshare", "--net", "--map-root-user")):
        if shutil.which(words[0]) and attempt([*words, "true"]).code == 0:
            return words
    return ()


def ask(program: Program, folder: Path) -> SchemaRange:
    """Have the image import all of its modules; the schema that it brings a database to.

    Raises:
        OpsError: something is missing, or the image cannot even say what.
    """
    ran = program.ask(CHECK, folder)
    told = _told(ran)
    findings = told.get("findings", [])
    if ran.code == 0 and not findings:
        try:
            return SchemaRange(**told["schema"])
        except (KeyError, TypeError, ValueError):
            findings = [{"subject": "schema", "evidence": "its check does not say which one it brings"}]
    words = "; ".join(f"{each['subject']}: {each['evidence']}" for each in findings) or _last_words(ran, folder)
    raise OpsError(
        f"the image does not hold: {words}",
        next_step="pin what is missing (the dispatcher extra in pyproject.toml, then make lock), or fix the name",
        exit_code=Exit.NOT_DONE,
    )


def _told(ran: Ran) -> dict[str, Any]:
    """The object that the check printed; empty when it came to none."""
    try:
        told = json.loads(ran.text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _last_words(ran: Ran, folder: Path) -> str:
    """Why it broke, and where in our own code: from a traceback, with paths as the image has them."""
    lines = [line.strip() for line in (ran.complaint or ran.text).replace(str(folder), "").splitlines()]
    places = [line for line in lines if line.startswith(f'File "{LIBRARY}')]
    return " ".join([*lines[-1:], *(f"({place})" for place in places[-1:])]) or f"its check ended with {ran.code}"
