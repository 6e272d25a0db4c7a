"""`migrate`: bring the schema to this image's revision. Expand-only, so older images go on working."""

import sys
from collections.abc import Mapping

from contract.environment import SCHEMA_PARAMETER
from contract.strict import DocumentError
from dispatcher.adapters import migrations, parameter
from dispatcher.ports import ControlUnavailableError, DatabaseAuthenticationError, DatabaseUnavailableError
from dispatcher.shell import settings


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Exit 0 when the schema is at the head and its range is published, else 1 and why. Asking again is harmless."""
    del arguments
    try:
        before, after = migrations.upgrade(*settings.database(environ))
    except (DocumentError, DatabaseUnavailableError, DatabaseAuthenticationError) as error:
        sys.stderr.write(f"migrate: {error}\n")
        return 1
    carried = migrations.carried()
    if after != carried.head:
        sys.stdout.write(f"schema: {after}, of a newer image; this one brings {carried} and leaves it as it is\n")
        return 0
    sys.stdout.write(f"schema: {before or 'empty'} -> {after}; images from {carried.min} on work on it\n")
    try:
        if published := environ.get(SCHEMA_PARAMETER.name):
            parameter.publish(published, str(carried))
    except ControlUnavailableError as error:
        sys.stderr.write(f"migrate: the schema is at {after}, and that could not be published: {error}\n")
        sys.stderr.write("  next: let the task's role write the parameter, then run migrate again\n")
        return 1
    return 0
