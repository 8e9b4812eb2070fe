"""Every file operation and every allocation of a training with a checkpoint fails in turn.

The training ends as if nothing had happened, with a warning, or in a documented error. In every case the
model can be trained, a file that is left loads, and the same call goes on from it to the bits of the whole
training.
"""

import errno
import os

import pytest

COMMON = """
import shutil, threading, warnings

folder, start = Path(sys.argv[1]), sys.argv[2]
path, other = folder / "run", folder.parent / "unfinished"

def wait_for_writer(record):
    '''Let every epoch be written, so that the operations are always the same ones.'''
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join()

class Killed(Exception): pass

def train(*callbacks):
    model = make_model()
    history = model.fit(
        X, y, dc.Adam(dc.Cosine(0.01)), epochs=4, batch_size=8, threads=1,
        callbacks=[dc.EarlyStopping("loss", patience=9), *callbacks, wait_for_writer])
    return model, [model.flat_parameters.tobytes(), model.running.flat.tobytes(), dict(history)]

def kill(record):
    if record.epoch == 2:
        raise Killed

whole = train()[1]
try:
    train(dc.Checkpoint(other), kill)
except Killed:
    pass
failed = warned = 0

def attempt(arm, disarm, allowed):
    '''Train with one fault; return how many operations were seen.'''
    global failed, warned
    for entry in folder.iterdir():
        entry.unlink()
    if start == "resume":
        shutil.copy(other, path)
    holder = []
    def remember(record):
        holder[:] = [record.model]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        arm()
        try:
            result = train(dc.Checkpoint(path), remember)[1]
        except allowed as error:
            failed += 1
            result = None
            assert not isinstance(error, OSError) or ".deepcore-tmp" not in str(error), error
        finally:
            seen = disarm()
    messages = [str(warning.message) for warning in caught]
    assert all(str(path) in message and "could not be written" in message for message in messages), messages
    warned += bool(messages)
    assert result in (None, whole)
    for model in holder:
        usable(model)
    assert {entry.name for entry in folder.iterdir()} <= {"run"}, list(folder.iterdir())
    if start == "resume":
        assert path.exists()
    if path.exists():
        dc.load(path)
        checkpoint = dc.Checkpoint(path)
        assert train(checkpoint)[1] == whole
        assert checkpoint.resumed
    return seen
"""

FILES = """
step, error = map(int, sys.argv[3:])
layer.interpose_files.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_int]

def disarm():
    seen = layer.interpose_files_seen()
    layer.interpose_files(b"", -1, 0)
    return seen

for at in range(0, 10_000, step):
    print("operation", at, file=sys.stderr)
    if attempt(lambda: layer.interpose_files(os.fsencode(folder), at, error), disarm, OSError) <= at:
        break
print(at, failed, warned)
"""

MEMORY = """
watch_allocations()

def disarm():
    seen = layer.interpose_memory_seen()
    layer.interpose_memory(-1)
    return seen

step = int(sys.argv[3])
for at in range(0, 100_000, step):
    print("allocation", at, file=sys.stderr)
    if attempt(lambda: layer.interpose_memory(at), disarm, MemoryError) <= at:
        break
print(at, failed, warned)
"""


#: Of so many operations one fails: in the slow tests every fifth, or as DEEPCORE_FAULT_STEP says (1: each).
STEPS = [
    pytest.param(23, id="some"),
    pytest.param(int(os.environ.get("DEEPCORE_FAULT_STEP", "5")), id="more", marks=pytest.mark.slow),
]
ERRORS = {"full disk": errno.ENOSPC, "short": 0, "damaged disk": errno.EIO, "interrupt": errno.EINTR}
STARTS = pytest.mark.parametrize("start", ["fresh", "resume"])


@STARTS
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "error", ["full disk", *(pytest.param(name, marks=pytest.mark.slow) for name in list(ERRORS)[1:])]
)
def test_every_failed_file_operation_leaves_a_training_that_goes_on(start, step, error, child, tmp_path):
    (folder := tmp_path / "files").mkdir()
    operations, failed, warned = map(int, child(COMMON + FILES, folder, start, step, ERRORS[error]))
    assert operations > 20
    if error in ("full disk", "damaged disk"):
        assert warned > 0
        assert failed > 0 or start == "fresh"  # what cannot be read is an error


@STARTS
@pytest.mark.parametrize("step", STEPS)
def test_every_failed_allocation_leaves_a_training_that_goes_on(start, step, child, tmp_path):
    (folder := tmp_path / "files").mkdir()
    allocations, failed, _ = map(int, child(COMMON + MEMORY, folder, start, step))
    assert allocations > 100
    assert failed > 0
