// The tables: names, parsers, slots, and the contract of the optimizers with padding.
// Level: tests.
#include "check.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/optimizer.hpp>

#include "kernels/activations.hpp"
#include "kernels/head.hpp"
#include "kernels/update.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace deepcore {
namespace {

// f(what, rows, parser) for every table that has a parser.
template <class F>
void for_tables(F f) {
  f("activation", activations(), activation_id);
  f("loss", losses(), loss_id);
  f("init", initializers(), initializer_id);
  f("optimizer", optimizers(), optimizer_id);
  f("schedule", schedules(), schedule_id);
}

TEST(names_are_unique_and_every_row_has_a_formula) {
  const auto rows_of = [](const auto& rows) {
    std::set<std::string> names;
    for (const auto& row : rows) {
      CHECK(names.insert(row.name).second, row.name);
      CHECK(!std::string(row.formula).empty(), row.name);
    }
    CHECK(!rows.empty());
  };
  for_tables([&](const char*, const auto& rows, auto) { rows_of(rows); });
  rows_of(metrics());
}

TEST(names_and_positions_are_inverse_to_each_other) {
  for_tables([](const char*, const auto& rows, auto id) {
    for (std::size_t i = 0; i < rows.size(); ++i) CHECK(id(rows[i].name) == static_cast<int>(i), rows[i].name);
  });
}

TEST(an_unknown_name_is_refused_with_the_list_of_the_known_ones) {
  for_tables([](const char* what, const auto& rows, auto id) {
    REFUSES(id("nonsense"), std::string(what) + " must be one of ");
    REFUSES(id("nonsense"), "got 'nonsense'");
    REFUSES(id(""), "got ''");
    REFUSES(id(std::string(rows[0].name) + " "), "got '");
    for (const auto& row : rows) REFUSES(id("nonsense"), row.name);
  });
}

TEST(a_visit_reaches_the_row_of_that_position_once) {
  for (int i = 0; i < static_cast<int>(activations().size()); ++i) {
    int visits = 0;
    kernels::Activations::visit(i, [&](auto row) {
      CHECK(std::string(decltype(row)::info.name) == activations()[static_cast<std::size_t>(i)].name);
      ++visits;
    });
    CHECK(visits == 1);
  }
}

TEST(the_head_knows_the_positions_of_the_losses_with_a_stable_form) {
  CHECK(kernels::kBinary == loss_id("binary_cross_entropy"));
  CHECK(kernels::kCategorical == loss_id("categorical_cross_entropy"));
  CHECK(kernels::kLinear == activation_id("linear"));
}

TEST(the_output_that_belongs_to_a_loss_is_an_activation) {
  for (const LossInfo& loss : losses()) {
    if (!std::string(loss.output).empty()) activation_id(loss.output);  // throws where there is none
    CHECK(!loss.needs_probability || activations()[static_cast<std::size_t>(activation_id(loss.output))].probability,
          loss.name);
  }
}

TEST(softmax_alone_works_on_whole_columns) {
  for (const ActivationInfo& row : activations())
    CHECK(row.columnwise == (std::string(row.name) == "softmax"), row.name);
}

TEST_BOTH(an_optimizer_has_the_slots_that_its_row_names_as_large_as_the_parameters_and_zero) {
  const std::vector<std::pair<std::string, std::size_t>> known{
      {"sgd", 1}, {"rmsprop", 2}, {"adagrad", 1}, {"adam", 2}, {"adamw", 2}, {"nadam", 2}, {"amsgrad", 3}, {"lion", 1}};
  CHECK(known.size() == optimizers().size());
  for (const auto& [name, slots] : known) {
    Rule rule{optimizer_id(name)};
    if (name == "sgd") rule.hyper[0] = 0.9;      // without momentum it needs none
    if (name == "rmsprop") rule.hyper[2] = 0.9;  // without momentum it needs the first only
    const Network<T> network(Spec(36, {{1, 0, 0}}, loss_id("half_squared_error")));
    const Optimizer<T> optimizer(rule, Schedule(0, {0.1}), network);
    CHECK(optimizer.slots.size() == slots, name);
    CHECK(optimizer.steps == 0);
    CHECK(optimizer.parameter_count() == 37, name);
    for (std::size_t k = 0; k < slots; ++k) {
      std::vector<T> slot(37, T(1));
      optimizer.read_slot(k, slot.data());
      CHECK(slot == std::vector<T>(37, T(0)), name);
    }
  }
}

TEST_BOTH(an_optimizer_without_momentum_has_no_velocity) {
  for (const auto& [name, slots] : {std::pair<const char*, std::size_t>{"sgd", 0}, {"rmsprop", 1}}) {
    Rule rule{optimizer_id(name)};
    const Network<T> network(Spec(4, {{1, 0, 0}}, loss_id("half_squared_error")));
    CHECK(Optimizer<T>(rule, Schedule(0, {0.1}), network).slot_count() == slots, name);
  }
}

TEST(constants_of_an_optimizer_fill_its_rule_from_the_front_and_have_unique_names) {
  for (const OptimizerInfo& row : optimizers()) {
    std::set<std::string> names{"learning_rate", "weight_decay"};
    bool ended = false;
    for (const Named& constant : row.hyper) {
      if (constant.name == nullptr) {
        ended = true;
        continue;
      }
      CHECK(!ended, row.name);
      CHECK(names.insert(constant.name).second, row.name, " ", constant.name);
    }
    CHECK(std::size(row.hyper) == Rule{}.hyper.size());
  }
}

Rule rule(int row, bool everything) {  // the defaults, or every constant switched on
  Rule rule{row};
  for (std::size_t k = 0; k < rule.hyper.size(); ++k) {
    const Named& constant = optimizers()[static_cast<std::size_t>(row)].hyper[k];
    rule.hyper[k] = everything && constant.name != nullptr && constant.value == 0 ? 0.5 : constant.value;
  }
  rule.weight_decay = everything ? 0.5 : optimizers()[static_cast<std::size_t>(row)].weight_decay;
  return rule;
}

// Slots of n values, and pointers to them.
template <class T>
struct State {
  explicit State(std::size_t n, T value = 0) : of(kMaxSlots, std::vector<T>(n, value)) {}
  std::array<T*, kMaxSlots> slots() {
    std::array<T*, kMaxSlots> pointers{};
    for (std::size_t k = 0; k < of.size(); ++k) pointers[k] = of[k].data();
    return pointers;
  }
  std::vector<std::vector<T>> of;
};

template <class F>
void for_rules(F f) {
  for (int row = 0; row < static_cast<int>(optimizers().size()); ++row) {
    for (const bool everything : {false, true})
      f(rule(row, everything), optimizers()[static_cast<std::size_t>(row)].name);
  }
}

TEST_BOTH(padding_stays_zero_under_every_optimizer) {
  for_rules([](const Rule& rule, const char* name) {
    for (const Index t : {1, 2, 100, 1000000}) {
      const std::vector<T> zeros(19);
      std::vector<T> p = zeros;
      State<T> state(19);
      update<T>(rule, 0.1, t, p.data(), zeros.data(), state.slots().data(), 19);
      CHECK(p == zeros && state.of == State<T>(19).of, name, " at t = ", t);
    }
  });
}

TEST_BOTH(the_tail_of_an_update_has_the_bits_of_whole_packets) {
  constexpr Index n = 4 * kernels::kLanes<T>;
  for_rules([](const Rule& rule, const char* name) {
    std::vector<T> p, g;
    State<T> state(0);
    for (Index i = 0; i < n; ++i) {
      const auto x = static_cast<double>(i);
      p.push_back(static_cast<T>(std::sin(x)));
      g.push_back(static_cast<T>(std::cos(3 * x)));
      for (std::size_t k = 0; k < kMaxSlots; ++k)
        state.of[k].push_back(static_cast<T>(0.1 + 0.01 * x * static_cast<double>(k + 1)));
    }
    const auto p0 = p;
    const State<T> before = state;
    update<T>(rule, 0.1, 3, p.data(), g.data(), state.slots().data(), n);
    for (std::size_t i = 0; i < p.size(); ++i) {  // one by one: each alone in a tail
      T one = p0[i];
      State<T> alone(1);
      for (std::size_t k = 0; k < kMaxSlots; ++k) alone.of[k][0] = before.of[k][i];
      update<T>(rule, 0.1, 3, &one, &g[i], alone.slots().data(), 1);
      CHECK(one == p[i], name);
      for (std::size_t k = 0; k < kMaxSlots; ++k) CHECK(alone.of[k][0] == state.of[k][i], name, " slot ", k);
    }
    CHECK(p != p0);
  });
}

TEST_BOTH(a_finite_gradient_whose_square_overflows_is_a_step_of_zero_where_a_root_divides) {
  for_rules([](const Rule& rule, const char* name) {
    if (std::string(name) == "sgd" || std::string(name) == "lion" || rule.weight_decay != 0) return;
    for (const T size : {std::sqrt(std::numeric_limits<T>::max()) * 2, std::numeric_limits<T>::max()}) {
      const std::vector<T> g(19, size);
      std::vector<T> p(19, T(0.5));
      State<T> state(19);
      for (const Index t : {1, 2, 3}) update<T>(rule, 0.1, t, p.data(), g.data(), state.slots().data(), 19);
      CHECK(p == std::vector<T>(19, T(0.5)), name, ": ", p[0]);
    }
  });
}

TEST_BOTH(moments_and_velocities_end_at_zero_and_never_at_a_subnormal_number) {
  for_rules([](const Rule& rule, const char* name) {
    if (rule.weight_decay != 0) return;  // which is a gradient that lasts
    const OptimizerInfo& info = optimizers()[static_cast<std::size_t>(rule.row)];
    // 0.9^t is below the smallest normal number after 830 steps (double: 6720); Lion's 0.99^t takes ten times as long.
    const Index last = (sizeof(T) == 4 ? 2500 : 8000) * (std::string(name) == "lion" ? 10 : 1);
    std::vector<T> p(19, T(1));
    State<T> state(19);
    const std::vector<T> first(19, T(1)), zeros(19);
    update<T>(rule, 0.1, 1, p.data(), first.data(), state.slots().data(), 19);
    for (Index t = 2; t <= last; ++t) {
      update<T>(rule, 0.1, t, p.data(), zeros.data(), state.slots().data(), 19);
      for (std::size_t k = 0; k < kMaxSlots; ++k) {
        const T value = std::abs(state.of[k][0]);
        CHECK(value == 0 || value >= std::numeric_limits<T>::min(), name, " slot ", k, " at t = ", t);
      }
    }
    for (std::size_t k = 0; k < kMaxSlots && info.slots[k] != nullptr; ++k) {
      const std::string slot = info.slots[k];
      if (slot == "m" || slot == "v") CHECK(state.of[k][0] == 0, name, " slot ", slot, ": ", state.of[k][0]);
    }
  });
}

// Forms the product of NAdam's momentum factors step by step and from the start.
TEST_BOTH(progress_that_is_kept_gives_the_bits_of_progress_that_is_formed_anew) {
  for_rules([](const Rule& rule, const char* name) {
    std::vector<T> kept(5, T(1)), anew = kept;
    State<T> kept_state(5), anew_state(5);
    kernels::Slots<T> kept_slots, anew_slots;
    for (int k = 0; k < kernels::slots_in_use(rule.row, rule.hyper.data()); ++k) {
      kept_slots.add(kept_state.of[static_cast<std::size_t>(k)].data());
      anew_slots.add(anew_state.of[static_cast<std::size_t>(k)].data());
    }
    StepProgress progress;
    const std::vector<T> g{T(1), T(-2), T(0.5), T(0), T(3)};
    const auto step = [&](Index t) {
      const kernels::StepSize with{0.01, rule.weight_decay, t, &progress}, without{0.01, rule.weight_decay, t};
      kernels::Updater<T>(rule.row, rule.hyper.data(), with)(5, kept.data(), g.data(), T(1), kept_slots);
      kernels::Updater<T>(rule.row, rule.hyper.data(), without)(5, anew.data(), g.data(), T(1), anew_slots);
      CHECK(kept == anew && kept_state.of == anew_state.of, name, " at t = ", t);
    };
    for (Index t = 1; t <= 40; ++t) step(t);
    for (const Index t : {40, 900, 901, 17, 18, 1, 100000, 100001}) step(t);  // the same again, jumps, and back
  });
}

}  // namespace
}  // namespace deepcore
