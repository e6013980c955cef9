"""`python -m tests.fuzz`: fuzz a server of our own and say what was found; exits 1 when there was anything."""

import argparse
import sys

from tests.fuzz.campaign import Plan, fuzz


def main() -> int:
    """Read the command line, fuzz, print a summary."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3, help="at least this long (default: 3)")
    parser.add_argument("--database-url", default="", help="an empty database; SQLite when left out")
    parser.add_argument("--workers", type=int, default=1, help="requests at a time (default: 1)")
    parser.add_argument("--seed", type=int, help="repeat the run of this seed")
    parser.add_argument("--only", default="", metavar="REGEX", help="operations whose path matches")
    options = parser.parse_args()
    plan = Plan(
        seconds=int(options.minutes * 60),
        database_url=options.database_url,
        workers=options.workers,
        seed=options.seed,
        only=options.only,
    )
    outcome = fuzz(plan, show=True)
    print(outcome.summary())
    return 0 if outcome.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
