"""What a record says of the machine names no host, user or place, and no secret."""

from __future__ import annotations

import getpass
import os
import platform
import socket

import pytest

from weft.errors import SecretRefused
from weft.model.stage import Stage, StageEnv
from weft.pipeline import surroundings as module
from weft.pipeline.surroundings import nvidia_driver, packages_digest, python_facts, surroundings, variables


def stage(*names, lockfile=""):
    return Stage("s", "c", env=StageEnv(lockfile=lockfile, vars=names))


def test_only_the_variables_that_are_named():
    environment = {"OMP_NUM_THREADS": "4", "OTHER": "x"}
    assert variables(stage("OMP_NUM_THREADS", "UNSET"), environment) == {"OMP_NUM_THREADS": "4", "UNSET": None}
    assert variables(stage(), environment) == {}


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "aws_secret_access_key", "DB_PASSWORD", "MY_API_KEY", "APIKEY"])
def test_a_variable_that_looks_like_a_secret_is_refused_even_unset(name):
    with pytest.raises(SecretRefused, match=name):
        surroundings(stage(name), {})


@pytest.mark.parametrize(
    "value", ["/home/alice/lib", "a:/usr/lib", "~/x", "C:\\Users\\ada", "\\\\host\\share", "-I/opt"]
)
def test_a_value_that_tells_a_place_is_told_by_its_digest(value):
    found = variables(stage("V"), {"V": value})["V"]
    assert found is not None
    assert (found == value) == (value == "-I/opt")  # an option glued to a path is the one form that is not seen
    assert value == "-I/opt" or found.startswith("sha256:")


def test_the_packages_are_a_digest_unless_a_lock_file_says_more():
    facts = surroundings(stage(), {})
    assert str(facts["packages"]).startswith("sha256:")
    assert facts["platform"] == f"{platform.system().lower()}-{platform.machine()}"
    assert "packages" not in surroundings(stage(lockfile="requirements.lock"), {})
    text = repr(facts)
    for private in (socket.gethostname(), os.path.expanduser("~") + "/", f"/{getpass.getuser()}/"):
        assert private not in text


def test_the_python_is_the_one_on_the_path(tmp_path, monkeypatch):
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\necho \'["2.7.18", ["a==1"]]\'\n', encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    python_facts.cache_clear()
    try:
        assert python_facts() == ("2.7.18", packages_digest({"a==1"}))
        fake.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        python_facts.cache_clear()
        assert python_facts() is None
        monkeypatch.setenv("PATH", str(tmp_path / "empty"))
        python_facts.cache_clear()
        assert python_facts() is None
        assert "python" not in surroundings(stage(), {})
    finally:
        python_facts.cache_clear()


def test_another_interpreter_is_asked_the_same_question(monkeypatch):
    import sys

    own = (platform.python_version(), packages_digest(module._own_packages()))
    assert module._ask(sys.executable) == own


def test_the_digest_does_not_depend_on_the_order():
    assert packages_digest({"a==1", "b==2"}) == packages_digest({"b==2", "a==1"}) != packages_digest({"a==1", "b==3"})


def test_the_driver_is_told_by_its_version(tmp_path):
    told = tmp_path / "version"
    told.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.54.03  Tue Jun  6\nGCC version:\n")
    assert nvidia_driver(str(told)) == "nvidia 535.54.03"
    told.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.90.07  Release\n")
    assert nvidia_driver(str(told)) == "nvidia 550.90.07"
    told.write_text("something else")
    assert nvidia_driver(str(told)) == "nvidia"
    assert nvidia_driver(str(tmp_path / "absent")) == ""
