"""A cancelled run ends with a sentence, not with a traceback, whatever signal it is cancelled by."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coursehub.interruption import INTERRUPTED, SENTENCE

SCRIPTS = Path(__file__).parents[2] / "scripts"
PROGRAM = """
import threading, time
from coursehub import interruption
interruption.expect()
threading.Thread(target=time.sleep, args=(60,)).start()  # somebody who does not answer
try:
    print("ready", flush=True)
    time.sleep(60)
finally:
    print("closed", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_cancelled(tmp_path, number):
    summary = tmp_path / "summary.md"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=SCRIPTS,
        env={**os.environ, "GITHUB_STEP_SUMMARY": str(summary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    output, said = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED
    assert output == "closed\n" and said == SENTENCE + "\n"
    assert summary.read_text().startswith(f"### {SENTENCE}")


def test_a_mistake_of_ours_keeps_its_traceback():
    program = "from coursehub import interruption\ninterruption.expect()\n1 / 0"
    done = subprocess.run([sys.executable, "-c", program], cwd=SCRIPTS, capture_output=True, text=True)
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr
