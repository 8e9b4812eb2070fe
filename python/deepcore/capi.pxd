# deepcore for Cython: the functions of deepcore_api.h, and models of Python as handles for them.
# Needs the C header of deepcore: include_dirs=[deepcore.get_include()].
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t


cdef extern from "deepcore_api.h" nogil:
    enum:
        DEEPCORE_ABI_VERSION
        DEEPCORE_OK
        DEEPCORE_INVALID_ARGUMENT
        DEEPCORE_OUT_OF_MEMORY
        DEEPCORE_BUSY
        DEEPCORE_NOT_FINITE
        DEEPCORE_NO_FILE
        DEEPCORE_FAILED
        DEEPCORE_FLOAT32
        DEEPCORE_FLOAT64

    ctypedef struct deepcore_network:
        pass
    ctypedef struct deepcore_predictor:
        pass
    ctypedef struct deepcore_optimizer:
        pass

    ctypedef struct deepcore_examples:
        int32_t dtype
        int64_t rows
        const void *X
        int64_t X_row_stride
        int64_t X_column_stride
        const int64_t *labels
        const void *y
        int64_t y_row_stride
        int64_t y_column_stride
        double (*loss)(void *context, int64_t example, const void *a, void *da) noexcept nogil
        void *loss_context
        const void *weights

    ctypedef struct deepcore_step:
        uint64_t seed
        int64_t step

    ctypedef struct deepcore_training:
        int64_t epochs
        int64_t batch_size
        int32_t shuffle
        int32_t threads
        uint64_t seed
        int32_t (*on_epoch)(void *context, int64_t epoch, double loss) noexcept nogil
        void *context

    ctypedef struct deepcore_layer:
        int64_t units
        const char *activation
        const char *initializer
        double dropout
        double l1
        double l2

    ctypedef struct deepcore_description:
        int32_t dtype
        int64_t inputs
        const deepcore_layer *layers
        int64_t layer_count
        const char *loss
        uint64_t seed

    ctypedef struct deepcore_info:
        int32_t dtype
        int64_t inputs
        int64_t outputs
        int64_t parameter_count
        int64_t epochs
        uint64_t seed

    ctypedef struct deepcore_constant:
        const char *name
        double value

    ctypedef struct deepcore_api:
        uint32_t abi_version
        uint32_t size
        const char *version
        const char *variant
        const char *(*last_error)() noexcept nogil
        int (*network_create)(const deepcore_description *description, deepcore_network **network) noexcept nogil
        int (*network_load)(const char *path, deepcore_network **network) noexcept nogil
        int (*network_save)(const deepcore_network *network, const char *path) noexcept nogil
        int (*network_share)(const deepcore_network *network, deepcore_network **another) noexcept nogil
        void (*network_free)(deepcore_network *network) noexcept nogil
        int (*network_info)(const deepcore_network *network, deepcore_info *info) noexcept nogil
        int (*network_read)(const deepcore_network *network, int32_t dtype, void *parameters, int64_t count) noexcept nogil
        int (*network_write)(deepcore_network *network, int32_t dtype, const void *parameters, int64_t count) noexcept nogil
        int (*predictor_create)(const deepcore_network *network, deepcore_predictor **predictor) noexcept nogil
        void (*predictor_free)(deepcore_predictor *predictor) noexcept nogil
        int (*predict_f32)(
            deepcore_predictor *predictor, int64_t rows, const float *X, int64_t X_row_stride,
            int64_t X_column_stride, float *A, int64_t A_row_stride, int64_t A_column_stride) noexcept nogil
        int (*predict_f64)(
            deepcore_predictor *predictor, int64_t rows, const double *X, int64_t X_row_stride,
            int64_t X_column_stride, double *A, int64_t A_row_stride, int64_t A_column_stride) noexcept nogil
        int (*gradient)(
            const deepcore_network *network, const deepcore_examples *examples, const deepcore_step *step,
            int32_t threads, double *cost, void *gradient, int64_t count) noexcept nogil
        int (*optimizer_create)(
            const deepcore_network *network, const char *rule, double learning_rate,
            const deepcore_constant *constants, int64_t constant_count, deepcore_optimizer **optimizer) noexcept nogil
        int (*optimizer_share)(const deepcore_optimizer *optimizer, deepcore_optimizer **another) noexcept nogil
        void (*optimizer_free)(deepcore_optimizer *optimizer) noexcept nogil
        int (*optimizer_info)(const deepcore_optimizer *optimizer, int64_t *steps, int64_t *slots) noexcept nogil
        int (*optimizer_set_steps)(deepcore_optimizer *optimizer, int64_t steps) noexcept nogil
        int (*optimizer_read)(
            const deepcore_optimizer *optimizer, int64_t slot, int32_t dtype, void *values, int64_t count) noexcept nogil
        int (*optimizer_write)(
            deepcore_optimizer *optimizer, int64_t slot, int32_t dtype, const void *values, int64_t count) noexcept nogil
        int (*optimizer_step)(
            deepcore_optimizer *optimizer, deepcore_network *network, const void *gradient, int64_t count) noexcept nogil
        int (*train)(
            deepcore_network *network, deepcore_optimizer *optimizer, const deepcore_examples *examples,
            const deepcore_training *training, double *losses, int64_t *epochs_done) noexcept nogil


cdef extern from "deepcore_api.h":
    # The table of the module that deepcore has chosen for this CPU. Raises ImportError if this module must be compiled again.
    const deepcore_api *deepcore_import() except NULL


# Raises what a code stands for: MemoryError, OSError, RuntimeError, or ValueError.
cdef inline int check(const deepcore_api *api, int code) except -1 nogil:
    if code == DEEPCORE_OK:
        return 0
    with gil:
        message = api.last_error().decode("utf-8", "replace")
        if code == DEEPCORE_OUT_OF_MEMORY:
            raise MemoryError(message)
        if code == DEEPCORE_NO_FILE:
            raise OSError(message)
        if code == DEEPCORE_BUSY or code == DEEPCORE_FAILED:
            raise RuntimeError(message)
        raise ValueError(message)


# A handle of the network of a Model, to be freed with api.network_free. It is the network itself and no copy.
cdef inline deepcore_network *network_of(const deepcore_api *api, object model) except NULL:
    from deepcore import capi

    cdef deepcore_network *another = NULL
    capsule = capi.network(model)
    check(api, api.network_share(
        <deepcore_network *>PyCapsule_GetPointer(capsule, "deepcore.capi.network"), &another))
    return another


# A handle of a bound optimizer, to be freed with api.optimizer_free.
cdef inline deepcore_optimizer *optimizer_of(const deepcore_api *api, object state) except NULL:
    from deepcore import capi

    cdef deepcore_optimizer *another = NULL
    capsule = capi.optimizer(state)
    check(api, api.optimizer_share(
        <deepcore_optimizer *>PyCapsule_GetPointer(capsule, "deepcore.capi.optimizer"), &another))
    return another


# A predictor of a Model, to be freed with api.predictor_free.
cdef inline deepcore_predictor *predictor_of(const deepcore_api *api, object model) except NULL:
    from deepcore import capi

    cdef deepcore_predictor *predictor = NULL
    capsule = capi.network(model)
    check(api, api.predictor_create(
        <deepcore_network *>PyCapsule_GetPointer(capsule, "deepcore.capi.network"), &predictor))
    return predictor
