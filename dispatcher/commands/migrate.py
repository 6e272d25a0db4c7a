"""`migrate`: bring the schema to this image's revision. Expand-only, so older images go on working."""

import sys
from collections.abc import Mapping

from contract.strict import DocumentError
from dispatcher.adapters import migrations
from dispatcher.ports import DatabaseAuthenticationError, DatabaseUnavailableError
from dispatcher.shell import settings


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Exit 0 when the schema is at the head, else 1 and why."""
    del arguments
    try:
        before, after = migrations.upgrade(*settings.database(environ))
    except (DocumentError, DatabaseUnavailableError, DatabaseAuthenticationError) as error:
        sys.stderr.write(f"migrate: {error}\n")
        return 1
    sys.stdout.write(f"schema: {before or 'empty'} -> {after}\n")
    return 0
