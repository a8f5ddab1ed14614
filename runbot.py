"""The command line. `python runbot.py --help` tells what it takes; `docs/OPERATING.md` tells the rest."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # As in `typing`, whose import would be a moment in which Ctrl-C is a traceback.
if TYPE_CHECKING:  # Each run imports only what it needs.
    from commands.options import CommandRequest, RunOptions
    from commands.session import Surroundings


def main(argv: list[str]) -> int:
    """Run what was asked for; the exit status: 0 as asked, 1 halted, 2 wrong use, 3 something was not confirmed."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this line must be readable to whoever runs an older one.
        print("error: Python 3.11 or newer is needed", file=sys.stderr)
        return 2
    try:
        return _obey(argv)
    except KeyboardInterrupt:
        _ignore_signals()
        print("interrupted before the bot ran; it sent no order", file=sys.stderr)
        return 0
    finally:
        _let_go_of_readers()


def _ignore_signals() -> None:
    """Whoever interrupts again has what he wants: the program is ending, and with the status of the first time."""
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _let_go_of_readers() -> None:
    """A reader that left early (`| head -1`) must not change the exit status by the flush at the interpreter's end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            import os

            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _obey(argv: list[str]) -> int:
    from commands.held import Held

    with Held():
        from commands.options import CommandRequest, Exchanges, UsageError, parse
        from exchanges.factory import ExchangeFactory

    try:
        options = parse(argv, Exchanges(ExchangeFactory.names()))
        if isinstance(options, CommandRequest):
            return _command(options)
        return _run(options)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _command(request: CommandRequest) -> int:
    from commands.usage import UsageError

    if request.name == "venue":
        from commands.venue import serve_venue

        return serve_venue(request.arguments, sys.stdout, _draw_seed)
    if request.name == "backtest":
        from commands.backtest import backtest

        return backtest(request.arguments, _surroundings())
    if request.name == "report":
        from commands.report import report

        return report(request.arguments, _surroundings())
    if request.name == "optimize":
        from commands.optimize import optimize

        return optimize(request.arguments, _surroundings())
    if request.name == "simulate":
        from commands.simulate import simulate

        return simulate(request.arguments, _surroundings())
    raise UsageError(f"the command {request.name} is not in this version yet; see --help for what is")


def _draw_seed() -> int:
    import secrets

    return secrets.randbelow(1 << 32)


def _run(options: RunOptions) -> int:
    from commands.held import Held

    with Held():
        from commands.session import run

    return run(options, _surroundings())


def _surroundings() -> Surroundings:
    import os
    import time

    from commands.session import Surroundings

    return Surroundings(
        environment=os.environ,
        out=sys.stdout,
        err=sys.stderr,
        wall_ns=time.time_ns,
        wall_s=time.monotonic,
        draw_seed=_draw_seed,
        answer=sys.stdin.readline,
        is_attended=sys.stdin.isatty() and sys.stderr.isatty(),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
