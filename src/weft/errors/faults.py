"""Damage, disturbance and failures of the surroundings."""

from __future__ import annotations

from weft.errors.base import ConcurrencyError, EnvironmentFault, IntegrityError


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


class FileChanged(ConcurrencyError):
    """A file kept changing while it was read."""

    code = "E_FILE_CHANGED"


class LockTimeout(ConcurrencyError):
    """Another process holds a lock for too long."""

    code = "E_LOCKED"


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


class ClockSkew(EnvironmentFault):
    """The clocks of this machine and of the remote are too far apart to compare ages."""

    code = "E_CLOCK"
