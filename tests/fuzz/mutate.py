"""Changes of valid bytes: what a fuzzer without a view of the code can do."""

from __future__ import annotations

from random import Random

_WORDS = (
    *(
        b"\x00",
        b"\xff",
        b"\xff\xff\xff\xff",
        b"\xff" * 8,
        b"\x00" * 8,
        b"\x80",
        b"\n",
        b"\r\n",
        b" ",
        b": ",
        b"- ",
        b"\t",
    ),
    *(
        b"..",
        b"/",
        b"\\",
        b"&a",
        b"*a",
        b"!!x",
        b"{",
        b"}",
        b"[",
        b"]",
        b"'",
        b'"',
        b"#",
        b"---",
        b"|",
        b">",
        b"?",
        b"<<: ",
    ),
    *(
        b"-1",
        b"1e999",
        b"9223372036854775808",
        b".inf",
        b".nan",
        b"null",
        b"true",
        b"0x1",
        b"\xe2\x80\xae",
        b"\xed\xa0\x80",
    ),
    *(b"${item}", b"${", b"$", b"\xef\xbb\xbf", b"0" * 64, b"[" * 200, b"{" * 200, b"a: " * 50),
)


def mutate(random: Random, data: bytes, other: bytes) -> bytes:
    """``data`` after one to six changes; pieces of ``other`` may come into it."""
    found = bytearray(data)
    for _ in range(random.randint(1, 6)):
        at = random.randint(0, len(found))
        size = random.choice((1, 1, 2, 4, 8, 32, 100))
        kind = random.randrange(8)
        if kind == 0 and at < len(found):
            found[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            found[at : at + size] = random.randbytes(size)
        elif kind == 2:
            found[at:at] = random.choice(_WORDS)
        elif kind == 3:
            found[at : at + size] = random.choice(_WORDS)
        elif kind == 4:
            del found[at : at + size]
        elif kind == 5:
            start = random.randint(0, len(found))
            found[at:at] = found[start : start + size]
        elif kind == 6:
            start = random.randint(0, len(other))
            found[at : at + size] = other[start : start + size]
        else:
            del found[at:]
    return bytes(found)
