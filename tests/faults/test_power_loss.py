"""A simulated loss of power leaves the old file or the new one.

The interposed library records the file operations of a save. The disk keeps what was synced. Of a file's
later writes it may keep any, and of the changes to the folder any: nothing else orders them.
"""

import itertools

import pytest

import deepcore as dc

CODE = """
folder, log = Path(sys.argv[1]), sys.argv[2]
layer.interpose_files.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_int]
model = make_model()
model.save(folder / "model")
model.fit(X, y, epochs=1)
layer.interpose_files(os.fsencode(folder), -1, 0)
record = os.open(log, os.O_WRONLY | os.O_CREAT)
layer.interpose_record(record)
model.save(folder / "model")
layer.interpose_record(-1)
"""


class Disk:
    """The files of one folder, as the operations of a process leave them."""

    def __init__(self, names):
        self.synced_names, self.changes = dict(names), []  # name: inode; later changes of the folder
        self.synced_data = {}  # inode: bytes that are safe
        self.writes = {}  # inode: later writes (offset, bytes)
        self.open = {}  # descriptor: (inode or None for the folder, offset)

    def now(self):
        names = dict(self.synced_names)
        for change in self.changes:
            change(names)
        return names

    def apply(self, what, fd, a, b, data):
        if what == "create" or (what == "open" and a in self.now()):
            inode = self.now().get(a)
            if inode is None:
                inode = f"inode of {a}"
                self.synced_data[inode], self.writes[inode] = b"", []
                self.changes.append(lambda names: names.__setitem__(a, inode))
            self.open[fd] = [inode, 0]
        elif what == "open":
            self.open[fd] = [None, 0]
        elif what in ("write", "pwrite"):
            file = self.open[fd]
            offset = file[1] if what == "write" else int(a)
            self.writes[file[0]].append((offset, data))
            if what == "write":
                file[1] += len(data)
        elif what == "seek":
            self.open[fd][1] = int(a)
        elif what == "fsync":
            inode = self.open[fd][0]
            if inode is None:
                self.synced_names, self.changes = self.now(), []
            else:
                self.synced_data[inode] = written(self.synced_data[inode], self.writes[inode])
                self.writes[inode] = []
        elif what == "rename":
            inode = self.now()[a]

            def rename(names):
                names.pop(a, None)
                names[b] = inode

            self.changes.append(rename)

    def after_a_loss(self, name):
        """Every content that the file may have when the power comes back."""
        for kept in subsets(self.changes):
            names = dict(self.synced_names)
            for change in kept:
                change(names)
            inode = names.get(name)
            if inode is None:
                yield None
                continue
            for writes in subsets(self.writes[inode]):
                for order in itertools.permutations(writes) if len(writes) < 4 else [writes]:
                    yield written(self.synced_data[inode], order)


def subsets(items):
    """All subsets of few items; of many those that are a beginning, or lack one item."""
    if len(items) <= 6:
        for count in range(len(items) + 1):
            yield from itertools.combinations(items, count)
        return
    for end in range(len(items) + 1):
        yield items[:end]
        yield items[:end] + items[end + 1 :]


def written(data, writes):
    content = bytearray(data)
    for offset, piece in writes:
        content.extend(bytes(max(0, offset + len(piece) - len(content))))
        content[offset : offset + len(piece)] = piece
    return bytes(content)


def operations(log):
    """The records of the library: what, descriptor, two names, and the bytes of a write."""
    data, position = log.read_bytes(), 0
    while position < len(data):
        end = data.index(b"\n", position)
        what, fd, a, b, size = data[position:end].decode().split("\t")
        position = end + 1 + int(size)
        yield what, int(fd), a.rpartition("/")[2], b.rpartition("/")[2], data[end + 1 : position]


def test_the_file_is_the_old_or_the_new_one_whenever_the_power_fails(child, tmp_path):
    (folder := tmp_path / "files").mkdir()
    child(CODE, folder, tmp_path / "log")
    new = (folder / "model").read_bytes()
    records = list(operations(tmp_path / "log"))
    assert {"create", "write", "fsync", "rename"} <= {what for what, *_ in records}

    old = b"the old file"
    disk = Disk({"model": "old"})
    disk.synced_data["old"], disk.writes["old"] = old, []
    contents = set(disk.after_a_loss("model"))
    for record in records:
        disk.apply(*record)
        contents |= set(disk.after_a_loss("model"))
    assert contents == {old, new}
    assert set(disk.after_a_loss("model")) == {new}  # a save that has returned is safe
    dc.load(folder / "model")


@pytest.mark.parametrize("lost", ["fsync", "rename"])
def test_the_simulation_notices_a_save_that_does_not_sync(lost):
    # the test of the test: without fsync the rename may reach the disk before the content does
    disk = Disk({"model": "old"})
    disk.synced_data["old"], disk.writes["old"] = b"old", []
    steps = [("create", 3, "draft", "", b""), ("write", 3, "", "", b"new"), ("fsync", 3, "", "", b"")]
    steps = [*steps, ("rename", -1, "draft", "model", b"")]
    contents = set()
    for step in steps:
        if step[0] != lost:
            disk.apply(*step)
        contents |= set(disk.after_a_loss("model"))
    assert (contents <= {b"old", b"new"}) == (lost == "rename")
