"""Files of other programs that hold no section here: what they are, and what to export."""

from __future__ import annotations

from s2s_core.readers.source import Source

# How a file begins (unpacked), what it is, and what to do.
SIGNS = {
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "save its sheet as CSV UTF-8"),
    b"RDX": ("R data", "export it in R, with write.csv() of counts and coordinates"),
    b"X\n\x00\x00": ("an R object", "export it in R, with write.csv() of counts and coordinates"),
    b"A\n": ("an R object", "export it in R, with write.csv() of counts and coordinates"),
}


def sentence(source: Source) -> str | None:
    """What the input is, where it is a kind of file that others have tried; None for any other."""
    if any(name.startswith("xl/work") for name in source.names):
        return f"{source.name!r} is an Excel workbook; save its sheet as CSV UTF-8 and give that."
    if "content.xml" in source.names and "meta.xml" in source.names:
        return f"{source.name!r} is an office document; save its sheet as CSV and give that."
    if source.single is None:
        return None
    head = source.head(source.single, 8)
    for start, (what, todo) in SIGNS.items():
        if head.startswith(start):
            return f"{source.name!r} is {what}; {todo}."
    return None
