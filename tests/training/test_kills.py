"""Training that is killed resumes to the same weights; tests/benchmarks/kills.py does it 200 times."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_whatever_moment_a_training_is_killed_at_it_resumes_to_the_same_weights():
    command = [sys.executable, "tests/benchmarks/kills.py", "--count", "4", "--priors", "0", "--json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    found = json.loads(ended.stdout)["autoencoder"]
    assert found["faults"] == [] and found["differing"] == 0 and ended.returncode == 0
    assert found["kills"] == 4 and found["ended"] >= 1 and found["half_written"] >= 1
