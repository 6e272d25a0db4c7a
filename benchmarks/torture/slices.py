"""A torture in slices: runs of one seed, played one slice after the other and added up in a file.

The sum is only as good as what was added: each slice begins where the one before ended, so that no run counts twice or
is left out, and the code that was tortured and the code that counted are the same in all of them.
"""

import json
from hashlib import sha256
from pathlib import Path

from benchmarks.torture.report import Tally, document

ROOT = Path(__file__).parents[2]
JUDGED = ("dispatcher", "contract", "sandbox/exchange", "benchmarks/torture")
"""What a torture is a statement about, and who makes it."""


class SliceError(Exception):
    """The slice cannot be added to what the file holds; says why and what to do."""


def resume(file: Path, seed: int) -> Tally:
    """What the file holds, or nothing yet.

    Raises:
        SliceError: it holds another seed's runs, those of other code, or something else.
    """
    if not file.exists():
        return Tally(seed)
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        tally, code = Tally.restored(held), held["code"]
    except (ValueError, KeyError, TypeError) as error:
        raise SliceError(f"{file} is no sum of a torture ({error!r}). Next: name another file") from error
    if tally.seed != seed:
        raise SliceError(f"{file} holds runs of seed {tally.seed}, not {seed}. Next: --seed {tally.seed}")
    if code != fingerprint():
        raise SliceError(f"{file} holds runs of other code: their sum would say nothing. Next: name another file")
    return tally


def save(file: Path, tally: Tally) -> None:
    """Write the sum down, whole or not at all."""
    beside = file.with_suffix(file.suffix + ".new")
    beside.write_text(json.dumps(document(tally) | {"code": fingerprint()}, indent=1) + "\n", encoding="utf-8")
    beside.replace(file)


def fingerprint() -> str:
    """A hash of every source file that the result depends on."""
    sources = sorted(file for place in JUDGED for kind in ("*.py", "*.sql") for file in (ROOT / place).rglob(kind))
    digest = sha256()
    for file in sources:
        digest.update(f"{file.relative_to(ROOT)}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
