"""`check`: what must hold before trading, asked once. `check --image` needs neither network nor settings."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType

import contract
import dispatcher
from contract.schema import SchemaRange
from contract.strict import DocumentError
from dispatcher.adapters import migrations
from dispatcher.commands import trading
from dispatcher.ports import BrokerUnavailableError, DatabaseAuthenticationError, DatabaseUnavailableError
from dispatcher.shell import settings as reading
from dispatcher.shell.check import Finding

SCRIPTS = {"dispatcher.__main__", "dispatcher.adapters.migrations.env"}
"""Run, not imported: the entry point, and what alembic runs inside a migration."""


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Exit 0 without findings, 1 with, 2 on wrong usage."""
    unknown = set(arguments) - {"--image", "--json"}
    if unknown:
        sys.stderr.write(f"check: unknown {', '.join(sorted(unknown))}; known are --image and --json\n")
        return 2
    found, schema = _image() if "--image" in arguments else (_service(environ), None)
    write = _as_json if "--json" in arguments else _as_text
    sys.stdout.write(write(found, schema))
    return 1 if found else 0


def _image() -> tuple[list[Finding], SchemaRange | None]:
    """Import every module there is, so that one missing only in the image cannot wait for an order."""
    found = []
    for name in _modules(contract) + _modules(dispatcher):
        try:
            import_module(name)
        except ImportError as error:
            found.append(Finding("import", name, str(error), "install what is missing, or fix the name"))
    try:
        return found, migrations.carried()
    except ValueError as error:
        return [*found, Finding("schema", "revisions", str(error), "package dispatcher/adapters/migrations")], None


def _modules(package: ModuleType) -> list[str]:
    names = [each.name for each in walk_packages(package.__path__, f"{package.__name__}.", onerror=lambda _: None)]
    return [name for name in names if name not in SCRIPTS]


def _service(environ: Mapping[str, str]) -> list[Finding]:
    try:
        return trading.findings(reading.read(environ))
    except DocumentError as error:
        fix = "set it in the task definition; see docs/reference/environment.md"
        return [Finding("settings", problem.path, problem.message, fix) for problem in error.problems]
    except (DatabaseUnavailableError, DatabaseAuthenticationError) as error:
        return [Finding("database", "connection", str(error), "check DATABASE_URL, the secret and the security group")]
    except BrokerUnavailableError as error:
        return [Finding("broker", error.what, error.error, "check the account's secret and the broker's status")]


def _as_json(found: list[Finding], schema: SchemaRange | None) -> str:
    """One object. `schema` is there for an image: what `ops` makes its labels from."""
    told = {} if schema is None else {"schema": asdict(schema)}
    return json.dumps({"ok": not found, "findings": [asdict(each) for each in found]} | told) + "\n"


def _as_text(found: list[Finding], schema: SchemaRange | None) -> str:
    if not found:
        return "check: everything holds\n" + ("" if schema is None else f"schema: {schema}\n")
    return "".join(f"{each.check} {each.subject}: {each.evidence}\n  next: {each.fix}\n" for each in found)
