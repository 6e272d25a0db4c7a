"""The files a command reads: the declared inventory and logs."""

from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

from contract.inventory import FILE_NAME, Inventory, load
from contract.strict import DocumentError
from ops.errors import OpsError


def inventory(path: Path | None, *, folder: Path) -> Inventory:
    """The declared inventory: of the given file, else of the nearest `pipeline.toml` in the folder or above it.

    Raises:
        OpsError: there is none, or it cannot be used.
    """
    found = path or nearest(folder)
    if found is None:
        raise OpsError(
            f"there is no {FILE_NAME} in {folder} or above it",
            next_step=f"ops init writes one here; or name the one that is meant with --config PATH/{FILE_NAME}",
        )
    try:
        return load(found)
    except DocumentError as error:
        raise OpsError(str(error), next_step="correct each line above in that file, and run the same again") from error


def nearest(folder: Path) -> Path | None:
    """The nearest `pipeline.toml`, in the folder or above it; None when there is none."""
    candidates = (each / FILE_NAME for each in (folder, *folder.parents))
    return next((each for each in candidates if each.is_file()), None)


def begin_inventory(folder: Path) -> Path:
    """Write a commented inventory to begin with: this project's own. Where it is."""
    file = folder / FILE_NAME
    file.write_text(files("ops").joinpath("starter.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return file


def log_lines(handle: Iterable[bytes]) -> Iterator[str]:
    """The lines of a log. Bytes that are no UTF-8 become surrogates, so that they can be told from text."""
    for line in handle:
        yield line.decode("utf-8", errors="surrogateescape")
