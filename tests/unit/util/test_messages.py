"""Values through pipes."""

from __future__ import annotations

import os
import threading

from weft.util.messages import LENGTH, pack_message, receive, send


def test_values_come_as_they_went():
    read, write = os.pipe()
    large = ("x" * 300_000, [1, None, b"\0" * 100_000], {"a": (True, 1.5)})
    sender = threading.Thread(target=lambda: (send(write, "first"), send(write, large), os.close(write)))
    sender.start()
    assert receive(read) == "first"
    assert receive(read) == large
    assert receive(read) is None
    sender.join()
    os.close(read)


def test_what_ends_in_the_middle_is_the_end():
    for cut in (b"\0\0", LENGTH.pack(10) + b"short", pack_message([1])[:-1]):
        read, write = os.pipe()
        os.write(write, cut)
        os.close(write)
        assert receive(read) is None
        os.close(read)
