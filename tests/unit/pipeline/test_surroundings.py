"""What a record says of the machine names no host, user or place, and no secret."""

from __future__ import annotations

import getpass
import json
import os
import platform
import socket
import sys

import pytest

from weft.errors import SecretRefused
from weft.model.stage import Stage, StageEnv
from weft.pipeline import surroundings as module
from weft.pipeline.surroundings import (
    nvidia_driver,
    packages_digest,
    packages_path,
    packages_text,
    surroundings,
    variables,
)


def stage(*names, lockfile=""):
    return Stage("s", "python t.py", env=StageEnv(lockfile=lockfile, vars=names))


def test_only_the_variables_that_are_named():
    environment = {"OMP_NUM_THREADS": "4", "OTHER": "x"}
    assert variables(stage("OMP_NUM_THREADS", "UNSET"), environment) == {"OMP_NUM_THREADS": "4", "UNSET": None}
    assert variables(stage(), environment) == {}


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "aws_secret_access_key", "DB_PASSWORD", "MY_API_KEY", "APIKEY"])
def test_a_variable_that_looks_like_a_secret_is_refused_even_unset(name):
    with pytest.raises(SecretRefused, match=name):
        surroundings(stage(name), {}, "/")


@pytest.mark.parametrize(
    "value", ["/home/alice/lib", "a:/usr/lib", "~/x", "C:\\Users\\ada", "\\\\host\\share", "-I/opt"]
)
def test_a_value_that_tells_a_place_is_told_by_its_digest(value):
    found = variables(stage("V"), {"V": value})["V"]
    assert found is not None
    assert (found == value) == (value == "-I/opt")  # an option glued to a path is the one form that is not seen
    assert value == "-I/opt" or found.startswith("sha256:")


def test_the_packages_are_listed_unless_a_lock_file_says_more(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.path.join(sys.prefix, "bin"))
    facts, packages = surroundings(stage(), {}, str(tmp_path))
    assert facts["interpreter"] == "python"
    assert facts["python"] == platform.python_version()
    assert facts["packages"] == packages_digest(packages)
    assert f"\npytest=={pytest.__version__}\n".encode() in packages
    assert packages_path(packages) == f"lineage/packages/{str(facts['packages'])[7:23]}.txt"
    assert facts["platform"] == f"{platform.system().lower()}-{platform.machine()}"
    locked = surroundings(stage(lockfile="requirements.lock"), {}, str(tmp_path))
    assert (locked.packages, "packages" in locked.env, "python" in locked.env) == (b"", False, True)
    text = repr((facts, packages))
    for private in (socket.gethostname(), os.path.expanduser("~") + "/", f"/{getpass.getuser()}/"):
        assert private not in text


def fake_python(path, version, packages):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho a warning\necho '{json.dumps([version, packages])}'\n", encoding="utf-8")
    path.chmod(0o755)


def test_the_python_is_the_one_that_the_command_starts(tmp_path):
    fake_python(tmp_path / "sub/.venv/bin/python", "2.7.18", [["A_b", "1"]])
    fake_python(tmp_path / "other/python", "2.7.17", [])
    one = Stage("s", ".venv/bin/python t.py", wdir="sub")
    assert surroundings(one, {}, str(tmp_path)).packages == b"a-b==1\n"
    assert surroundings(one, {}, str(tmp_path)).env["python"] == "2.7.18"
    assert surroundings(one, {}, str(tmp_path)).env["interpreter"] == ".venv/bin/python"
    for cmd in ("make", "./sub/.venv/bin/python a; other/python b", "no/such/python t.py", "nosuch"):
        facts = surroundings(Stage("s", cmd), {}, str(tmp_path)).env
        assert facts["interpreter"] == "unknown"
        assert not {"python", "packages"} & set(facts), "weft's own would be a false word"


def test_another_interpreter_is_asked_the_same_question(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('not from here')")
    own = (platform.python_version(), packages_text(module._own_packages()))
    assert module._ask([sys.executable], str(tmp_path)) == own


def test_the_list_has_no_order_no_place_and_no_credential():
    odd = [("z", "1 @ https://user:pw@host/x"), ("../x", "1"), ("", "1"), ("a", "/home/x")]
    assert packages_text([("B.x", "2+cu12"), ("a", "1"), *odd]) == packages_text([("a", "1"), ("b_x", "2+cu12")])
    assert packages_text([("a", "1"), ("B.x", "2+cu12")]) == b"a==1\nb-x==2+cu12\n"


def test_the_driver_is_told_by_its_version(tmp_path):
    told = tmp_path / "version"
    told.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.54.03  Tue Jun  6\nGCC version:\n")
    assert nvidia_driver(str(told)) == "nvidia 535.54.03"
    told.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.90.07  Release\n")
    assert nvidia_driver(str(told)) == "nvidia 550.90.07"
    told.write_text("something else")
    assert nvidia_driver(str(told)) == "nvidia"
    assert nvidia_driver(str(tmp_path / "absent")) == ""
