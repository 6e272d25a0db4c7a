"""A deployment in a process of its own, so that it can be killed: `python -m tests.ops.walk_program URL REGION IMAGE`.

Prints each step as it begins. The image is there already; IMAGE is it as JSON.
"""

import json
import signal
import sys
from pathlib import Path

from ops.core.release import Image
from tests.ops.endpoint_site import site_at


def main() -> int:
    # What a shell starts in the background ignores Ctrl-C, and so would what the tests start from there.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    url, region, folder, image = sys.argv[1:]
    return int(site_at(url, region, Path(folder)).deploy(Image(**json.loads(image))).exit)


if __name__ == "__main__":
    sys.exit(main())
