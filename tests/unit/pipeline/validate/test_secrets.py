"""What looks like a secret or like one machine, and what only resembles it."""

from __future__ import annotations

import os

import pytest

from weft.pipeline.validate.secrets import machine, secrets
from weft.pipeline.validate.shapes import own_name

HEX40 = "3f2a9bc01d2e4f5a6b7c8d9e0f1a2b3c4d5e6f70"
HEX64 = HEX40 + "0123456789abcdef01234567"

# Put together here, so that no scanner takes this file for a leak.
TOKENS = [
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ASIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2" * 9,
    "glpat-" + "a1B2c3D4e5F6g7H8i9J0",
    "hf_" + "aB" * 17,
    "sk-" + "proj-a1B2c3D4e5F6g7H8i9J0",
    "xoxb-" + "123456789012-abcdef",
    "AIza" + "a" * 35,
    "npm_" + "a" * 36,
    "eyJ" + "hbGciOiJIUzI1NiJ9." + "eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N",
    "-----BEGIN RSA " + "PRIVATE KEY-----",
    "https://b.s3.amazonaws.com/k?X-Amz-" + "Signature=0f",
    "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc",
    "rk_" + "test_4eC39HqLyjWDarjtT1zdp7dc",
    "dapi" + HEX40[:32],
    "dop_" + "v1_" + HEX64,
]
AWS = "wJalrXUtnFEMI/" + "K7MDENG/bPxRfiCYzEXAMPLEKE"
AZURE = "Eby8vdM02xNOcqFlqUwJPLlm" + "EtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def lines_of(text: str, *, holds_ids: bool = False) -> list[int]:
    found = list(secrets("params.yaml", text, holds_ids=holds_ids))
    assert all(one.rule == "WEFT021" and one.severity == "error" for one in found)
    return [one.line for one in found]


@pytest.mark.parametrize("token", TOKENS, ids=[token[:8] for token in TOKENS])
def test_tokens_of_known_shapes(token: str) -> None:
    found = list(secrets("params.yaml", f"a: 1\nb: {token}\nc: 2\n", holds_ids=False))
    assert [one.line for one in found] == [2]
    assert token not in found[0].message + found[0].mend, "the value is not told again"


@pytest.mark.parametrize(
    "line",
    [
        "api_key: " + "q7Zx0Lm2Rt9Kp4Vb",
        '{"wandb_api_key": "' + HEX40 + '"}',
        "client-secret = '" + "q7Zx0Lm2Rt9Kp4Vb8N" + "'",
        "cmd: train --access-key " + "q7Zx0Lm2Rt9Kp4Vb8N",
        "cmd: train --api-key " + "xK7Zx0Lm2Rt9Kp4Vb8N",
        "cmd: train --token=" + "q7Zx0Lm2Rt9Kp4Vb8N",
        "cmd: mysql --password hunter2",
        "cmd: curl -H 'Authorization: " + "q7Zx0Lm2Rt9Kp4Vb8N'",
        "cmd: curl -H 'Authorization: Bearer " + "q7Zx0Lm2Rt9Kp4Vb8N' x.org",
        "cmd: curl -H 'authorization: basic " + "YWxhZGRpbjpvcGVuc2VzYW1lMTIz'",
        "cmd: curl --oauth2-bearer " + "3f2a9bc01d2e4f5a6b7c8d9e",
        f"cmd: export AWS_SECRET_ACCESS_KEY={AWS}; echo 1 > o.txt",
        f"cmd: train --secret-key {AWS}",
        f'cmd: export "AWS_SECRET_ACCESS_KEY={AWS}" && train',
        f"cmd: export AZURE_STORAGE_KEY={AZURE}; train",
        f"cmd: export WANDB_API_KEY={HEX40}; train",
        f"cmd: WANDB_API_KEY={HEX40}|train",
        "cmd: (TOKEN=" + "8d7f6a5b4c3d2e1fA)",
        "cmd: (TOKEN=" + "8d7f6a5b4c3d2e1fA; train)",
        "cmd: curl https://x.org/?token=" + "8d7f6a5b4c3d2e1fA&x=1",
        "cmd: echo `API_KEY=" + "8d7f6a5b4c3d2e1fA`",
        "cmd: curl -u admin:" + "hunter2secretXY9 x.org",
        "cmd: curl --user=admin:" + "hunter2secretXY9 x.org",
        "cmd: curl -s -uadmin:" + "hunter2secretXY9 x.org",
        "cmd: train --pass hunter2",
        "cmd: DB_PASS=hunter2 train",
        "cmd: DB_PASS=hunter2",
        "cmd: PGPASSWORD=secretly psql",
        'cmd: curl -d "{\\"password\\":\\"hunter2\\"}" x.org',
        'cmd: "curl -d \\"{\\\\"token\\\\": \\\\"' + "8d7f6a5b4c3d2e1fA" + '\\\\"}\\""',
        "cmd: curl -H 'Authorization: Token " + "8d7f6a5b4c3d2e1fA' x.org",
        "cmd: train ${API_KEY:-" + "8d7f6a5b4c3d2e1fA}",
        "pwd: hunter2",
        "cmd: sqlcmd 'Uid=sa;Pwd=hunter2'",
        "password: hunter2",
        "db.password = s3cr3t!",
    ],
)
def test_values_under_telling_names(line: str) -> None:
    assert lines_of(line) == [1]


@pytest.mark.parametrize(
    "line",
    [
        "max_tokens: 4096",
        "tokenizer: bert-base-uncased-finetuned-2",
        "pad_token: <pad>",
        "eos_token_id: 50256",
        "tokenizer_revision: " + HEX40,
        "password: ${DB_PASSWORD}",
        "password: null",
        "api_key: ***",
        "secret: env:MY_SECRET",
        "key: " + HEX40,
        "token_embedding: wide-and-deep-embedding",
        "credential_type: service-account-json-file",
        "cmd: login --password-file secrets/password.txt",
        "cmd: login --token-file conf/token-2024-prod-eu.txt",
        "cmd: fetch --api-key-env MY_SERVICE_API_KEY_2",
        "cmd: curl -H 'Authorization: Bearer $API_TOKEN' x.org",
        "cmd: curl -H 'Authorization: Bearer ${TOKEN_OF_SERVICE_2}'",
        "cmd: train --standard-bearer resnet50-imagenet-v2",
        "cmd: python count.py --tokens 100000000000000001",
        "cmd: login --password --user alice",
        "cmd: docker run -v $PWD:/work img",
        'cmd: docker run -v "$PWD":/work img',
        "cmd: docker run -v ${PWD}:/work img",
        "cmd: docker run -v $(pwd):/work img",
        "cmd: docker run -u 1000:1000 curlimages/curl x.org",
        "cmd: pwd=out1; train $pwd",
        "cmd: echo pwd: here",
        'cmd: python -c "password = getpass()"',
        "cmd: python -c 'password = getpass.getpass(1)'",
        "cmd: node -e 'password = process.env.PASSWORD'",
        "cmd: train ${PASSWORD:?must be set} ${PASSWORD}",
        'cmd: curl -u "$USER:$PASS" x.org',
        "cmd: curl -u admin:$PASS x.org",
        "cmd: first_pass: lowres",
        "cmd: ffmpeg -pass 1 -passlogfile two.log --pass second",
        "cmd: pass=out/part1",
        "cmd: train --secret conf/Prod2024/Models/keyoftheserver2/east",
        "passes: two-of-them-2024-in-each-turn",
        "# the password comes from the environment",
        "desc: basic understanding_of_the_data_v2",
        "task-1234567890abcdefghijk: 1",
        "sk-learn-random-forest-classifier: 3",
        "oid: blake3:" + HEX64,
    ],
)
def test_no_alarm_for_what_only_resembles_one(line: str) -> None:
    assert lines_of(line) == []


@pytest.mark.parametrize(
    "line",
    [
        "  src/token.py: " + HEX40,
        "  models/secret-santa.pkl: " + HEX64,
        "digest: blake3:" + HEX64,
        "  token: blake3:" + HEX64,
    ],
)
def test_ids_of_git_and_of_objects_are_no_secrets_in_records(line: str) -> None:
    assert lines_of("stage: x\n" + line, holds_ids=True) == []


def told(text: str) -> list[tuple[int, str]]:
    return [(one.line, one.message) for one in machine("lineage/x.yaml", text, "x")]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("cmd: python /home/alice/train.py", "absolute path"),
        ("cmd: python --out=/tmp/x", "absolute path"),
        ("  dir: /scratch", "absolute path"),
        ('cmd: "cp /srv/nas/data here"', "absolute path"),
        ("  url: file:///etc/passwd", "absolute path"),
        ("cmd: docker run -v /home/alice/data:/work img", "/home/alice/data"),
        ("cmd: docker run -v /work:/work img", "/work"),
        ("cmd: docker run --mount type=bind,source=/srv/d,target=/d img", "/srv/d"),
        ("cmd: docker run -v $PWD:/work img /srv/x/y", "/srv/x/y"),
        ("cmd: cp /srv/x y && docker run -v $PWD:/srv img", "/srv/x"),
        ("cmd: train -v a:/srv/x", "/srv/x"),
        ("cmd: cat //etc/hostname", "//etc"),
        ("cmd: cat //etc/hostname > /dev/null", "//etc"),
        ("cmd: train -I/etc/x", "-I/etc"),
        ("cmd: cat \\/etc/hostname", "/etc"),
        ("cmd: cd / && cat etc/hostname", "cd /"),
        ("cmd: (cd /; ls)", "cd /"),
        ("cmd: cd ~ && ls", "cd ~"),
        ("  dir: ~/data", "home directory"),
        ("  dir: ~alice/data", "home directory"),
        ('  dir: "C:\\\\Users\\\\alice"', "Windows"),
        ("  dir: D:/data", "Windows"),
        ('  dir: "\\\\\\\\nas\\\\share"', "file server"),
        ("  url: https://alice:pw@example.org/x", "credentials"),
        ("  url: s3://KEY:SECRET@bucket/x", "credentials"),
        ("  url: https://b.example.org/x?X-Amz-Signature=0f", "credentials"),
        ("  tracker: http://mlflow.corp/runs", "private network"),
        ("  tracker: http://10.1.2.3:5000", "private network"),
        ("cmd: scp alice@gpu-03:data .", "private network"),
    ],
)
def test_what_is_there_on_one_machine_only(line: str, what: str) -> None:
    found = told(f"stage: x\n{line}\n")
    assert len(found) == 1, found
    assert found[0][0] == 2
    assert what in found[0][1]


@pytest.mark.parametrize(
    "line",
    [
        "cmd: python src/train.py --out models/x data/y",
        "cmd: /usr/bin/env python x.py > /dev/null 2>&1",
        "cmd: /bin/sh run.sh",
        "cmd: awk '/x/' data/a.csv",
        "cmd: docker run -v $PWD:/work img",
        'cmd: docker run -v "$PWD":/job:ro -w /job img python /job/train.py --out=/job/out',
        "cmd: docker run --rm --volume=$(pwd):/work --workdir=/work img",
        "cmd: podman run --mount type=bind,source=.,target=/data/in -w /data/in img",
        "cmd: docker run --mount type=bind,src=data,dst=/data img cp /data/a /data/b",
        "cmd: apptainer exec --bind data:/data x.sif python x.py /data/a",
        "cmd: cut -d/ -f2 a.csv | tr / _ && cd sub && cd - && cd ./x",
        "cmd: sed -e 's/\\/home\\/x/y/' a.csv",
        "cmd: python -c 'print(7 //2)'",
        "cmd: curl https://etc/hostname",
        "cmd: sed s/a/b/ data/a.csv",
        "  url: s3://bucket/prefix",
        "  url: https://example.org/a/b",
        "author: Ada <ada@example.org>",
        "  image: python@sha256:" + HEX64,
        "stage: prep@a",
        "  ratio: 1/2",
        "  when: 12:30:00",
        "started: 2026-01-31T12:00:00Z",
        "  note: either/or and n/a",
        "oid: blake3:" + HEX64,
    ],
)
def test_what_every_machine_has_is_no_finding(line: str) -> None:
    assert told(line) == []


def test_the_name_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = list(os.uname())

    def named(name: str) -> None:
        monkeypatch.setattr(os, "uname", lambda: os.uname_result([fields[0], name, *fields[2:]]))

    named("gpu-box-7")
    assert [line for line, _ in told("stage: x\nplatform: linux on gpu-box-7\n")] == [2]
    assert told("platform: gpu-box-77\n") == []
    named("train")
    assert own_name() is None, "a name that people write by chance is not looked for"
    assert told("stage: train\n") == []
