import io
import os
import subprocess
import sys

import pytest

from weft.cli.streams import Output, OutputClosed, paint_for
from weft.errors import EnvironmentFault


def text_to(descriptor):
    return io.TextIOWrapper(io.FileIO(descriptor, "w"), encoding="utf-8", write_through=True)


def test_text_that_the_encoding_cannot_hold_becomes_an_escape():
    raw = io.BytesIO()
    output = Output(io.TextIOWrapper(raw, encoding="ascii"))
    output.line("é")
    output.flush()
    assert raw.getvalue() == b"\\xe9\n"


def test_a_closed_stream_is_no_error():
    output = Output(None)
    output.line("x")
    output.flush()
    assert not output.terminal


def test_bytes_for_a_stream_that_was_closed_from_the_start_are_lost_with_an_error():
    with pytest.raises(EnvironmentFault, match="closed"):
        Output(None).binary()


def test_text_for_a_reader_who_left_vanishes():
    reader, writer = os.pipe()
    os.close(reader)
    with text_to(writer) as stream:
        output = Output(stream)
        output.line("one")
        output.line("two")
        output.flush()
        with pytest.raises(OutputClosed):
            output.binary()


def test_bytes_for_a_reader_who_left_stop_the_work():
    reader, writer = os.pipe()
    with text_to(writer) as stream:
        sink = Output(stream).binary()
        assert sink.writable()
        os.close(reader)
        with pytest.raises(OutputClosed):
            sink.write(b"x")
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)


def test_text_comes_before_bytes():
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        output = Output(stream)
        output.write("first ")
        sink = output.binary()
        sink.write(b"then")
        sink.flush()
    with os.fdopen(reader) as end:
        assert end.read() == "first then"


def test_a_full_disk_is_told_once_and_nothing_is_left_for_the_exit():
    code = (
        "import sys\nfrom weft.cli.streams import standard_output\nout = standard_output()\n"
        "try:\n    out.write('x')\n    out.flush()\nexcept OSError as error:\n    print(error.errno, file=sys.stderr)\n"
    )
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "28\n")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("environment", "colour"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(environment, colour):
    assert paint_for(Output(Terminal()), environment).enabled is colour
    assert paint_for(Output(io.StringIO()), environment).enabled is False
