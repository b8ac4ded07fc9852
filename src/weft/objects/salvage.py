"""Bringing catalog and disk together: rebuilding the one, quarantining what is damaged on the other.

Nothing is deleted: a damaged pack is moved to ``quarantine``, and its frames that are still good are copied into a new
pack first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from weft.errors import BadPackIndex, IntegrityError, LimitExceeded, PermissionFault, RefusedInput, SchemaError
from weft.formats import recipe as recipe_format
from weft.model.entry import Frame
from weft.model.oid import Kind, Oid
from weft.model.recipe import Recipe
from weft.objects import store_folder
from weft.objects.catalog import LOCAL, Catalog
from weft.objects.packfiles import OpenPack, PackFiles, read_pack_info
from weft.objects.store_read import FrameReader, unpack
from weft.util.atomic import os_errors, sync_folder
from weft.util.later import later
from weft.util.progress import Progress

if TYPE_CHECKING:
    from weft.objects import packer, quarantine_log
else:
    packer = later("weft.objects.packer")
    quarantine_log = later("weft.objects.quarantine_log")

_RECIPE_HEAD = 44
_RECIPE_CHUNK = 36
_WHOLE = 1 << 20
_BLOCK = 4 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MEND = "run: weft fetch, which brings lost objects back from a remote; or weft add, where the files are still right"


class Salvage:
    """Mends the store of ``files`` and ``catalog``; ``progress`` gets one warning for each pack set aside."""

    def __init__(self, files: PackFiles, catalog: Catalog, progress: Progress) -> None:
        self._files = files
        self._catalog = catalog
        self._progress = progress

    def quarantine(self, name: Oid, why: str) -> str:
        """Move a pack to ``quarantine``; its good frames live on in a new pack. Returns the new path, empty if it was
        gone already."""
        path = self._files.path(name)
        with quarantine_log.lock(self._files.root, "set a damaged pack aside"):
            if not os.path.lexists(path):
                quarantine_log.note(self._files.root, "", why, [frame.oid for frame in self._recorded(name)])
                self._catalog.forget_pack(name, LOCAL)
                return ""
            pack, frames = self._opened(name)
            good = good_frames(pack, frames) if pack is not None else []
            whole = bool(frames) and len(good) == len(frames)
            # The good frames come first: a crash in between leaves both files. The copy of a pack whose frames are all
            # good gets the same name and takes its place in one step, so its bytes are put aside before that.
            target = self._copy_away(pack, name) if pack is not None and whole else ""
            saved = copy_frames(self._files, pack, good) if pack is not None else []
            if not target:
                target = self._move_away(name)
            elif name not in {made.name for made in saved}:
                self._files.remove(name)
            self._files.forget(name)
            gone = {frame.oid for frame in frames} - {frame.oid for frame in good}
            quarantine_log.note(self._files.root, os.path.basename(target), why, sorted(gone))
            with self._catalog.transaction():
                self._catalog.forget_pack(name, LOCAL)
                self._catalog.add_packs(packer.infos(saved), LOCAL)
        self._progress.warn(f"a damaged pack was moved to {target}: {why}", hint=_MEND)
        return target

    def reconcile(self) -> None:
        """Make the catalog name exactly the packs on disk; packs of another size than recorded go to quarantine."""
        known = self._catalog.packs(LOCAL)
        found = dict(self._files.names())
        self.adopt_all(sorted(found.keys() - known.keys()))
        if not known.keys() <= found.keys():
            # Frames that were moved while the names were read lie in packs that were not there yet: names once more.
            self.adopt_all(sorted(dict(self._files.names()).keys() - known.keys() - found.keys()))
            self.forget_gone()
        for name in sorted(known.keys() & found.keys()):
            if known[name] != found[name]:
                self.quarantine(name, f"it has {found[name]} bytes, not {known[name]}")

    def forget_gone(self) -> None:
        """Forget packs that are not there, and write down as lost what no other pack holds.

        A command of weft's that removes a pack forgets it under the same lock. Who else removed one has not, and nothing
        but the catalog knows what was in it. Where the log cannot be written, this goes unnoted.
        """
        root = self._files.root
        with quarantine_log.lock(root, "note packs that are gone"), self._catalog.transaction():
            names = [name for name in self._catalog.packs(LOCAL) if not os.path.lexists(self._files.path(name))]
            gone = {name: [frame.oid for frame in self._recorded(name)] for name in names}
            for name in gone:
                self._catalog.forget_pack(name, LOCAL)
            for name, oids in gone.items():
                lost = self._catalog.missing(oids, LOCAL)
                if lost:
                    with suppress(PermissionFault):
                        quarantine_log.note(root, "", f"the pack {name.hex()} is gone", sorted(lost))

    def rebuild(self, catalog: Catalog) -> None:
        """Fill the empty ``catalog`` (the one given at the start, or its successor) from all packs on disk."""
        self._catalog = catalog
        self.adopt_all([name for name, _ in self._files.names()])

    def adopt_all(self, names: Iterable[Oid]) -> None:
        """Record packs that are on disk under their names; what is no pack goes to quarantine."""
        good: list[Oid] = []
        bad: list[tuple[Oid, str]] = []
        with self._catalog.transaction():
            for name in names:
                try:
                    info = read_pack_info(self._files.open(name), name)
                except FileNotFoundError:
                    continue
                except (IntegrityError, RefusedInput) as error:
                    bad.append((name, error.message))
                    continue
                self._catalog.add_packs((info,), LOCAL)
                if any(frame.kind is Kind.RECIPE for frame in info.frames):
                    good.append(name)
            self.learn_recipes(good)
        for name, why in bad:
            self.quarantine(name, why)

    def learn_recipes(self, names: Iterable[Oid]) -> None:
        """Record which objects the recipes in local packs are for."""
        found: dict[Oid, Oid] = {}
        for name in names:
            info = self._catalog.pack_frames(name)
            frames = [frame for frame in info.frames if frame.kind is Kind.RECIPE] if info else []
            for frame in frames:
                for target, recipe in self._targets(name, frame):
                    found[target] = recipe
        self._catalog.add_recipes(found)

    def _targets(self, name: Oid, frame: Frame) -> Iterable[tuple[Oid, Oid]]:
        pack = self._files.open(name)
        try:
            recipe = recipe_format.decode(unpack(pack, frame, pack.read(frame.offset, frame.stored), True))
        except (IntegrityError, SchemaError, LimitExceeded):
            return  # reading it will say so; a recipe that cannot be read rebuilds nothing
        yield recipe.object, frame.oid
        inner = self._long_recipe(recipe)
        if inner is not None:
            yield inner.object, recipe.object

    def _long_recipe(self, recipe: Recipe) -> Recipe | None:
        """The recipe that ``recipe`` rebuilds, if it is one: nothing but its hash tells it from a file."""
        count, odd = divmod(recipe.length - _RECIPE_HEAD, _RECIPE_CHUNK)
        if recipe.length <= _WHOLE or odd:
            return None
        reader = FrameReader(self._files, self._catalog, lambda _location, _error: False)
        try:
            head = reader.read(recipe.chunks[0][0], Kind.CHUNK, False)
            if int.from_bytes(head[40:44], "little") != count:
                return None
            data = b"".join(reader.read_ordered([oid for oid, _ in recipe.chunks], Kind.CHUNK, False))
            if Oid.of(data, Kind.RECIPE) == recipe.object:
                return recipe_format.decode(data)
        except (IntegrityError, SchemaError, LimitExceeded):
            pass  # its chunks are not all here, or damaged: it is learned again when they are
        return None

    def _opened(self, name: Oid) -> tuple[OpenPack | None, tuple[Frame, ...]]:
        """The open pack, None when it cannot be opened, and its frames as far as anything tells them."""
        try:
            pack = self._files.open(name)
            return pack, self._frames_of(pack, name)
        except (IntegrityError, FileNotFoundError):
            return None, self._recorded(name)

    def _frames_of(self, pack: OpenPack, name: Oid) -> tuple[Frame, ...]:
        try:
            return read_pack_info(pack, name).frames
        except (IntegrityError, RefusedInput):
            return self._recorded(name)

    def _recorded(self, name: Oid) -> tuple[Frame, ...]:
        """The frames of a pack as the catalog has them; none when it is damaged itself."""
        try:
            known = self._catalog.pack_frames(name)
        except BadPackIndex:
            return ()
        return known.frames if known else ()

    def _copy_away(self, pack: OpenPack, name: Oid) -> str:
        root, path = self._files.root, self._files.path(name)
        with os_errors("copy to quarantine", path), store_folder.part(root, "quarantine", make=True) as folder:
            free = store_folder.free_name(folder, os.path.basename(path))
            with open(os.open(free, _NEW, 0o666, dir_fd=folder), "wb") as copy:
                for start in range(0, pack.size, _BLOCK):
                    copy.write(pack.read(start, _BLOCK))
                copy.flush()
                os.fsync(copy.fileno())
            sync_folder(folder)
        return f"{root}/quarantine/{free}"

    def _move_away(self, name: Oid) -> str:
        self._files.forget(name)
        digits = name.hex()
        with os_errors("move to quarantine", self._files.path(name)):
            return store_folder.set_aside(self._files.root, f"packs/{digits[:2]}", f"{digits}.pack", f"{digits}.pack")


def good_frames(pack: OpenPack, frames: Iterable[Frame]) -> list[Frame]:
    """Those of ``frames`` whose bytes in ``pack`` hash to their names."""
    good = []
    for frame in frames:
        try:
            unpack(pack, frame, pack.read(frame.offset, frame.stored), True)
        except (IntegrityError, LimitExceeded):
            continue
        good.append(frame)
    return good


def copy_frames(files: PackFiles, pack: OpenPack, frames: Sequence[Frame]) -> list[packer.SealedPack]:
    """Copy ``frames``, proved by the caller, out of ``pack`` into new packs of ``files``, not compressed again."""
    if not frames:
        return []
    writer = packer.PackWriter(files, replace=True)
    try:
        for frame in frames:
            stored = pack.read(frame.offset, frame.stored)
            writer.add(frame.oid, frame.kind, frame.codec, frame.raw, stored, frame.check)
        return writer.finish()
    except BaseException:
        writer.abort()
        raise
