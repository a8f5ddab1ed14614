"""The command line. `python runbot.py --help` tells what it takes; `docs/OPERATING.md` tells the rest."""

from __future__ import annotations

import sys


def main(argv: list[str]) -> int:
    """Run what was asked for; the exit status: 0 as asked, 1 halted, 2 wrong use, 3 something was not confirmed."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this line must be readable to whoever runs an older one.
        print("error: Python 3.11 or newer is needed", file=sys.stderr)
        return 2
    from commands.options import CommandRequest, Exchanges, UsageError, parse
    from exchanges.factory import ExchangeFactory

    try:
        options = parse(argv, Exchanges(ExchangeFactory.names(), ExchangeFactory.announced()))
        if isinstance(options, CommandRequest):
            raise UsageError(f"the command {options.name} is not in this version yet; see --help for what is")
        return _run(options)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _run(options: object) -> int:
    import os
    import secrets
    import time

    from commands.options import RunOptions
    from commands.session import Surroundings, run

    assert isinstance(options, RunOptions)
    around = Surroundings(
        environment=os.environ,
        out=sys.stdout,
        err=sys.stderr,
        wall_ns=time.time_ns,
        wall_s=time.monotonic,
        draw_seed=lambda: secrets.randbelow(1 << 32),
    )
    return run(options, around)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
