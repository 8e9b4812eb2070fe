// Trains a network on the exclusive or, in C: a program that is linked with the library of deepcore.
// cmake -S examples/c -B build -Ddeepcore_DIR=$(python -m deepcore --cmake-dir) && cmake --build build && build/train
#include <deepcore_api.h>

#include <stdio.h>
#include <stdlib.h>

static const deepcore_api *api;

// Ends the program with the message of a call that failed.
static void check(int code) {
  if (code == DEEPCORE_OK) return;
  fprintf(stderr, "%s\n", api->last_error());
  exit(EXIT_FAILURE);
}

int main(void) {
  const float X[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, y[4] = {0, 1, 1, 0};
  const deepcore_layer layers[] = {{8, "tanh", "xavier", 0, 0, 0}, {1, "sigmoid", "xavier", 0, 0, 0}};
  const deepcore_description description = {DEEPCORE_FLOAT32, 2, layers, 2, "binary_cross_entropy", 1};
  const deepcore_constant constants[] = {{"beta1", 0.8}};
  deepcore_network *network = NULL;
  deepcore_optimizer *optimizer = NULL;
  deepcore_predictor *predictor = NULL;
  deepcore_examples examples = {0};
  deepcore_training training = {0};
  double losses[200];
  float a[4];
  int j, wrong = 0;

  api = deepcore_get_api(DEEPCORE_ABI_VERSION);
  if (api == NULL) {
    fprintf(stderr, "the library of deepcore has another ABI than its header\n");
    return EXIT_FAILURE;
  }
  check(api->network_create(&description, &network));
  check(api->optimizer_create(network, "adam", 0.05, constants, 1, &optimizer));
  examples.dtype = DEEPCORE_FLOAT32;
  examples.rows = 4;
  examples.X = X;
  examples.X_row_stride = 2;
  examples.X_column_stride = 1;
  examples.y = y;
  examples.y_row_stride = examples.y_column_stride = 1;
  training.epochs = 200;
  check(api->train(network, optimizer, &examples, &training, losses, NULL));
  check(api->predictor_create(network, &predictor));
  check(api->predict_f32(predictor, 4, &X[0][0], 2, 1, a, 1, 1));
  printf("deepcore %s, variant %s: loss %.4f after 200 steps\n", api->version, api->variant, losses[199]);
  for (j = 0; j < 4; ++j) {
    printf("%g xor %g = %.3f\n", X[j][0], X[j][1], a[j]);
    wrong += (a[j] > 0.5f) != (y[j] > 0.5f);
  }
  api->predictor_free(predictor);
  api->optimizer_free(optimizer);
  api->network_free(network);
  return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
