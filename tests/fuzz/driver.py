"""Mutated files for every reader of the package: a fast driver that needs no tool, and a command line.

    python tests/fuzz/driver.py --inputs 1000000 --seed 1 [model csv table npz idx ...]

A reader may return, or raise ValueError or OSError, as its docstring says. Everything else is a finding:
another exception, a warning, more than two seconds, or memory without bound.
"""

import argparse
import contextlib
import copy
import gzip
import hashlib
import io
import json
import os
import random
import struct
import sys
import tempfile
import time
import warnings
import zipfile
from importlib.util import find_spec
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
MODELS = Path(__file__).parents[1] / "compat"
ONNX = Path(__file__).parents[1] / "data" / "onnx"
MEMORY = 700_000_000  # bytes of addresses that the process may use more than at its start
SECONDS = 2.0  # of the processor, for one input of some hundred bytes
NUMBERS = (
    0, 1, 2, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**64 - 1,
)  # fmt: skip
VALUES = (
    None, True, False, 0, 1, -1, 2, 7, 10**6, 10**9, 2**31, 2**53, 2**63, 10**30, 0.5, -0.5, 1e308, 1e-308,
    "", "relu", "softmax", "batch", "float64", "x" * 300, "\ud800", "\x1b[2J", [], {}, [0], [1, 1], [[]],
    {"a": 1},
)  # fmt: skip
CELLS = (
    b"", b" ", b"0", b"-1", b"1e999", b"nan", b"inf", b"-inf", b"1_000", b"0x10", b"1,5", b'"', b'""',
    b'"a\nb"', b"\xff", b"\x00", b"\r", b"\xef\xbb\xbf", b"1e-400", b"9" * 400, "\u0661".encode(),
    "\u2028".encode(), b"=1+1", b"\t", b";",
)  # fmt: skip


# Mutations of bytes


def flip_bits(data, rng):
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def set_bytes(data, rng):
    for _ in range(rng.choice((1, 2, 4))):
        if data:
            data[rng.randrange(len(data))] = rng.choice((0, 1, 9, 10, 32, 34, 44, 127, 128, 255))


def set_number(data, rng):
    size, order = rng.choice((2, 4, 8)), rng.choice(("little", "big"))
    if len(data) > size:
        at = rng.randrange(len(data) - size)
        data[at : at + size] = (rng.choice(NUMBERS) % 2 ** (8 * size)).to_bytes(size, order)


def cut(data, rng):
    del data[rng.randrange(len(data) + 1) :]


def remove(data, rng):
    at = rng.randrange(len(data) + 1)
    del data[at : at + rng.choice((1, 2, 4, 8, 64))]


def repeat(data, rng):
    at = rng.randrange(len(data) + 1)
    data[at:at] = data[at : at + rng.choice((1, 4, 16, 64))] * rng.choice((1, 2, 9))


def insert(data, rng):
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice(CELLS)


BYTES = (flip_bits, set_bytes, set_number, cut, remove, repeat, insert)


def mutate_bytes(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice(BYTES)(data, rng)
    return bytes(data)


# Mutations that know the form of a file


def places(value, found, rng):
    """Every container of a JSON value with its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], (dict, list)):
            places(value[key], found, rng)
    return found


def some_value(rng):
    """A value that belongs to nobody: lists of VALUES would otherwise come to hold themselves."""
    return copy.deepcopy(rng.choice(VALUES))


def mutate_json(value, rng):
    for _ in range(rng.choice((1, 1, 2))):
        found = places(value, [], rng)
        if not found:
            return
        holder, key = rng.choice(found)
        chance = rng.random()
        if chance < 0.15:
            del holder[key]
        elif chance < 0.25 and isinstance(holder, list):
            holder.insert(key, some_value(rng))
        elif chance < 0.35 and isinstance(holder, dict):
            holder[rng.choice(("", "W9", "units", "extra", key + "x"))] = some_value(rng)
        elif chance < 0.5:
            other, place = rng.choice(found)
            if other is not holder or place != key:
                with contextlib.suppress(LookupError):
                    holder[key] = json.loads(json.dumps(other[place]))
        else:
            holder[key] = some_value(rng)


def sealed(data):
    """The bytes of a container with the checksum that they should have."""
    start = b'{"__metadata__":{"sha256":"'
    if data[8 : 8 + len(start)] != start or len(data) < 8 + len(start) + 64:
        return data
    digits = slice(8 + len(start), 8 + len(start) + 64)
    data = bytearray(data)
    data[digits] = b"0" * 64
    data[digits] = hashlib.sha256(data).hexdigest().encode()
    return bytes(data)


def mutate_model(data, rng):
    if rng.random() < 0.3:
        data = mutate_bytes(data, rng)
        return sealed(data) if rng.random() < 0.5 else data
    length = int.from_bytes(data[:8], "little")
    try:
        header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
        description = json.loads(header["__metadata__"]["deepcore"])
    except (ValueError, LookupError, TypeError):
        return mutate_bytes(data, rng)
    mutate_json(description if rng.random() < 0.7 else header, rng)
    with contextlib.suppress(LookupError, TypeError):
        header["__metadata__"]["deepcore"] = json.dumps(description)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    if rng.random() < 0.2:
        body = mutate_bytes(body, rng)
    return sealed(len(text).to_bytes(8, "little") + text + body)


def mutate_csv(data, rng):
    if rng.random() < 0.4:
        return mutate_bytes(data, rng)
    lines = [line.split(b",") for line in data.split(b"\n")]
    for _ in range(rng.choice((1, 1, 2, 3))):
        row = rng.choice(lines)
        chance = rng.random()
        if chance < 0.6 and row:
            row[rng.randrange(len(row))] = rng.choice(CELLS)
        elif chance < 0.75:
            row.insert(rng.randrange(len(row) + 1), rng.choice(CELLS))
        elif chance < 0.85 and row:
            del row[rng.randrange(len(row))]
        else:
            lines.insert(rng.randrange(len(lines) + 1), list(rng.choice(lines)))
    return b"\n".join(b",".join(row) for row in lines)


def members_of(data):
    """Names and contents of the files in an archive; None: it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [(info.filename, archive.read(info)) for info in archive.infolist()]
    except Exception:  # zipfile has many words for it
        return None


def mutate_excel(data, rng):
    members = members_of(data)
    if members is None or rng.random() < 0.2:
        return mutate_bytes(data, rng)
    chosen, out = rng.randrange(len(members)), io.BytesIO()
    with zipfile.ZipFile(out, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for number, (name, content) in enumerate(members):
            archive.writestr(name, mutate_bytes(content, rng) if number == chosen else content)
    return out.getvalue()


def mutate_npz(data, rng):
    members = members_of(data)
    if members is None or rng.random() < 0.4:
        return mutate_bytes(data, rng)
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        with zipfile.ZipFile(out, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
            for name, content in members:
                changed = content if rng.random() < 0.4 else mutate_npy(content, rng)
                archive.writestr(rng.choice((name, name, name, "y.npy", "../X.npy", "z")) or "X.npy", changed)
    return out.getvalue()


def mutate_npy(content, rng):
    words = (
        b"'<f8'", b"'|O'", b"'|a9'", b"'<U9'", b"'<M8[s]'", b"True", b"False", b"(3,)", b"(0, 2)", b"()",
        b"'|V8'", b"(9999999, 9999999)", b"[('a', '<f8')]", b"'<c16'", b"'|b1'", b"(-1, 2)", b"'>i4'",
    )  # fmt: skip
    if rng.random() < 0.5:
        return mutate_bytes(content, rng)
    header_end = content.find(b"\n", 10)
    header = content[10:header_end]
    key = rng.choice((b"'descr': ", b"'fortran_order': ", b"'shape': "))
    at = header.find(key) + len(key)
    stop = header.find(b", '", at)
    header = header[:at] + rng.choice(words) + header[stop if stop > 0 else len(header) :]
    header = header.ljust((-10 - 1) % 64 + 64)[:65000]
    return content[:8] + struct.pack("<H", len(header) + 1) + header + b"\n" + content[header_end + 1 :]


def mutate_idx(data, rng):
    zipped = data[:2] == b"\x1f\x8b"
    if zipped and rng.random() < 0.6:
        return gzip.compress(mutate_bytes(gzip.decompress(data), rng), 1) if rng.random() < 0.9 else data
    if not zipped and rng.random() < 0.5 and len(data) > 8:
        data = bytearray(data)
        at = 4 * rng.randrange(1, 4)
        data[at : at + 4] = struct.pack(">I", rng.choice(NUMBERS) % 2**32)
        return bytes(data)
    return mutate_bytes(data, rng)


# The readers


def read_model(data, path):
    from deepcore import _loading

    _loading.read(data)


def read_table(data, path):
    from deepcore.data.tables import csv_columns, read_csv

    read_csv(io.BytesIO(data), csv_columns(io.BytesIO(data))[-1])


def read_raw_table(data, path):
    from deepcore.tabular import Columns, read_table

    Columns.fit(read_table(io.BytesIO(data)))


def read_archive(data, path):
    from deepcore.data.tables import read_npz

    path.write_bytes(data)
    read_npz(path)


def read_stream(source):
    """One epoch with the rows of a file; numbers of another kind are a documented TypeError."""
    import deepcore as dc

    try:
        stream = dc.stream(source, 2)
        dc.mlp([4, 1]).fit(stream, epochs=1, threads=1)
    except TypeError as error:
        if "must hold numbers" not in str(error):
            raise


def read_streamed_archive(data, path):
    path = path.with_suffix(".npz")
    path.write_bytes(data)
    read_stream(path)


def read_streamed_array(data, path):
    import numpy as np

    path = path.with_suffix(".npy")
    path.write_bytes(data)
    read_stream((path, np.array([0, 1, 0])))


def read_images(data, path):
    from deepcore.data.images import read_idx

    path.write_bytes(data)
    read_idx(path)


def read_cats(data, path):
    from deepcore.data.images import load_cats

    (path.parent / "train_catvnoncat.h5").write_bytes(data)
    test = path.parent / "test_catvnoncat.h5"
    if not test.exists():
        test.write_bytes((CORPUS / "test_catvnoncat.h5").read_bytes())
    load_cats(path.parent)


def read_onnx(data, path):
    import deepcore as dc

    path.write_bytes(data)
    dc.from_onnx(path)


TARGETS = {
    "model": (mutate_model, read_model),
    "csv": (mutate_csv, read_table),
    "table": (mutate_csv, read_raw_table),
    "npz": (mutate_npz, read_archive),
    "npy": (mutate_npy, read_streamed_array),
    "streamed": (mutate_npz, read_streamed_archive),
    "idx": (mutate_idx, read_images),
    "parquet": (mutate_bytes, read_raw_table),
    "arrow": (mutate_bytes, read_raw_table),
    "excel": (mutate_excel, read_raw_table),
    "hdf5": (mutate_bytes, read_cats),
    "onnx": (mutate_bytes, read_onnx),
}
#: Targets that need libraries, by the names of their modules.
NEEDS = {
    "parquet": ["polars"],
    "arrow": ["polars"],
    "excel": ["polars", "fastexcel"],
    "hdf5": ["h5py"],
    "onnx": ["onnx"],
}
#: What a reader may raise. Files of estimators need scikit-learn, and say so where it is missing.
REFUSALS = (ValueError, OSError, *([] if find_spec("sklearn") else [ModuleNotFoundError]))
#: For some of these files polars asks for more memory than there is, and ends the process; see SECURITY.md.
UNSAFE = {"arrow", "parquet"}


def corpus(target):
    """The small valid files that mutations start from; of models, those that are kept of every format."""
    shared = {"table": "csv", "streamed": "npz"}
    paths = list((CORPUS / shared.get(target, target)).glob("*"))
    if target == "model":
        paths += MODELS.glob("*/*.safetensors")
    if target == "onnx":
        paths += ONNX.glob("*.onnx")
    return [path.read_bytes() for path in sorted(paths)]


def scratch_folder():
    """A folder in memory, where there is one."""
    shared = Path("/dev/shm")
    return tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None)


def limit_memory(limited=True):
    """Let an allocation without bound fail, or no longer; only for a process that does nothing else."""
    import resource

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY if limited else most, most))


def peak():
    """The most bytes of memory that this process has used."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def seconds_for(read, data, path):
    """Read a file again; return the time of the processor, since other programs may have taken the rest."""
    start = time.thread_time()
    with contextlib.suppress(Exception):
        read(data, path)
    return time.thread_time() - start


def fuzz(target, inputs, seed=0, seconds=None):
    """Read mutated files; returns how many, how many of them were accepted, and the findings.

    A finding is ``(what happened, the bytes)``.
    """
    mutate, read = TARGETS[target]
    rng, seeds = random.Random(f"{target} {seed}"), corpus(target)
    pool, findings, accepted, count = list(seeds), [], 0, 0
    end = None if seconds is None else time.monotonic() + seconds
    with scratch_folder() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        path = Path(folder) / "input"
        for count in range(1, inputs + 1):
            data = mutate(rng.choice(pool), rng)
            start = time.perf_counter()  # a call of thread_time may take as long as a small file
            try:
                read(data, path)
            except REFUSALS:
                pass
            except BaseException as error:  # the point of it all
                findings.append((f"{type(error).__name__}: {error}"[:300], data))
            else:
                accepted += 1
                if len(data) < 4000:  # accepted files are where the next mutations start
                    if len(pool) < 400:
                        pool.append(data)
                    else:
                        pool[rng.randrange(len(seeds), 400)] = data
            if time.perf_counter() - start > SECONDS and (used := seconds_for(read, data, path)) > SECONDS:
                findings.append((f"took {used:.1f} s", data))
            if (end is not None and count % 64 == 0 and time.monotonic() > end) or len(findings) > 20:
                break
    return count, accepted, findings


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=[target for target in TARGETS if target not in UNSAFE])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--keep", type=Path, help="folder for the inputs of findings")
    options = parser.parse_args()
    bad = 0
    for target in options.targets:
        limit_memory(False)
        fuzz(target, 3)  # what is imported counts as used
        before = peak()
        limit_memory(target not in NEEDS)  # where memory is short, polars ends the process
        start = time.process_time()
        count, accepted, findings = fuzz(target, options.inputs, options.seed, options.seconds)
        rate = count / (time.process_time() - start)
        print(
            f"{target}: {count} inputs, {accepted} accepted, {len(findings)} findings, {rate:.0f} per second",
            flush=True,
        )
        if (grown := peak() - before) > MEMORY:
            findings.append((f"took {grown} bytes of memory", b""))
        bad += len(findings)
        for number, (what, data) in enumerate(findings):
            print(f"  {what}  {data[:80]!r}")
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                (options.keep / f"{target}-{options.seed}-{number}").write_bytes(data)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
