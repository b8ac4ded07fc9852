"""Fixtures that every test may ask for: real object stores, each started at most once a worker and only when asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers import Gcs, Seaweed


@pytest.fixture(scope="session")
def seaweed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """One S3 server for all tests of this worker; the environment is left alone."""
    server = Seaweed(tmp_path_factory.mktemp("seaweed"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def seaweed(seaweed_server: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Seaweed:
    """The S3 server, with its credentials in the environment for the length of this test."""
    for name, value in seaweed_server.env.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    return seaweed_server


@pytest.fixture
def own_seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """An S3 server of this test alone, to be killed and started again."""
    server = Seaweed(tmp_path_factory.mktemp("own-seaweed"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gcs]:
    """One emulator of Google Cloud Storage for all tests of this worker."""
    server = Gcs(tmp_path_factory.mktemp("gcs"))
    server.start()
    yield server
    server.stop()
