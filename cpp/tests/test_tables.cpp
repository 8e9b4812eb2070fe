// The tables: names, parsers, slots, and the contract of the optimizers with padding.
// Floor: tests.
#include "check.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/optimizer.hpp>

#include "kernels/head.hpp"
#include "kernels/optimizers.hpp"

#include <array>
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
  const std::vector<std::pair<std::string, std::size_t>> known{{"sgd", 1},  {"rmsprop", 2}, {"adagrad", 1},
                                                               {"adam", 2}, {"adamw", 2},   {"nadam", 2}};
  CHECK(known.size() == optimizers().size());
  for (const auto& [name, slots] : known) {
    Rule rule{optimizer_id(name)};
    if (name == "sgd") rule.hyper[0] = 0.9;  // without momentum it needs none
    const Optimizer<T> optimizer(rule, Schedule(0, {0.1}), 37);
    CHECK(optimizer.slots.size() == slots, name);
    CHECK(optimizer.steps == 0);
    for (const auto& slot : optimizer.slots) {
      CHECK(slot.size() == 37, name);
      for (Index i = 0; i < 37; ++i) CHECK(slot.data()[i] == 0, name);
    }
  }
}

TEST(constants_of_an_optimizer_fill_its_rule_from_the_front_and_have_unique_names) {
  for (const OptimizerInfo& row : optimizers()) {
    std::set<std::string> names{"learning_rate"};
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
  return rule;
}

TEST_BOTH(padding_stays_zero_under_every_optimizer) {
  for (int row = 0; row < static_cast<int>(optimizers().size()); ++row) {
    for (const bool everything : {false, true}) {
      for (const Index t : {1, 2, 100, 1000000}) {
        std::vector<T> p(19), g(19), s(19), v(19);
        const std::array<T*, 2> slots{s.data(), v.data()};
        update<T>(rule(row, everything), 0.1, t, p.data(), g.data(), slots.data(), 19);
        const std::vector<T> zeros(19);
        CHECK(p == zeros && s == zeros && v == zeros, optimizers()[static_cast<std::size_t>(row)].name, " at t = ", t);
      }
    }
  }
}

TEST_BOTH(the_tail_of_an_update_has_the_bits_of_whole_packets) {
  constexpr Index n = 4 * kernels::kLanes<T>;
  for (int row = 0; row < static_cast<int>(optimizers().size()); ++row) {
    std::vector<T> p, g, s, v;
    for (Index i = 0; i < n; ++i) {
      p.push_back(static_cast<T>(std::sin(static_cast<double>(i))));
      g.push_back(static_cast<T>(std::cos(3 * static_cast<double>(i))));
      s.push_back(static_cast<T>(0.1 + 0.01 * static_cast<double>(i)));
      v.push_back(static_cast<T>(0.2 + 0.03 * static_cast<double>(i)));
    }
    const auto p0 = p, s0 = s, v0 = v;
    const std::array<T*, 2> slots{s.data(), v.data()};
    update<T>(rule(row, true), 0.1, 3, p.data(), g.data(), slots.data(), n);
    for (Index i = 0; i < n; ++i) {  // one by one: each alone in a tail
      const auto k = static_cast<std::size_t>(i);
      T one = p0[k], one_s = s0[k], one_v = v0[k];
      const std::array<T*, 2> one_slots{&one_s, &one_v};
      update<T>(rule(row, true), 0.1, 3, &one, &g[k], one_slots.data(), 1);
      CHECK(one == p[k] && one_s == s[k] && one_v == v[k], optimizers()[static_cast<std::size_t>(row)].name);
    }
    CHECK(p != p0);
  }
}

}  // namespace
}  // namespace deepcore
