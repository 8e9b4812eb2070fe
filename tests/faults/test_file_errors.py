"""Every file operation of a save and a load fails in turn: an error, and the old file or the new one."""

import errno

import pytest

CODE = """
what, error, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
layer.interpose_files.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_int]
model, path = make_model(), folder / "model"
model.save(path)
old = path.read_bytes()
model.fit(X, y, epochs=1)
model.save(folder / "new")
new = (folder / "new").read_bytes()
(folder / "new").unlink()
failed = 0
for at in range(10_000):
    path.write_bytes(old)
    print("operation", at, file=sys.stderr)
    layer.interpose_files(os.fsencode(folder), at, error)
    try:
        loaded = dc.load(path) if what == "load" else model.save(path)
    except OSError as problem:
        failed += 1
        assert problem.errno == error, problem
        if what == "save":
            assert ".deepcore-tmp" not in str(problem), problem
        finished = False
    else:
        finished = True
    finally:
        seen = layer.interpose_files_seen()
        layer.interpose_files(b"", -1, 0)
    assert [entry.name for entry in folder.iterdir()] == ["model"], list(folder.iterdir())
    content = path.read_bytes()
    if what == "load":
        assert content == old
    else:
        assert content == new if finished else content in (old, new)
    dc.load(path)
    usable(model.copy())
    if seen <= at:
        break
print(at, failed)
"""
ERRORS = {
    "full disk": errno.ENOSPC,
    "quota": errno.EDQUOT,
    "damaged disk": errno.EIO,
    "interrupt": errno.EINTR,
}


@pytest.mark.parametrize("what", ["save", "load"])
@pytest.mark.parametrize(
    "error",
    ["full disk", "short", *(pytest.param(e, marks=pytest.mark.slow) for e in list(ERRORS)[1:])],
)
def test_every_failed_file_operation_leaves_the_old_file_or_the_new_one(what, error, child, tmp_path):
    (folder := tmp_path / "files").mkdir()
    operations, failed = map(int, child(CODE, what, ERRORS.get(error, 0), folder))
    assert operations > 1
    if error in ("full disk", "quota", "damaged disk"):
        assert failed > 0
