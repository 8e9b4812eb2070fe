// Checkpoints: the files of Python's deepcore.Checkpoint, so that a training can go on in either language.
// Public header, standard library only.
#pragma once

#include <deepcore/model_file.hpp>
#include <deepcore/train.hpp>

#include <string>
#include <vector>

namespace deepcore {

// A training between two of its steps: that of Model.fit, with no metrics, validation data or callbacks besides the
// Checkpoint; only Python can continue another one.
template <class T>
struct Checkpoint {
  // A training that begins now: `epochs` passes over `examples` examples, with model.seed as its seed.
  Checkpoint(Model<T> m, Rule rule, Schedule learning_rate, Index examples, Index epochs, Index batch_size,
             bool shuffle = true);

  Model<T> model;          // as it is now
  Optimizer<T> optimizer;  // its slots and steps belong to the training
  Index examples, epochs, batch_size;
  bool shuffle;
  Index first_epoch, first_step;  // of the network and of the optimizer when the training began
  Place place;                    // within the present epoch
  std::vector<double> losses;     // of the epochs that have ended
  Index diverged_at = -1;         // the step whose loss was not finite, which ended the training; -1: none
  int diverged_layer = 0;         // the first layer whose numbers were not finite; 0: none
  // Texts in JSON from the file, which only Python reads: digests of what the training started from, and its settings.
  // Empty, for a training that began in C++: then Python compares less.
  std::string start = {}, settings = {};

  Index steps_per_epoch() const { return (examples + batch_size - 1) / batch_size; }
  bool finished() const { return diverged_at >= 0 || static_cast<Index>(losses.size()) >= epochs; }
};

// Reads a checkpoint. The rule and the rate must be those of the training; where the file has them as numbers, they are
// compared. Throws like load_model().
template <class T>
Checkpoint<T> load_checkpoint(const std::string& path, const Rule& rule, const Schedule& learning_rate);

// The file has all of the training or, if something goes wrong, what it had before. A monitor may call it in epoch() and
// in pause().
template <class T>
void save_checkpoint(const std::string& path, const Checkpoint<T>& checkpoint);

// Goes on until the training has ended or the monitor ends it, and keeps the checkpoint up to date; the bits are those of a
// training that is never interrupted. The examples must be those of the training: their number is checked. Throws like
// train().
template <class T>
void resume(Checkpoint<T>& checkpoint, const Examples<T>& examples, Monitor& monitor, int threads = 0);

}  // namespace deepcore
