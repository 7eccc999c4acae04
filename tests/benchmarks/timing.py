"""What every benchmark here shares: which processor this is, and how a result is printed.

A benchmark measures both sides of a ratio in one run, because a number of seconds says little about another machine.
Other work on the machine disturbs both; the load average is printed, so that a reader can tell.
"""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

FEATURES = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8", "asimd", "bf16", "sve")


def machine() -> dict[str, Any]:
    """Processor, its instruction sets that matter here, cores that may be used, and the load before the benchmark."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    facts = dict(part.split(":", 1) for part in lines if ":" in part)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    flags = facts.get("flags", facts.get("Features", "")).split()
    return {
        "processor": facts.get("model name", platform.processor() or platform.machine()),
        "instruction_sets": [name for name in FEATURES if name in flags],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def report(result: dict[str, Any], lines: list[str], as_json: bool) -> None:
    """Prints one JSON object, or lines for people below one about the machine."""
    if as_json:
        print(json.dumps(result, indent=2))
        return
    here = result["machine"]
    sets = ", ".join(here["instruction_sets"]) or "not known"
    print(f"{here['processor']}, {here['cores']} cores (load {here['load_average']}); instruction sets: {sets}")
    print("\n".join(lines))
