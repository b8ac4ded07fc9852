"""Cutting content into chunks with FastCDC (Xia et al., IEEE TPDS 2020; normalized chunking level 1).

The cuts decide what is deduplicated, never what an object is called: identity does not depend on the chunker.
"""

from __future__ import annotations

import warnings

from weft.errors import ConfigError, DependencyMissing, FormatVersion
from weft.model.remote import DEFAULT_CHUNKER, ChunkerParams

with warnings.catch_warnings():
    # The library warns when it lacks its compiled part; ``Chunker`` makes that an error of ours.
    warnings.simplefilter("ignore")
    from pyfastcdc import FastCDC

Buffer = bytes | bytearray | memoryview


class Chunker:
    """Cuts buffers by the parameters of a store. Safe from any thread.

    Raises ``DependencyMissing`` when the compiled library is absent, ``FormatVersion`` for another algorithm and
    ``ConfigError`` for sizes that it cannot cut.
    """

    def __init__(self, params: ChunkerParams = DEFAULT_CHUNKER) -> None:
        if not FastCDC.__module__.startswith("pyfastcdc.cy"):
            raise DependencyMissing(
                "pyfastcdc is installed without its compiled part, which is a hundred times slower",
                hint="run: python -m pip install --force-reinstall --only-binary=:all: pyfastcdc",
            )
        if (params.name, params.version) != ("fastcdc", 2020):
            raise FormatVersion(
                f"the store cuts with {params.name} {params.version}; this weft cuts with fastcdc 2020",
                hint="install a newer weft",
            )
        try:
            self._cdc = FastCDC(
                params.average,
                min_size=params.minimum,
                max_size=params.maximum,
                normalized_chunking=params.normalization,  # type: ignore[arg-type] # checked by the library
            )
        except (ValueError, OverflowError) as error:
            raise ConfigError(f"the sizes of the chunker are not valid: {error}") from error
        self.params = params
        self.minimum = params.minimum
        self.maximum = params.maximum

    def cut(self, buffer: Buffer, *, final: bool = True) -> list[int]:
        """Lengths in bytes of the chunks of ``buffer``, in order.

        With ``final`` the last chunk ends with the buffer. Without, more bytes will follow: only those chunks are cut
        whose end the following bytes cannot move, and the rest (under ``maximum`` bytes) is left to the caller to carry
        over to the front of the next buffer.
        """
        total, position = len(buffer), 0
        lengths: list[int] = []
        chunks = self._cdc.cut_buf(buffer)
        while position < total and (final or total - position >= self.maximum):
            length: int = next(chunks).length
            lengths.append(length)
            position += length
        return lengths
