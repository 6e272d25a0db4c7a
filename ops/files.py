"""The files a command reads: the declared inventory and logs."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from contract.inventory import FILE_NAME, Inventory, load
from contract.strict import DocumentError
from ops.errors import OpsError


def inventory(path: Path | None, *, folder: Path) -> Inventory:
    """The declared inventory: of the given file, else of the nearest `pipeline.toml` in the folder or above it.

    Raises:
        OpsError: there is none, or it cannot be used.
    """
    found = path or _nearest(folder)
    if found is None:
        raise OpsError(
            f"there is no {FILE_NAME} in {folder} or above it",
            next_step=f"run ops inside the repository, or name the file with --config PATH/{FILE_NAME}",
        )
    try:
        return load(found)
    except DocumentError as error:
        raise OpsError(str(error), next_step="correct each line above in that file, and run the same again") from error


def _nearest(folder: Path) -> Path | None:
    candidates = (each / FILE_NAME for each in (folder, *folder.parents))
    return next((each for each in candidates if each.is_file()), None)


def log_lines(handle: Iterable[bytes]) -> Iterator[str]:
    """The lines of a log. Bytes that are no UTF-8 become surrogates, so that they can be told from text."""
    for line in handle:
        yield line.decode("utf-8", errors="surrogateescape")
