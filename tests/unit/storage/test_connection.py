"""What the connection to an object store does for a whole process."""

from __future__ import annotations

import subprocess
import sys

FAILING = """
import asyncio
from weft.storage.connection import Connection
Connection(lambda: None)
loop = asyncio.new_event_loop()
loop.call_exception_handler({"message": "Task exception was never retrieved", "exception": ValueError("reset")})
loop.close()
"""


def test_what_fails_in_the_background_puts_no_traceback_before_the_user() -> None:
    done = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, check=True)
    assert done.stderr == ""
