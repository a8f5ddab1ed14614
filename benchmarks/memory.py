"""Resident memory of a running bot: `python -m benchmarks.memory`. Aim: under 80 MB.

Each bot is started as a user starts it and measured from outside: in real time, into a pipe; on a terminal, where the
view is drawn; with a messenger; and at full speed, at the end of some hours and of four times as many, where it should
not have grown: of a bot that soon waits for its closes, and of one (`--boost`) that opens and closes all the time.
Reads /proc, so it runs on Linux only.
"""

from __future__ import annotations

import argparse
import os
import pty
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

RUNBOT = Path(__file__).resolve().parents[1] / "runbot.py"
ASKED = ("--ticker", "BTC", "--quantity", "0.01", "--take-profit", "0.05", "--wait-time", "20")
TRADING = ("--boost", "--balance", "100000000")
CANDLES = "binance_usdm_BTCUSDT_1m.parquet"
AIM_MB = 80
MESSENGER = {
    "TELEGRAM_BOT_TOKEN": "1:benchmark",
    "TELEGRAM_CHAT_ID": "1",
    "TELEGRAM_BASE_URL": "http://127.0.0.1:9",
}


def peak_mb(process_id: int) -> float:
    """The largest resident set so far, in MB (10^6 bytes)."""
    for line in Path("/proc", str(process_id), "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError(f"process {process_id} has no resident memory")


def while_running_mb(seconds: float, environment: Mapping[str, str], *, on_terminal: bool) -> float:
    """The peak of a bot in real time after so many seconds; it is stopped then."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = pty.openpty()
        reader = Thread(target=_drain, args=(ours,), daemon=True)
        reader.start()
        with subprocess.Popen(
            [sys.executable, str(RUNBOT), *ASKED, "--speed", "1"],
            cwd=folder,
            env={**os.environ, "TERM": "xterm-256color", **environment},
            stdout=theirs if on_terminal else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # On a busy machine it may be told to end before it has begun, and says so.
        ) as process:
            os.close(theirs)
            time.sleep(seconds)  # The length of the measurement, not a hope that something has happened.
            peak = peak_mb(process.pid)
            process.terminate()
        reader.join(1)
        os.close(ours)
    return peak


def _drain(terminal: int) -> None:
    """Read what is drawn, so that the bot never waits for its terminal."""
    try:
        while os.read(terminal, 65_536):
            pass
    except OSError:
        return


def at_full_speed_mb(*flags: str) -> float:
    """The peak of a session that runs to its end."""
    with tempfile.TemporaryDirectory() as folder:
        with subprocess.Popen(
            [sys.executable, str(RUNBOT), *ASKED, *flags, "--speed", "max"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
        ) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
    return usage.ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each bot in real time (default 8)")
    parser.add_argument("--hours", type=float, default=12.0, help="virtual hours of the shorter sessions (default 12)")
    parser.add_argument("--days", type=int, default=20, help="days of the recording that are replayed (default 20)")
    options = parser.parse_args()
    seconds, hours = options.seconds, options.hours
    print(f"{while_running_mb(seconds, {}, on_terminal=False):.1f} MB in real time, into a pipe")
    print(f"{while_running_mb(seconds, {}, on_terminal=True):.1f} MB in real time, on a terminal")
    print(f"{while_running_mb(seconds, MESSENGER, on_terminal=True):.1f} MB the same with a messenger")
    for name, flags in {"usual": (), "trading all the time": TRADING}.items():
        short, long = (at_full_speed_mb("--seed", "7", *flags, "--for", f"{hours * times:g}h") for times in (1, 4))
        grown = f"{short:.1f} MB after {hours:g} h at full speed, {long:.1f} MB after {4 * hours:g}"
        print(f"{name}: {grown}: ratio {long / short:.2f}")
    print(f"aim: under {AIM_MB} MB")
    recording = Path(os.environ.get("MARKET_DATA_DIR", RUNBOT.parents[1] / "shared" / "data")) / CANDLES
    if recording.is_file():
        length = ("--for", f"{options.days}d", "--balance", "1000000")
        replayed = at_full_speed_mb("--replay", str(recording.resolve()), *length)
        print(f"{replayed:.1f} MB while {recording.name} is replayed, which takes the library for parquet files")
    else:
        print("no recording is replayed: set MARKET_DATA_DIR to the folder that holds one")


if __name__ == "__main__":
    main()
