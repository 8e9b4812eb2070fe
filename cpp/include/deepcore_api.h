// deepcore for C, Cython and ctypes: a table of functions that need neither Python nor its lock.
// Public header for C99 and C++, standard library only.
#ifndef DEEPCORE_API_H
#define DEEPCORE_API_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The number of this interface. A later version of deepcore with the same number may have more functions at the end of the
// table; everything else is as it is here.
#define DEEPCORE_ABI_VERSION 1

// What the functions return. After any code but DEEPCORE_OK, deepcore_api.last_error() is one sentence that says what was
// wrong, and the arrays that were handed in may have been written in part.
enum {
  DEEPCORE_OK = 0,
  DEEPCORE_INVALID_ARGUMENT = 1,
  DEEPCORE_OUT_OF_MEMORY = 2,
  DEEPCORE_BUSY = 3,        // another thread trains the network, or uses the optimizer or the predictor
  DEEPCORE_NOT_FINITE = 4,  // train: the loss became infinite or NaN; the parameters are those before that step
  DEEPCORE_NO_FILE = 5,     // a file cannot be read or written
  DEEPCORE_FAILED = 6
};

enum { DEEPCORE_FLOAT32 = 32, DEEPCORE_FLOAT64 = 64 };  // the dtype of a network and of all of its arrays

// Handles. Each is freed by its own function; NULL may be freed. A network lives as long as one handle of it.
typedef struct deepcore_network deepcore_network;
typedef struct deepcore_predictor deepcore_predictor;
typedef struct deepcore_optimizer deepcore_optimizer;

// Examples for gradient and train. Rows are examples. Element (i, j) of a matrix lies at
// data[i * row_stride + j * column_stride]; strides count elements, and a row without gaps has column_stride 1.
typedef struct deepcore_examples {
  int32_t dtype;  // DEEPCORE_FLOAT32: X, y and weights are float; DEEPCORE_FLOAT64: double. That of the network.
  int64_t rows;   // number of examples
  const void* X;  // (rows, inputs)
  int64_t X_row_stride, X_column_stride;
  // One of the following three is given, and the others are NULL.
  const int64_t* labels;  // (rows) class of each example, for a softmax output
  const void* y;          // (rows, outputs) targets
  int64_t y_row_stride, y_column_stride;
  // A loss of your own, in the place of the network's: returns the loss of an example (from 0 to rows - 1) with the outputs
  // a, and writes its derivative with respect to each output to da; both have the network's dtype. Several threads call it at
  // once. It must not throw and must not use longjmp.
  double (*loss)(void* context, int64_t example, const void* a, void* da);
  void* loss_context;
  const void* weights;  // (rows) weights of the examples; NULL: all 1
} deepcore_examples;

// One step of training, for gradient: dropout masks are a function of seed and step. NULL in its place: the
// network works as it predicts, without dropout.
typedef struct deepcore_step {
  uint64_t seed;
  int64_t step;  // from 0
} deepcore_step;

typedef struct deepcore_training {
  int64_t epochs;
  int64_t batch_size;  // number of examples per step; 0: all of them
  int32_t shuffle;     // 1: a new order in every epoch, drawn from the seed and the number of the epoch; 0: no
  int32_t threads;     // 0: the default of the machine
  uint64_t seed;       // that of the model gives the bits of Model.fit
  // Called after every epoch, on the calling thread, with its number from 0 and its loss. Another value than 0 ends the
  // training. NULL: none. It must not throw and must not use longjmp.
  int32_t (*on_epoch)(void* context, int64_t epoch, double loss);
  void* context;
} deepcore_training;

typedef struct deepcore_layer {
  int64_t units;
  const char* activation;   // "relu", ...: a name of deepcore.catalog.activations; "softmax" only in the last layer
  const char* initializer;  // "he", "xavier", ...: a name of deepcore.catalog.initializers
  double dropout, l1, l2;   // 0: none
} deepcore_layer;

// A network from its layers. Networks with other options are made in Python.
typedef struct deepcore_description {
  int32_t dtype;
  int64_t inputs;
  const deepcore_layer* layers;  // from the first hidden layer to the output layer
  int64_t layer_count;
  const char* loss;  // "binary_cross_entropy", ...: a name of deepcore.catalog.losses
  uint64_t seed;     // of the initial weights; below 2^63
} deepcore_description;

typedef struct deepcore_info {
  int32_t dtype;
  int64_t inputs, outputs;
  int64_t parameter_count;  // of W1 b1 W2 b2 ... behind each other, each W column by column
  int64_t epochs;           // number of epochs trained so far
  uint64_t seed;            // for deepcore_training; 0 for a network of Python, whose model knows its seed
} deepcore_info;

typedef struct deepcore_constant {  // of an optimizer: {"beta1", 0.8}
  const char* name;
  double value;
} deepcore_constant;

// The table. Its functions may be called from any thread, and do not throw. Those that take a const network may run in any
// number of threads, also while another thread trains it; they then see its last finished epoch. One thread at a time may
// train, step or write a network, and one may use an optimizer or a predictor; a second one gets DEEPCORE_BUSY.
typedef struct deepcore_api {
  uint32_t abi_version;  // DEEPCORE_ABI_VERSION of the library
  uint32_t size;         // bytes of the library's table
  const char* version;   // "0.1.0"
  const char* variant;   // CPU level of the functions: "v3"

  // What was wrong in the last call of this thread that returned a code. Valid until the next one that does.
  const char* (*last_error)(void);

  int (*network_create)(const deepcore_description* description, deepcore_network** network);
  // Reads the network of a file of Model.save, or writes one that deepcore.load reads in Python. A network of Python is saved
  // there, by its model.
  int (*network_load)(const char* path, deepcore_network** network);
  int (*network_save)(const deepcore_network* network, const char* path);
  // Another handle of the same network, not a copy of it.
  int (*network_share)(const deepcore_network* network, deepcore_network** another);
  void (*network_free)(deepcore_network* network);
  int (*network_info)(const deepcore_network* network, deepcore_info* info);
  // Copies all parameters out of or into the network. count: info.parameter_count.
  int (*network_read)(const deepcore_network* network, int32_t dtype, void* parameters, int64_t count);
  int (*network_write)(deepcore_network* network, int32_t dtype, const void* parameters, int64_t count);

  // A packed copy of the parameters with its own memory: later changes of the network are not seen.
  int (*predictor_create)(const deepcore_network* network, deepcore_predictor** predictor);
  void (*predictor_free)(deepcore_predictor* predictor);
  // X (rows, inputs) -> A (rows, outputs), on the calling thread. Allocates nothing. Values are not checked: NaN in X gives
  // NaN in A. X and A must not overlap, except that one row may be replaced by its own outputs.
  int (*predict_f32)(deepcore_predictor* predictor, int64_t rows, const float* X, int64_t X_row_stride,
                     int64_t X_column_stride, float* A, int64_t A_row_stride, int64_t A_column_stride);
  int (*predict_f64)(deepcore_predictor* predictor, int64_t rows, const double* X, int64_t X_row_stride,
                     int64_t X_column_stride, double* A, int64_t A_row_stride, int64_t A_column_stride);

  // The cost (mean loss and penalties), and d(cost)/d(parameters): count values of the network's dtype. cost may be NULL.
  int (*gradient)(const deepcore_network* network, const deepcore_examples* examples, const deepcore_step* step,
                  int32_t threads, double* cost, void* gradient, int64_t count);
  // rule: "sgd", "adam", ...: a name of deepcore.catalog.optimizers. Constants that are not given have their defaults.
  int (*optimizer_create)(const deepcore_network* network, const char* rule, double learning_rate,
                          const deepcore_constant* constants, int64_t constant_count, deepcore_optimizer** optimizer);
  int (*optimizer_share)(const deepcore_optimizer* optimizer, deepcore_optimizer** another);
  void (*optimizer_free)(deepcore_optimizer* optimizer);
  // The state of an optimizer, so that a training can be saved and resumed: the number of its steps, and its slots, of which
  // each has count = info.parameter_count values. Adam has 2, and SGD without momentum has none.
  int (*optimizer_info)(const deepcore_optimizer* optimizer, int64_t* steps, int64_t* slots);
  int (*optimizer_set_steps)(deepcore_optimizer* optimizer, int64_t steps);
  int (*optimizer_read)(const deepcore_optimizer* optimizer, int64_t slot, int32_t dtype, void* values, int64_t count);
  int (*optimizer_write)(deepcore_optimizer* optimizer, int64_t slot, int32_t dtype, const void* values, int64_t count);
  // One step with a gradient that gradient has written.
  int (*optimizer_step)(deepcore_optimizer* optimizer, deepcore_network* network, const void* gradient, int64_t count);

  // Trains for training->epochs epochs. losses: one value for each epoch, or NULL. epochs_done, if not NULL: the number of
  // epochs that were finished.
  int (*train)(deepcore_network* network, deepcore_optimizer* optimizer, const deepcore_examples* examples,
               const deepcore_training* training, double* losses, int64_t* epochs_done);
} deepcore_api;

// The table of a program that is linked with the C++ library of deepcore. NULL if the library has another number.
const deepcore_api* deepcore_get_api(uint32_t abi_version);

#ifdef __cplusplus
}
#endif

// Names of the capsules that Python holds: of this table, and of handles.
#define DEEPCORE_API_CAPSULE "deepcore.capi.table"
#define DEEPCORE_NETWORK_CAPSULE "deepcore.capi.network"
#define DEEPCORE_OPTIMIZER_CAPSULE "deepcore.capi.optimizer"

// Extension modules of Python include Python.h first, and get the table of the module that the package deepcore has chosen
// for this CPU. NULL: an ImportError is set.
#ifdef Py_PYTHON_H
// NOLINTBEGIN(modernize-use-nullptr): this header is C as well
static inline const deepcore_api* deepcore_import(void) {
  const deepcore_api* api = (const deepcore_api*)PyCapsule_Import(DEEPCORE_API_CAPSULE, 0);
  if (api == NULL) return NULL;
  if (api->abi_version != DEEPCORE_ABI_VERSION || api->size < sizeof(deepcore_api)) {
    PyErr_Format(
        PyExc_ImportError,
        "deepcore: this module was compiled for ABI %d with %d bytes, but deepcore %s has ABI %u with %u bytes; "
        "compile it again",
        DEEPCORE_ABI_VERSION, (int)sizeof(deepcore_api), api->version, api->abi_version, api->size);
    return NULL;
  }
  return api;
}
// NOLINTEND(modernize-use-nullptr)
#endif

#endif
