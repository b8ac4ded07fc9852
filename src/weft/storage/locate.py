"""From the url of a remote to a storage.

The only place that imports the libraries of remotes and what drives them, and only when such a remote is asked for: a
directory needs neither asyncio nor TLS, and every command would wait for them.
"""

from __future__ import annotations

import importlib
import os
import sys
from types import MethodType
from typing import Any, Protocol

from weft.errors import DependencyMissing
from weft.storage.base import Storage
from weft.storage.local import LocalStorage
from weft.storage.places import directory_of, kind_of
from weft.storage.redirects import refuse_other_origin, straight_session
from weft.storage.urls import bucket_url, check_endpoint, is_loopback, shown
from weft.storage.wrappers import RetryingStorage
from weft.util.clock import SystemClock
from weft.util.urls import check_url

CONNECT_TIMEOUT = 10
READ_TIMEOUT = 60


class Place(Protocol):
    """What ``open_storage`` needs to know of a remote; ``weft.model.remote.RemoteSpec`` is one."""

    @property
    def url(self) -> str:
        """A path, ``file://``, or a url of a scheme in ``weft.util.urls.KINDS``."""

    @property
    def endpoint(self) -> str:
        """``http(s)://HOST[:PORT]`` of a server that is not the provider's own; may be empty."""

    @property
    def region(self) -> str:
        """The region to sign for; may be empty."""

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """Pairs of what ``weft.util.urls.OPTIONS`` knows for this kind of remote."""


def open_storage(spec: Place, *, base_dir: str, workers: int = 8, anonymous: bool = False) -> Storage:
    """Open the storage of a remote, with retries. A relative path is relative to ``base_dir``.

    ``workers`` is the number of threads that will use it; ``anonymous`` sends no credentials to a bucket. Nothing is asked
    of the server yet. Raises ``SecretRefused``, ``ConfigError`` and ``DependencyMissing``.
    """
    backend = open_backend(spec, base_dir=base_dir, workers=workers, anonymous=anonymous)
    return RetryingStorage(backend, SystemClock())


def open_backend(spec: Place, *, base_dir: str, workers: int = 8, anonymous: bool = False) -> Storage:
    """``open_storage`` without the retries."""
    check_url(spec.url)
    path = directory_of(spec.url, base_dir)
    if path is not None:
        # As places are compared: a link and ".." together must not be one directory there and another one here.
        return LocalStorage(os.path.realpath(path))
    return _OPENERS[kind_of(spec.url)](spec, workers, anonymous)


def _import(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DependencyMissing(
            f"this remote needs the Python package {module.partition('.')[0]}, which cannot be imported: {error}",
            hint=how_to_install(package),
        ) from error


def how_to_install(package: str, prefix: str = sys.prefix) -> str:
    """What to do where the library ``package`` of a remote is missing from the environment at ``prefix``."""
    # The library itself, never weft by its name: on the public index that is a program of somebody else.
    if os.path.basename(prefix).startswith("py_env-"):  # how pre-commit calls the environments that it makes
        return f"additional_dependencies: [{package}], at the hook in .pre-commit-config.yaml"
    return f"pip install {package}, in the environment that weft runs in"


def _library(module: str, package: str, ours: str) -> Any:
    """A module of this package, once the library that it needs is found."""
    _import(module, package)
    return _ours(ours)


def _ours(module: str) -> Any:
    """A module of this package that loads asyncio, and with it TLS."""
    return importlib.import_module(f"weft.storage.{module}")


def _s3(spec: Place, workers: int, anonymous: bool) -> Storage:
    bucket = bucket_url(spec.url)
    endpoint = check_endpoint(spec.endpoint) if spec.endpoint else ""
    s3fs = _import("s3fs", "s3fs")
    config: dict[str, Any] = {
        # RetryingStorage alone decides on retries: two layers of them would multiply.
        "retries": {"total_max_attempts": 1, "mode": "standard"},
        "connect_timeout": CONNECT_TIMEOUT,
        "read_timeout": READ_TIMEOUT,
        "max_pool_connections": max(10, workers + 2),
        # Uploads carry a CRC-32 header of ours; trailing checksums are refused by many S3-compatible servers, and what
        # is read is verified against its BLAKE3 name anyway.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "http_session_cls": straight_session(_import("aiobotocore.httpsession", "s3fs").AIOHTTPSession),
    }
    if not endpoint.startswith("http://") or is_loopback(endpoint):
        # Over TLS the connection protects the body already, and nobody stands between two programs of one machine; over
        # plain HTTP its SHA-256 stays signed. The CRC-32 is sent and compared in any case.
        config["s3"] = {"payload_signing_enabled": False}
    client = {"region_name": spec.region} if spec.region else {}

    def connect() -> Any:
        system = s3fs.S3FileSystem(
            anon=anonymous,
            endpoint_url=endpoint or None,
            client_kwargs=client,
            config_kwargs=config,
            max_concurrency=1,
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        system.retries = 1
        return system

    storage: Storage = _ours("s3").s3_storage(connect, bucket, endpoint)
    return storage


def _gcs(spec: Place, workers: int, anonymous: bool) -> Storage:
    bucket = bucket_url(spec.url)
    endpoint = check_endpoint(spec.endpoint) if spec.endpoint else ""
    core = _import("gcsfs.core", "gcsfs")
    aiohttp = _import("aiohttp", "gcsfs")
    # An emulator on this machine knows no accounts; everything else takes the application default credentials.
    emulator = endpoint.startswith("http://") and is_loopback(endpoint)
    token = "anon" if anonymous or emulator else "google_default"

    response = _ours("bodies").bounded_response(aiohttp.ClientResponse)

    def connect() -> Any:
        trace = aiohttp.TraceConfig()
        trace.on_request_redirect.append(refuse_other_origin)
        # The class of gcsfs.core does not probe the type of the bucket over gRPC, as the default class does.
        system = core.GCSFileSystem(
            token=token,
            endpoint_url=endpoint or None,
            consistency="none",
            cache_timeout=0,
            use_listings_cache=False,
            skip_instance_cache=True,
            requests_timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=READ_TIMEOUT),
            session_kwargs={
                "trace_configs": [trace],
                "response_class": response,
                "auto_decompress": False,
                "headers": {"Accept-Encoding": "identity"},
            },
        )
        _without_retries(system, "_request", "_get_file_request")
        return system

    storage: Storage = _ours("gcs").gcs_storage(connect, bucket, endpoint)
    return storage


def _without_retries(system: Any, *methods: str) -> None:
    """gcsfs decorates these with six retries of its own, and offers no setting for it."""
    for name in methods:
        plain = getattr(getattr(type(system), name, None), "__wrapped__", None)
        if plain is not None:
            setattr(system, name, MethodType(plain, system))


def _azure(spec: Place, workers: int, anonymous: bool) -> Storage:
    azure = _library("adlfs", "adlfs", "azure")
    container = azure.container_of(spec.url)
    adlfs = _import("adlfs", "adlfs")
    account = container.account or dict(spec.options).get("account")

    def connect() -> Any:
        return adlfs.AzureBlobFileSystem(
            account_name=account, anon=anonymous or None, use_listings_cache=False, skip_instance_cache=True
        )

    storage: Storage = azure.azure_storage(connect, container, shown(spec.url), (CONNECT_TIMEOUT, READ_TIMEOUT))
    return storage


def _sftp(spec: Place, workers: int, anonymous: bool) -> Storage:
    sftp = _library("asyncssh", "asyncssh", "sftp")
    storage: Storage = sftp.sftp_storage(
        spec.url, shown(spec.url), dict(spec.options), 2 * CONNECT_TIMEOUT, READ_TIMEOUT
    )
    return storage


def _web(spec: Place, workers: int, anonymous: bool) -> Storage:
    web = _library("requests", "requests", "web")
    storage: Storage = web.web_storage(spec.url, shown(spec.url), CONNECT_TIMEOUT, READ_TIMEOUT)
    return storage


_OPENERS = {"s3": _s3, "gs": _gcs, "az": _azure, "sftp": _sftp, "web": _web}
