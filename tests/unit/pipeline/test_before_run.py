"""What is refused before a stage runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.errors import SecretRefused, StageFault
from weft.model.stage import Ignore, Stage
from weft.pipeline.before_run import refuse_before
from weft.pipeline.validate.secrets import secrets

TOKEN = "hf_" + "aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1z3"


def _stage(cmd: str | tuple[str, ...]) -> Stage:
    return Stage("s", cmd, "", (), (), ())


@pytest.mark.parametrize(
    "cmd",
    [
        f"train --api-key {TOKEN}",
        ("train", "--api-key", TOKEN),
        "train --password hunter2",
        f"TOKEN={TOKEN} train",
        "train \\\n  --api-key \\\n  aB3dE5gH7jK9mN1pQ3rS5tU7",
        ("train", "--token", "3f2a9bc01d2e4f5a6b7c8d9e0f1a2b3c4d5e6f70"),
        ("curl", "-H", "Authorization: Bearer aB3dE5gH7jK9mN1pQ3rS5tU7"),
        "curl 'https://x.org/a?X-Amz-Signature=0a0a0a'",
    ],
)
def test_a_secret_in_a_command(cmd: str | tuple[str, ...]) -> None:
    with pytest.raises(SecretRefused) as caught:
        refuse_before(_stage(cmd), {})
    said = caught.value.message + (caught.value.hint or "")
    assert not any(word in said for word in (TOKEN, "hunter2", "0a0a", "aB3d", "3f2a"))


@pytest.mark.parametrize(
    "cmd",
    ["train --lr 0.1", 'train --api-key "$API_KEY"', "train --tokenizer bert-base-uncased-2024-v1", "cat tokens.txt"],
)
def test_what_is_none(cmd: str) -> None:
    refuse_before(_stage(cmd), {"params.yaml": {"train.lr": 0.1, "tokens": 5, "model": "resnet"}})


def test_a_secret_among_the_params_unless_it_is_ignored() -> None:
    params = {"conf/db.yaml": {"db.password": "hunter22", "db.hosts": ["a", "b"]}}
    with pytest.raises(SecretRefused, match=r"value of password looks like a secret"):
        refuse_before(_stage("x"), params)
    with pytest.raises(SecretRefused):
        refuse_before(_stage("x"), params, [Ignore("WEFT021", "other.yaml", "why")])
    with pytest.raises(SecretRefused):
        refuse_before(_stage("x"), params, [Ignore("WEFT020", "conf/*", "why")])
    refuse_before(_stage("x"), params, [Ignore("WEFT021", "conf/*", "why")])
    with pytest.raises(SecretRefused):
        refuse_before(_stage("x"), {"p.yaml": {"keys": ["fine", TOKEN]}})


def test_an_id_of_git_in_the_place_of_a_secret_as_in_the_file_that_a_commit_refuses() -> None:
    line = "api_token: 3f2a9bc01d2e4f5a6b7c8d9e0f1a2b3c4d5e6f70"
    assert list(secrets("p.yaml", line, holds_ids=False))
    with pytest.raises(SecretRefused):
        refuse_before(_stage("x"), {"p.yaml": dict([line.split(": ")])})


@pytest.mark.parametrize(
    ("cmd", "wdir"),
    [("cat ../../../../etc/hostname", ""), ("cat ../../etc/hostname", "a"), ("train --in=../home/ada/x", ".")],
)
def test_a_path_over_the_top_of_the_repository(cmd: str, wdir: str) -> None:
    with pytest.raises(StageFault, match=r"outside of the repository"):
        refuse_before(replace(_stage(cmd), wdir=wdir), {})


@pytest.mark.parametrize(
    ("cmd", "wdir"),
    [
        ("cat ../etc/x", "a"),
        ("cat ../../opt/x", "a/b"),
        ("cd a/b && cat ../../etc/x", ""),
        ("cat ../shared/x", ""),
        ("cat a/../../etc", ""),
    ],
)
def test_a_path_that_may_stay_in_it(cmd: str, wdir: str) -> None:
    refuse_before(replace(_stage(cmd), wdir=wdir), {})
