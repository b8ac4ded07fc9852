"""One process answers for many blobs, with an old Git as well."""

from __future__ import annotations

import os
import stat
from dataclasses import replace

import pytest

from weft.errors import GitFailed
from weft.gitio.batch import BlobReader

OLD_GIT = """#!/bin/sh
for word; do test "$word" = --batch-command && exit 129; done
exec "{git}" "$@"
"""


@pytest.fixture(params=["new", "old"])
def repo(request, any_work, tmp_path):
    """A repository asked through this Git, or through one that does not know ``--batch-command``."""
    made = any_work.repo
    if request.param == "new":
        return made
    program = tmp_path / "git"
    program.write_text(OLD_GIT.format(git=made.program))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return replace(made, program=str(program))


def store(work, data):
    return work.git("hash-object", "-w", "--stdin", stdin=data).decode().strip()


def test_bytes_and_sizes(repo, any_work):
    texts = [b"", b"one\n", b"\0\xff\n\n", b"x" * 200_000]
    ids = [store(any_work, text) for text in texts]
    with BlobReader(repo) as reader:
        assert reader.sizes(ids) == {blob: len(text) for blob, text in zip(ids, texts, strict=True)}
        assert reader.read(ids, 1 << 20) == dict(zip(ids, texts, strict=True))
        assert reader.read(ids[:2] * 2, 1 << 20) == {ids[0]: b"", ids[1]: b"one\n"}


def test_many_questions_at_once_and_few_processes(repo, any_work):
    # More questions, and more answers, than two pipes hold: an old Git, which answers at once, must not be asked them all.
    texts = [b"%d " % number * 20 for number in range(4000)]
    pack = b"".join(b"blob\nmark :%d\ndata %d\n%s\n" % (at, len(text), text) for at, text in enumerate(texts, 1))
    any_work.git("fast-import", "--quiet", "--export-marks=marks", stdin=pack)
    with open(os.path.join(any_work.path, "marks")) as file:
        ids = [line.split()[1] for line in file]
    with BlobReader(repo) as reader:
        assert set(reader.read(ids, 1 << 20).values()) == set(texts)
        assert reader.processes == (1 if repo.program == any_work.repo.program else 3)


def test_too_big_and_absent_are_left_out(repo, any_work):
    small, big = store(any_work, b"x" * 10), store(any_work, b"x" * 11)
    absent = "1" * len(small)
    with BlobReader(repo) as reader:
        assert reader.sizes([absent, big]) == {big: 11}
        assert reader.read([small, absent, big], 10) == {small: b"x" * 10}


def test_no_question_starts_no_process(work):
    with BlobReader(work.repo) as reader:
        assert reader.sizes([]) == {}
        assert reader.read([], 1) == {}
        assert reader.processes == 0


def test_a_name_is_no_id(work):
    with BlobReader(work.repo) as reader, pytest.raises(ValueError, match="no full object id"):
        reader.sizes(["HEAD"])


def test_a_git_that_dies_is_an_error(work, tmp_path):
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    with BlobReader(replace(work.repo, program=str(program))) as reader, pytest.raises(GitFailed):
        reader.sizes(["1" * 40])


def test_what_a_commit_has_at_a_path(repo, any_work):
    files = {f"src/{number}/a file {'x' * 200}.py": b"%d" % number for number in range(500)}
    any_work.commit({**files, "empty": b"", "odd\nname": b"1", "gone missing": b""})
    paths = [*files, "empty", "src", "nowhere", "odd\nname", "src/0/", "blob 1", "gone missing"]
    with BlobReader(repo) as reader:
        found = reader.at("HEAD", paths)
        assert list(found) == [*files, "empty", "gone missing"]
        assert found["empty"] == found["gone missing"] == store(any_work, b"")
        assert reader.at("HEAD", []) == {}
        assert reader.processes == (1 if repo.program == any_work.repo.program else 2)
