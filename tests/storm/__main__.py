"""`python -m tests.storm kills|crowd|nodes`: disasters under load, and what was left of the promises."""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from tests.postgres.bring import bring
from tests.postgres.server import Postgres
from tests.storm import storms


def main() -> int:
    """Run one storm and print its figures; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    verbs = parser.add_subparsers(dest="storm", required=True)
    kills = verbs.add_parser("kills", help="kill -9 of serve at random moments, the receiver down, failing and slow")
    kills.add_argument("--times", type=int, default=200)
    kills.add_argument("--seed", type=int, default=1)
    crowd = verbs.add_parser("crowd", help="many conversations at once")
    crowd.add_argument("--width", type=int, default=500)
    crowd.add_argument("--rounds", type=int, default=3)
    nodes = verbs.add_parser("nodes", help="two nodes on one PostgreSQL that is restarted and killed")
    nodes.add_argument("--restarts", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="routec-storm-") as name, contextlib.ExitStack() as stack:
        folder = Path(name) / "project"
        if options.storm == "kills":
            figures = storms.kills(folder, options.times, options.seed)
        elif options.storm == "crowd":
            figures = storms.crowd(folder, options.width, options.rounds)
        else:
            figures = storms.nodes(folder, stack.enter_context(Postgres(bring(), durable=True)), options.restarts)
        try:
            for line in figures:
                print(line, flush=True)
        except AssertionError as error:
            print(f"broken: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
