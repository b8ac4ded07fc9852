"""Every error that weft can raise: one stable code and one exit code per class.

The tree is grouped by who must act. Codes are append-only: a code that was ever released keeps its meaning.
The exit-code table of the command line lives here and nowhere else.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit status of the ``weft`` command."""

    OK = 0
    DIFFERENCES = 1
    USAGE = 2
    REFUSED = 3
    INTEGRITY = 4
    CONCURRENCY = 5
    ENVIRONMENT = 6
    INTERRUPTED = 130


class WeftError(Exception):
    """Base of all errors a user can meet.

    ``message`` is one clear sentence, ``hint`` names the command that mends it (it may be empty), ``path`` is the file
    or object concerned, ``line`` its 1-based line where one is known (0 otherwise).
    """

    code: ClassVar[str] = "E_WEFT"
    exit_code: ClassVar[ExitCode] = ExitCode.ENVIRONMENT

    def __init__(self, message: str, *, hint: str = "", path: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path
        self.line = line


class UsageFault(WeftError):
    """The command line asks for something that makes no sense."""

    code = "E_USAGE"
    exit_code = ExitCode.USAGE


class RefusedInput(WeftError):
    """Base of refusals: nothing was created, changed or deleted."""

    code = "E_REFUSED"
    exit_code = ExitCode.REFUSED


class OidSyntax(RefusedInput):
    """An object id is not ``blake3:`` and 64 lower-case hex digits."""

    code = "E_ID_SYNTAX"


class WeakHash(RefusedInput):
    """An object id names an algorithm that proves nothing."""

    code = "E_WEAK_HASH"


class SchemaError(RefusedInput):
    """A text file of weft's holds a wrong type, an unknown or doubled key, or breaks its one valid spelling."""

    code = "E_SCHEMA"


class YamlAlias(RefusedInput):
    """YAML anchors and aliases are not read."""

    code = "E_YAML_ALIAS"


class YamlTag(RefusedInput):
    """YAML tags are not read."""

    code = "E_YAML_TAG"


class LimitExceeded(RefusedInput):
    """A size, depth, count or length is over the limit that is checked before memory is taken."""

    code = "E_LIMIT"


class SymlinkRefused(RefusedInput):
    """A symbolic link stands where none may be followed, or points where none may point."""

    code = "E_SYMLINK"


class MergeConflict(RefusedInput):
    """A pointer or configuration file holds Git's conflict markers."""

    code = "E_MERGE_CONFLICT"


class PathOverlap(RefusedInput):
    """Two tracked paths are the same or lie inside one another."""

    code = "E_PATH_OVERLAP"


class FormatVersion(RefusedInput):
    """A file was written in a newer format than this weft reads."""

    code = "E_FORMAT_VERSION"


class PathEscape(RefusedInput):
    """A path leaves the repository."""

    code = "E_PATH_ESCAPE"


class PathChars(RefusedInput):
    """A path holds a backslash, a control or bidi character, or is not UTF-8."""

    code = "E_PATH_CHARS"


class PathReserved(RefusedInput):
    """A name belongs to Git, to weft, or (when ``portable: strict``) to an operating system."""

    code = "E_PATH_RESERVED"


class PathSyntax(RefusedInput):
    """A path has an empty, ``.`` or ``..`` component."""

    code = "E_PATH_SYNTAX"


class PathCollision(RefusedInput):
    """Two names of one directory cannot be told apart on the file system written to."""

    code = "E_PATH_COLLISION"


class FileTypeRefused(RefusedInput):
    """A FIFO, socket or device stands in the data."""

    code = "E_FILE_TYPE"


class UntrustedConfig(RefusedInput):
    """The committed configuration asks for something only the user of this machine may decide."""

    code = "E_UNTRUSTED_CONFIG"


class UntrustedExec(RefusedInput):
    """The committed configuration names a program to run."""

    code = "E_UNTRUSTED_EXEC"


class SecretRefused(RefusedInput):
    """A URL or value holds a credential."""

    code = "E_SECRET"


class UnsavedChanges(RefusedInput):
    """Bytes that are not provably in the store stand in the way."""

    code = "E_UNSAVED"


class MissingUnknown(RefusedInput):
    """Tracked files are absent and nothing records whether they were deleted or never here."""

    code = "E_MISSING_UNKNOWN"


class StaleWorkspace(RefusedInput):
    """The pointer changed since the data was last put here, so recording the workspace would undo that change."""

    code = "E_STALE"


class NotTracked(RefusedInput):
    """No pointer stands for this path."""

    code = "E_NOT_TRACKED"


class TrackedByGit(RefusedInput):
    """Git itself already tracks this path."""

    code = "E_TRACKED_BY_GIT"


class NoSuchPath(RefusedInput):
    """A path named on the command line does not exist."""

    code = "E_NO_PATH"


class NoSuchRevision(RefusedInput):
    """Git knows no such revision."""

    code = "E_NO_REVISION"


class NoRemote(RefusedInput):
    """No remote of that name is configured, or none at all."""

    code = "E_NO_REMOTE"


class ConfigError(RefusedInput):
    """A configuration key or value is not valid."""

    code = "E_CONFIG"


class IntegrityError(WeftError):
    """Base of integrity failures: damaged or false bytes were kept out."""

    code = "E_INTEGRITY"
    exit_code = ExitCode.INTEGRITY


class HashMismatch(IntegrityError):
    """Bytes do not hash to their name."""

    code = "E_HASH_MISMATCH"


class SizeMismatch(IntegrityError):
    """An object is shorter or longer than recorded."""

    code = "E_SIZE_MISMATCH"


class ObjectType(IntegrityError):
    """An object of one kind stands where another kind is wanted."""

    code = "E_TYPE"


class BadPackIndex(IntegrityError):
    """A pack footer or an index segment contradicts itself or its pack."""

    code = "E_INDEX"


class ManifestCycle(IntegrityError):
    """A manifest contains itself."""

    code = "E_CYCLE"


class RemoteIdentity(IntegrityError):
    """The remote is not the store that the committed configuration names."""

    code = "E_REMOTE_IDENTITY"


class StoreTampered(IntegrityError):
    """A file of the local store is not the regular file weft wrote."""

    code = "E_CACHE_TAMPER"


class CatalogDamaged(IntegrityError):
    """The catalog, a cache of this clone, turned out to be damaged in the middle of work; the next command rebuilds it."""

    code = "E_CATALOG"


class ObjectMissing(IntegrityError):
    """An object is in none of the places that should hold it."""

    code = "E_MISSING_OBJECT"


class NotOnRemote(IntegrityError):
    """The remote does not hold this pointer's data completely."""

    code = "E_NOT_ON_REMOTE"


class ConcurrencyError(WeftError):
    """Base of collisions with another process."""

    code = "E_CONCURRENCY"
    exit_code = ExitCode.CONCURRENCY


class FileChanged(ConcurrencyError):
    """A file kept changing while it was read."""

    code = "E_FILE_CHANGED"


class LockTimeout(ConcurrencyError):
    """Another process holds a lock for too long."""

    code = "E_LOCKED"


class EnvironmentFault(WeftError):
    """Base of failures of the machine or the network.

    ``transient`` says that the same request may succeed when it is made again; ``retry_after`` is the number of seconds
    the other side asked to wait before that (0 when it did not say).
    """

    code = "E_ENVIRONMENT"
    exit_code = ExitCode.ENVIRONMENT
    transient: bool = False
    retry_after: float = 0.0


class NotARepository(EnvironmentFault):
    """No Git repository, or no weft project in it."""

    code = "E_NO_REPO"


class GitFailed(EnvironmentFault):
    """Git is absent, or failed where it should not."""

    code = "E_GIT"


class PermissionFault(EnvironmentFault):
    """The operating system forbids reading or writing a file."""

    code = "E_PERMISSION"


class DiskFull(EnvironmentFault):
    """No space, quota or inode is left."""

    code = "E_DISK_FULL"


class DependencyMissing(EnvironmentFault):
    """A library that this remote or this operation needs is not installed."""

    code = "E_DEPENDENCY"


class StorageFault(EnvironmentFault):
    """The remote answered with an error that retries did not mend."""

    code = "E_STORAGE"
    transient = True


class KeyMissing(StorageFault):
    """The remote holds no object under a key."""

    code = "E_NO_KEY"
    transient = False


class NetworkFault(EnvironmentFault):
    """The remote cannot be reached."""

    code = "E_NETWORK"
    transient = True


class CredentialFault(EnvironmentFault):
    """The remote refused the credentials, or found none."""

    code = "E_CREDENTIALS"


class BucketMissing(EnvironmentFault):
    """The bucket or the directory of the remote does not exist."""

    code = "E_BUCKET"


class RemoteRedirect(EnvironmentFault):
    """The remote redirects to another host, or away from TLS."""

    code = "E_REMOTE_REDIRECT"
