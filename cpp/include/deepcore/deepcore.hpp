// All of deepcore in one include.
// Public header, standard library only.
#pragma once

#include <deepcore/buffer.hpp>
#include <deepcore/catalog.hpp>
#include <deepcore/checkpoint.hpp>
#include <deepcore/error.hpp>
#include <deepcore/functional.hpp>
#include <deepcore/many.hpp>
#include <deepcore/model_file.hpp>
#include <deepcore/network.hpp>
#include <deepcore/optimizer.hpp>
#include <deepcore/predictor.hpp>
#include <deepcore/rng.hpp>
#include <deepcore/schedule.hpp>
#include <deepcore/spec.hpp>
#include <deepcore/threads.hpp>
#include <deepcore/train.hpp>
#include <deepcore/version.hpp>
#include <deepcore/view.hpp>
