"""Refusals: nothing was created, changed or deleted; the user changes a file, a name or the request."""

from __future__ import annotations

from weft.errors.base import RefusedInput


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


class UntrustedRemote(RefusedInput):
    """The committed configuration names a remote that the user of this clone has not accepted for what was asked."""

    code = "E_UNTRUSTED_REMOTE"


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


class GcRefused(RefusedInput):
    """A garbage collection of a remote is not safe now, or would delete more than was asked for."""

    code = "E_GC"


class DirectoryRefused(RefusedInput):
    """A directory is no place for a remote or a store: it holds something else, or it is part of a work tree or of Git."""

    code = "E_DIRECTORY"


class PathLocked(RefusedInput):
    """Somebody else has locked this path, or what lies above or below it."""

    code = "E_PATH_LOCKED"


class NotLocked(RefusedInput):
    """No lock on the Git remote stands for this path."""

    code = "E_NOT_LOCKED"
