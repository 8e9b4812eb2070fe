"""A random walk that a network steers, without the lock of Python: one network call per step.

    import deepcore as dc, monte_carlo
    model = dc.mlp([2, 16, 1])
    print(monte_carlo.mean_end(model, walks=1000, steps=1000, threads=2))
"""

from cython.parallel cimport parallel, prange
from deepcore cimport capi
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free


cdef inline float uniform(uint64_t *state) noexcept nogil:
    """A number in [-1, 1) from a 64-bit linear congruential generator (Knuth's constants)."""
    state[0] = state[0] * 6364136223846793005ULL + 1442695040888963407ULL
    return <float>((state[0] >> 40) * (2.0 / (1 << 24)) - 1.0)


cdef int walk(const capi.deepcore_api *api, capi.deepcore_predictor *predictor, int64_t steps, uint64_t seed,
              float *end) noexcept nogil:
    """Walk from 0: each step adds the output of the network for (position, noise)."""
    cdef float x[2]
    cdef float step = 0
    cdef uint64_t state = seed
    cdef int64_t t
    cdef int code
    x[0] = 0
    for t in range(steps):
        x[1] = uniform(&state)
        code = api.predict_f32(predictor, 1, x, 2, 1, &step, 1, 1)
        if code != capi.DEEPCORE_OK:
            return code
        x[0] += step
    end[0] = x[0]
    return capi.DEEPCORE_OK


def mean_end(model, int64_t walks, int64_t steps, int threads=1):
    """Return the mean end of ``walks`` random walks, each with ``steps`` steps.

    Args:
        model: A float32 model with 2 inputs, position and noise, and 1 output, the step.
        walks: Number of walks. Walk number k starts with the seed k.
        steps: Number of steps of each walk.
        threads: Number of threads; each has a predictor of its own.
    """
    cdef const capi.deepcore_api *api = capi.deepcore_import()
    cdef capi.deepcore_network *network = capi.network_of(api, model)
    cdef capi.deepcore_predictor *predictor = NULL  # each thread has its own
    cdef float *ends = <float *>calloc(walks, sizeof(float))
    cdef int *codes = <int *>calloc(walks, sizeof(int))
    cdef int64_t k
    cdef int made = 0
    cdef capi.deepcore_info info
    try:
        if ends == NULL or codes == NULL:
            raise MemoryError()
        capi.check(api, api.network_info(network, &info))
        if info.dtype != capi.DEEPCORE_FLOAT32 or info.inputs != 2 or info.outputs != 1:
            raise ValueError(
                "mean_end: model must be float32 with 2 inputs and 1 output, "
                f"got float{info.dtype} with {info.inputs} and {info.outputs}")
        with nogil, parallel(num_threads=threads):
            predictor = NULL
            made = api.predictor_create(network, &predictor)
            for k in prange(walks):
                codes[k] = made if made != capi.DEEPCORE_OK else walk(api, predictor, steps, <uint64_t>k, &ends[k])
            api.predictor_free(predictor)
        for k in range(walks):
            if codes[k] != capi.DEEPCORE_OK:
                raise RuntimeError(f"mean_end: walk {k} ended with the code {codes[k]}")
        return sum(ends[k] for k in range(walks)) / walks
    finally:
        api.network_free(network)
        free(ends)
        free(codes)


def calls(model, float[:, ::1] X, float[:, ::1] A, int64_t repeats):
    """Predict the first row of X ``repeats`` times into A, one call per prediction, for measurements."""
    cdef const capi.deepcore_api *api = capi.deepcore_import()
    cdef capi.deepcore_predictor *predictor = capi.predictor_of(api, model)
    cdef int64_t n = X.shape[1], k = A.shape[1], i
    cdef int code = capi.DEEPCORE_OK
    try:
        with nogil:
            for i in range(repeats):
                code |= api.predict_f32(predictor, 1, &X[0, 0], n, 1, &A[0, 0], k, 1)
        capi.check(api, code)
    finally:
        api.predictor_free(predictor)
