"""Proving packs of a remote: each is downloaded, compared with its name and its footer, and dropped again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weft.errors import KeyMissing, WeftError
from weft.model.entry import PackInfo
from weft.model.oid import Oid
from weft.objects import remote_keys as keys
from weft.objects.incoming import remove_file
from weft.objects.pack_check import BAD_COPY, verify_pack
from weft.objects.remote import RemoteStore
from weft.objects.store import LocalStore
from weft.util.parallel import ordered_map

_BAD_OR_GONE: tuple[type[WeftError], ...] = (*BAD_COPY, KeyMissing)


def prove_packs(
    remote: RemoteStore, store: LocalStore, names: Iterable[Oid]
) -> Iterator[tuple[PackInfo, WeftError | None]]:
    """Prove the packs ``names``, in this order, several at once; yield each with what is wrong with it.

    What the index does not tell of is passed over. Raises what the remote raises.
    """

    def prove(info: PackInfo) -> tuple[PackInfo, WeftError | None]:
        key = keys.pack_key(info.name)
        temp = store.temp_path()
        try:
            remote.storage.download(key, temp)
            verify_pack(temp, info, key)
        except _BAD_OR_GONE as error:
            return info, error
        finally:
            remove_file(temp)
        return info, None

    known = (store.catalog.pack_frames(name) for name in names)
    yield from ordered_map(prove, (info for info in known if info is not None), remote.jobs, remote.jobs)
