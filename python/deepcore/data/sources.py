"""Where a table comes from: a path, standard input or a file object becomes bytes, and bytes become text."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import os
import sys
import zipfile
import zlib
from io import BytesIO
from typing import IO, Any

from deepcore import _checks
from deepcore._regular import open_stream

__all__ = ["FREE_BYTES", "MOST_EXPANSION", "decode", "is_excel", "name_of", "read_bytes"]

# What a compressed file holds may take this many bytes, or this many times the size of the file. Real data
# shrink by less than 100; the limit of deflate is 1032, which one megabyte of zeros inside a file reaches.
FREE_BYTES = 100_000_000
MOST_EXPANSION = 200

_CHUNK = 1 << 20
# What the decompressors raise for damaged data.
_DAMAGED = (
    EOFError, OSError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError, zipfile.BadZipFile,
)  # fmt: skip
_MAGIC = {
    b"PK\x03\x04": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def name_of(source: Any) -> str:
    """Return what messages call a source."""
    if isinstance(source, (str, os.PathLike)):
        return "standard input" if os.fspath(source) == "-" else os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "the file object"


def read_bytes(who: str, source: Any) -> bytes:
    """Read a whole source, and expand it if it is compressed with gzip, bzip2, xz, zstd or zip.

    Args:
        who: Name of the caller, the head of messages.
        source: A path, ``"-"`` for standard input, or a file object.

    Raises:
        OSError: If it cannot be read.
        TypeError: If it is none of these.
        ValueError: If the compressed data are damaged, or expand too far.
    """
    if isinstance(source, (str, os.PathLike)):
        if os.fspath(source) == "-":
            data = sys.stdin.buffer.read()
        else:
            with open_stream(source) as file:
                data = file.read()
    elif hasattr(source, "read"):
        read = source.read()
        data = read.encode("utf-8") if isinstance(read, str) else bytes(read)
    else:
        raise TypeError(
            f"{who}: a source must be a path, '-' for standard input, or a file object, got "
            f"{type(source).__name__}"
        )
    kind = next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)
    if kind is None or (kind == "zip" and is_excel(data)):
        return data
    return _expanded(who, data, kind, name_of(source))


def is_excel(data: bytes) -> bool:
    """Return whether the bytes are an Excel file (.xlsx), which is a zip archive."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except _DAMAGED:
        return False


def _expanded(who: str, data: bytes, kind: str, name: str) -> bytes:
    limit = max(FREE_BYTES, MOST_EXPANSION * len(data))
    parts, size = [], 0
    try:
        with _opened(who, data, kind) as file:
            while part := file.read(_CHUNK):
                parts.append(part)
                size += len(part)
                if size > limit:
                    raise ValueError(
                        f"{who}: {name} expands to more than {limit} bytes, which a {kind} file of "
                        f"{len(data)} bytes may hold; expand it first"
                    )
    except _DAMAGED as error:
        raise ValueError(f"{who}: {name} is not a valid {kind} file: {error}") from error
    return b"".join(parts)


def _opened(who: str, data: bytes, kind: str) -> IO[bytes]:
    stream = BytesIO(data)
    if kind == "zip":
        archive = zipfile.ZipFile(stream)
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if len(names) != 1:
            raise ValueError(
                f"{who}: a zip file must hold one table, got {_checks.first_names(names) or 'none'}; extract "
                "it first"
            )
        return archive.open(names[0])
    if kind == "gzip":
        return gzip.open(stream)  # type: ignore[return-value]
    if kind == "bzip2":
        return bz2.open(stream)
    if kind == "xz":
        return lzma.open(stream)
    return _zstd(who, stream)


def _zstd(who: str, stream: IO[bytes]) -> IO[bytes]:
    """Zstandard is part of Python from 3.14 on; before, it is a library."""
    from importlib import import_module

    for module, function in (("compression.zstd", "open"), ("zstandard", "open"), ("backports.zstd", "open")):
        try:
            return getattr(import_module(module), function)(stream, "rb")  # type: ignore[no-any-return]
        except ImportError:
            continue
    raise ImportError(
        f"{who}: zstd files need Python 3.14 or the library zstandard; pip install zstandard, or expand the "
        "file with unzstd first"
    )


def decode(who: str, data: bytes, encoding: str | None, name: str) -> str:
    """Decode the text of a table.

    Args:
        who: Name of the caller, the head of messages.
        data: The bytes.
        encoding: Name of the encoding; None: by the byte order mark, else UTF-8.
        name: Name of the source.

    Raises:
        ValueError: If the bytes are not text in this encoding, or the encoding is unknown.
    """
    marked = next((code for mark, code in _MARKS if data.startswith(mark)), None)
    if encoding is None:
        encoding = marked or _guessed(data)
    try:
        text = data.decode(encoding)
    except LookupError as error:
        raise ValueError(
            f"{who}: encoding must be a name that Python knows, such as 'utf-8', 'latin-1', 'cp1252' or "
            f"'utf-16', got {_checks.shown(encoding)}"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{who}: {name} is not {encoding.upper()} text (byte {error.start}); if it is a CSV file, name "
            "its encoding: encoding='cp1252' for most files of Western Europe, 'latin-1' or 'utf-16'"
        ) from error
    return text.removeprefix("\ufeff")


def _guessed(data: bytes) -> str:
    """UTF-16 without a mark has a zero in every second byte of its first characters; else UTF-8."""
    head = data[:512]
    for code, zeros, others in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if len(head) >= 4 and zeros.count(0) > 0.8 * len(zeros) and others.count(0) == 0:
            return code
    return "utf-8"
