"""Fixtures that every test may ask for: real object stores, each started at most once a worker and only when asked for."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from servers import Gcs, Seaweed
from servers_more import Azurite, Dav, Sftp

# A job in the background of a script starts with Ctrl-C ignored, and so would every command that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is no fault of the code: no example has a deadline.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def seaweed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """One S3 server for all tests of this worker; the environment is left alone."""
    with Seaweed.started(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


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
    with Seaweed.started(tmp_path_factory.mktemp("own-seaweed")) as server:
        yield server


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gcs]:
    """One emulator of Google Cloud Storage for all tests of this worker."""
    with Gcs.started(tmp_path_factory.mktemp("gcs")) as server:
        yield server


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sftp]:
    """One SSH server for all tests of this worker; the environment is left alone."""
    with Sftp.started(tmp_path_factory.mktemp("sftp")) as server:
        yield server


@pytest.fixture(scope="session")
def dav_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dav]:
    """One WebDAV server for all tests of this worker; the environment is left alone."""
    with Dav.started(tmp_path_factory.mktemp("dav")) as server:
        yield server


@pytest.fixture(scope="session")
def azurite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """One emulator of Azure Blob Storage for all tests of this worker; the environment is left alone."""
    with Azurite.started(tmp_path_factory.mktemp("azurite")) as server:
        yield server


def _with(server: Sftp | Dav | Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def sftp(sftp_server: Sftp, monkeypatch: pytest.MonkeyPatch) -> Sftp:
    """The SSH server, with its home directory in the environment for the length of this test."""
    _with(sftp_server, monkeypatch)
    return sftp_server


@pytest.fixture
def dav(dav_server: Dav, monkeypatch: pytest.MonkeyPatch) -> Dav:
    """The WebDAV server, with its password in the environment for the length of this test."""
    _with(dav_server, monkeypatch)
    return dav_server


@pytest.fixture
def azurite(azurite_server: Azurite, monkeypatch: pytest.MonkeyPatch) -> Azurite:
    """The emulator of Azure, with its account in the environment for the length of this test."""
    _with(azurite_server, monkeypatch)
    return azurite_server
