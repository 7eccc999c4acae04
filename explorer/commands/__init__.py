"""The command line: `explorer …` and `python -m explorer …` are the same.

With `--json`, standard output is one JSON object and nothing else; progress goes to standard error. Exit codes: 0 done,
2 bad input with one line on standard error, 130 stopped by SIGTERM or Ctrl-C with everything so far kept, 1 a bug.
Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import NoReturn

from explorer.commands import (  # noqa: F401  each registers its commands
    checkpoints,
    compare,
    decode,
    encode,
    groups,
    ids,
    prior_continuous,
    prior_judge,
    prior_sample,
    prior_surprisal,
    prior_train,
    reconstruct,
    relations,
    report,
    results,
    retrieval,
    scores,
    similar,
    simulate,
    train,
)
from explorer.commands.command import OUTPUT, app, tell
from explorer.errors import BadInput, Cancelled, explained, one_line
from explorer.files import place_library_caches, read_json, write_json
from explorer.jobs.turns import wait_for_turn
from explorer.progress import STATUS_VARIABLE


def main() -> NoReturn:
    """Entry of the command line; never returns."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; every error has become a line on standard error."""
    place_library_caches()
    _quieten()
    before = signal.signal(signal.SIGTERM, _terminate)
    if "--json" in arguments:  # whatever a library prints goes to standard error, even from C
        sys.stdout.flush()
        OUTPUT[0] = os.dup(1)
        os.dup2(2, 1)
    try:
        with explained(f"run '{' '.join(arguments[:1])}'"):
            wait_for_turn()
            code = app(arguments, standalone_mode=False, prog_name="explorer") or 0
        _settle("stopped" if code == 130 else "done", "")
    except BadInput as error:
        code = _explain(str(error))
    except (Cancelled, KeyboardInterrupt) as stopped:
        _settle("stopped", str(stopped))
        tell(f"stopped: {stopped or 'by the user'}")
        code = 130
    except Exception as error:
        code = _fail(error)
    finally:
        sys.stdout.flush()
        if OUTPUT[0] != 1:
            os.dup2(OUTPUT[0], 1)
            os.close(OUTPUT[0])
            OUTPUT[0] = 1
        signal.signal(signal.SIGTERM, before)
    return code


def _quieten() -> None:
    """Libraries say nothing of their own before our sentence; `-W` and PYTHONWARNINGS still show what they warn of."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    for library in ("TRANSFORMERS", "DIFFUSERS", "HF_HUB"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())
        logging.getLogger("explorer").addHandler(logging.lastResort)  # ours are of faults of the program


def _terminate(*_: object) -> NoReturn:
    """SIGTERM where nothing needs saving; no `except Exception` of a library can swallow it."""
    raise KeyboardInterrupt("by a signal")


def _explain(message: str) -> int:
    """Bad input: one line on standard error, exit 2."""
    line = one_line(" ".join(message.split()))
    _settle("failed", line)
    tell(f"explorer: {line}")
    return 2


def _fail(error: Exception) -> int:
    """A usage error is bad input too; anything else is a bug and shows where."""
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        return _explain(error.format_message())
    _settle("failed", one_line(f"{type(error).__name__}: {error}"))
    for line in "".join(traceback.format_exception(error)).splitlines():
        tell(line)
    return 1


def _settle(state: str, message: str) -> None:
    """Writes the last state into the status file of a job, if the work itself has not."""
    named = os.environ.get(STATUS_VARIABLE)
    if not named:
        return
    try:
        status = read_json(Path(named))
    except (OSError, ValueError):
        status = {}
    if status.get("state") not in ("done", "stopped", "failed") or state == "failed":
        status |= {"state": state, "message": message or status.get("message", ""), "heartbeat": time.time()}
        with contextlib.suppress(OSError):  # a full disk: the exit code and the log still say what happened
            write_json(Path(named), status)
