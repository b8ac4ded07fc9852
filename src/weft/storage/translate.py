"""From the errors of the libraries, such as s3fs, and of what lies below them to those of weft, once, in one place.

The libraries are recognized by the shape and the names of their exceptions, so that none of them is imported here.
Texts of servers are shown only where they help, shortened and redacted.
"""

from __future__ import annotations

import email.utils
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from weft.errors import (
    BucketMissing,
    CredentialFault,
    EnvironmentFault,
    KeyMissing,
    NetworkFault,
    RemoteRedirect,
    StorageFault,
    WeftError,
)
from weft.storage.urls import redact

_LIBRARIES = frozenset(
    ["adlfs", "aiobotocore", "aiohttp", "azure", "botocore", "fsspec", "gcsfs", "google", "requests", "s3fs", "urllib3"]
)
_REFUSED = frozenset(
    [
        "AccessDenied",
        "AccountProblem",
        "AllAccessDisabled",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidSecurity",
        "InvalidToken",
        "NotSignedUp",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "AuthorizationHeaderMalformed",
        "401",
        "403",
    ]
)
_NO_CREDENTIALS = frozenset(
    [
        "NoCredentialsError",
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "TokenRetrievalError",
        "SSOTokenLoadError",
        "UnauthorizedSSOTokenError",
        "ProfileNotFound",
        "GoogleAuthError",
        "DefaultCredentialsError",
        "ClientAuthenticationError",
        "RefreshError",
    ]
)
_NO_NETWORK = frozenset(
    [
        "ConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "EndpointConnectionError",
        "ConnectionClosedError",
        "HTTPClientError",
        "ClientConnectionError",
        "ClientPayloadError",
        "ServerTimeoutError",
        "ServiceRequestError",
        "ServiceResponseError",
        "TimeoutError",
        "FSTimeoutError",
        "gaierror",
        "ResponseStreamingError",
        "IncompleteReadError",
        "IncompleteRead",
        "Timeout",
        "ProxyConnectionError",
    ]
)
_PASSING = frozenset(
    [
        "BadDigest",
        "ConditionalRequestConflict",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "XAmzContentSHA256Mismatch",
    ]
)
_REDIRECTS = frozenset(["PermanentRedirect", "Redirect", "TemporaryRedirect", "301", "302", "303", "307", "308"])
_S3_HINT = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or AWS_PROFILE, in the environment"
_GCS_HINT = "set GOOGLE_APPLICATION_CREDENTIALS in the environment, or run gcloud auth application-default login"
_HINTS = {
    "s3": _S3_HINT,
    "gs": _GCS_HINT,
    "az": "set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or "
    "AZURE_STORAGE_SAS_TOKEN, in the environment, or run az login",
    "sftp": "load the key into ssh-agent, or weft config set --private remotes.NAME.key_file PATH; ssh should get in, too",
}
_NETRC_HINT = "write machine HOST login USER password PASSWORD into ~/.netrc, or a file that NETRC names"
_AUTHORITIES = {"s3": "AWS_CA_BUNDLE or SSL_CERT_FILE", "gs": "AWS_CA_BUNDLE or SSL_CERT_FILE", "az": "SSL_CERT_FILE"}


class Context(NamedTuple):
    """What the errors of one backend should speak of: ``kind`` is ``s3``, ``gs``, ``az``, ``sftp``, or of the web."""

    kind: str
    name: str

    @property
    def hint(self) -> str:
        """How to give credentials."""
        return _HINTS.get(self.kind, _NETRC_HINT)


class Answer(NamedTuple):
    """What a server said: HTTP status (0 when unknown), error code, text, headers in lower case."""

    status: int
    code: str
    text: str
    headers: Mapping[str, str]


def translate(error: Exception, key: str, context: Context) -> WeftError | None:
    """The error to raise for ``error``, met while working on ``key``; None when it is a mistake of the program."""
    chain = list(_causes(error))
    for one in chain:
        if isinstance(one, WeftError):
            return one
    answer = next((found for one in chain if (found := answer_of(one))), None)
    if answer is not None:
        return _from_answer(answer, key, context)
    names = {kind.__name__ for one in chain for kind in type(one).__mro__}
    if names & _NO_CREDENTIALS:
        return CredentialFault(f"no usable credentials for {context.name}", hint=context.hint)
    if any(isinstance(one, ssl.SSLError) for one in chain) or "SSLError" in names or "ClientSSLError" in names:
        return _insecure(context)
    if names & _NO_NETWORK:
        return NetworkFault(f"cannot reach {context.name}: {_reason(error)}", hint="check the network and the endpoint")
    return _from_python(error, key, context)


def answer_of(error: BaseException) -> Answer | None:
    """The server's answer inside an exception of botocore (``response``), gcsfs and ``web`` (``code``), or Azure."""
    response = getattr(error, "response", None)
    if isinstance(response, dict) and isinstance(response.get("Error"), dict):
        meta = response.get("ResponseMetadata") or {}
        told = response["Error"]
        headers = {str(name).lower(): str(value) for name, value in (meta.get("HTTPHeaders") or {}).items()}
        status = meta.get("HTTPStatusCode") or 0
        return Answer(int(status), str(told.get("Code") or status), str(told.get("Message") or ""), headers)
    if type(error).__module__.startswith("azure.") and isinstance(getattr(error, "status_code", None), int):
        status = error.status_code  # type: ignore[attr-defined]
        code = getattr(error, "error_code", None)
        return Answer(status, str(getattr(code, "value", code) or status), str(error).partition("\n")[0], {})
    if type(error).__name__ == "ProxyError" and type(error).__module__.startswith("requests"):
        return Answer(502, "502", "a gateway before it failed", {})  # how gcsfs words this status
    if type(error).__name__ == "HttpError":
        code = str(getattr(error, "code", ""))
        status = int(code) if code.isdigit() else 0
        return Answer(status, str(status), str(getattr(error, "message", "") or ""), {})
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: BaseException) -> str:
    text = " ".join(redact(str(error)).split())
    return text[:200] or type(error).__name__


def _from_answer(answer: Answer, key: str, context: Context) -> WeftError:
    code = answer.code
    if code in ("NoSuchBucket", "InvalidBucketName", "ContainerNotFound"):
        return bucket_missing(context)
    if code in ("NoSuchKey", "404", "BlobNotFound") or (answer.status == 404 and code.isdigit()):
        return key_missing(key, context)
    if code in _REDIRECTS or 301 <= answer.status <= 308:
        return _redirected(answer, context)
    if code in _REFUSED or answer.status in (401, 403):
        return _refused(answer, context)
    status = f"{answer.status} {code}" if str(answer.status) != code else code
    fault = StorageFault(f"{context.name} answered {status} for {key or 'a listing'}: {_shown(answer.text)}")
    fault.transient = code in _PASSING or answer.status in (408, 429) or (answer.status >= 500 and answer.status != 501)
    fault.retry_after = retry_after(answer.headers)
    return fault


def _shown(text: str) -> str:
    return " ".join(redact(text).split())[:200] or "no further words"


def _refused(answer: Answer, context: Context) -> CredentialFault:
    hint = context.hint
    if answer.code == "RequestTimeTooSkewed":
        hint = "set the clock of this machine: the server accepts only requests of about now"
    elif answer.code == "AuthorizationHeaderMalformed":
        hint = "the region is probably wrong: weft config set remotes.NAME.region REGION"
    elif answer.code in ("AccessDenied", "403"):
        hint = f"the account may lack a permission on the bucket (list, read, write, delete), or {hint}"
    return CredentialFault(f"{context.name} refused the credentials ({answer.code})", hint=hint)


def _redirected(answer: Answer, context: Context) -> RemoteRedirect:
    region = answer.headers.get("x-amz-bucket-region", "")
    hint = "check the url, the endpoint and the region of the remote with weft remote list"
    if region.replace("-", "").isalnum():
        hint = f"the bucket is in another region: weft config set remotes.NAME.region {region}"
    return RemoteRedirect(
        f"{context.name} redirects to another place ({answer.code}), which is not followed", hint=hint
    )


def _insecure(context: Context) -> NetworkFault:
    fault = NetworkFault(
        f"no trustworthy TLS connection to {context.name}",
        hint=f"give a private certificate authority in {_AUTHORITIES.get(context.kind, 'REQUESTS_CA_BUNDLE')}; "
        "verification cannot be switched off",
    )
    fault.transient = False
    return fault


def bucket_missing(context: Context) -> BucketMissing:
    """The error for a bucket that does not exist."""
    return BucketMissing(
        f"the bucket of {context.name} does not exist",
        hint="create the bucket with your provider's tool, or correct the url of the remote",
    )


def key_missing(key: str, context: Context) -> KeyMissing:
    """The error for a key that does not exist."""
    return KeyMissing(f"{context.name} holds no {key}", path=key)


def _from_python(error: Exception, key: str, context: Context) -> EnvironmentFault | None:
    """The exceptions that the libraries raise without showing the server's answer."""
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return key_missing(key, context)
    if isinstance(error, PermissionError) or (isinstance(error, OSError) and str(error).startswith("Forbidden")):
        return CredentialFault(f"{context.name} refused access to {key or 'the listing'}", hint=context.hint)
    ours = type(error).__module__.partition(".")[0] in _LIBRARIES
    if not ours and not isinstance(error, OSError | ValueError | RuntimeError | NotImplementedError):
        return None
    fault = StorageFault(f"{context.name} failed on {key or 'a listing'}: {_reason(error)}")
    # EINVAL (22) is how a refused precondition and every other "400 Bad Request" come out of s3fs.
    fault.transient = ours or (isinstance(error, OSError) and error.errno not in (22, 38))
    return fault


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a Retry-After header asks for (RFC 9110, section 10.2.3); 0 when there is none."""
    text = headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text[:6])
    if not text:
        return 0.0
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def is_not_implemented(error: BaseException) -> bool:
    """True when a server says that it does not know the condition of a create-only write."""
    answers: list[Any] = [found for one in _causes(error) if (found := answer_of(one))]
    return any(answer.status == 501 or answer.code == "NotImplemented" for answer in answers)


def is_precondition(error: BaseException) -> bool:
    """True when a create-only write met an existing object."""
    for one in _causes(error):
        answer = answer_of(one)
        if isinstance(one, FileExistsError) or (
            answer and (answer.status == 412 or answer.code in ("PreconditionFailed", "BlobAlreadyExists"))
        ):
            return True
    return False


@contextmanager
def translated(key: str, context: Context, when_missing: Callable[[], None] | None = None) -> Iterator[None]:
    """Raise the errors of the body as those of weft; ``when_missing`` may name a better reason than a missing key."""
    try:
        yield
    except Exception as error:
        told = translate(error, key, context)
        if told is None or told is error:
            raise
        if when_missing and isinstance(told, KeyMissing):
            when_missing()
        # The library's exception is not chained: its text may hold a signed url or an access key.
        raise told from None


def create_or_replace(put: Callable[[bool], None], create: bool) -> bool:
    """Call ``put``, create-only when asked for and known to the server. False when the object exists already."""
    try:
        put(create)
    except Exception as error:
        if create and is_precondition(error):
            return False
        if not create or not is_not_implemented(error):
            raise
        put(False)
    return True
