"""`python -m tests.storm kills|crowd|nodes|changes`: disasters under load, and what was left of the promises."""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from tests.asterisk.bring import bring as bring_asterisk
from tests.postgres.bring import bring
from tests.postgres.server import Postgres
from tests.storm import changes, storms


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
    changing = verbs.add_parser("changes", help="calls under a real Asterisk, and a changed route every second")
    changing.add_argument("--seconds", type=float, default=60)
    changing.add_argument("--calls", type=int, default=50)
    changing.add_argument("--seed", type=int, default=1)
    changing.add_argument("--every", type=float, default=1, help="seconds from change to change")
    changing.add_argument("--served", action="store_true", help="applied by `routec serve`, not from here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="routec-storm-") as name, contextlib.ExitStack() as stack:
        folder = Path(name) / "project"
        if options.storm == "kills":
            figures = storms.kills(folder, options.times, options.seed)
        elif options.storm == "crowd":
            figures = storms.crowd(folder, options.width, options.rounds)
        elif options.storm == "changes":
            how = {"seed": options.seed, "every": options.every, "served": options.served}
            figures = changes.changes(folder, bring_asterisk(), options.seconds, options.calls, **how)
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
