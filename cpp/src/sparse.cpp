// SparseBatch: reading compressed rows, and turning them into lists of units.
// Level: batches.
#include "sparse.hpp"

#include "batch.hpp"

#include <algorithm>
#include <utility>

namespace deepcore {

template <class T>
void SparseBatch<T>::read(const Inputs<T>& X, const T* weights, const Selection& which) {
  auto& [starts, places, values] = examples_;
  starts.assign(1, 0);
  places.clear();
  values.clear();
  for (Index j = 0; j < which.count; ++j) {
    const Index example = which[j];
    const std::size_t first = places.size();
    bool rising = true;
    if (weights == nullptr || weights[example] != T(0)) {
      for_each_value(X, example, [&](Index unit, T value) {
        rising = rising && (places.size() == first || places.back() < unit);
        places.push_back(static_cast<std::int32_t>(unit));
        values.push_back(value);
      });
    }
    if (!rising) make_rising(first);
    starts.push_back(static_cast<std::int64_t>(places.size()));
  }
}

template <class T>
void SparseBatch<T>::make_rising(std::size_t first) {
  auto& [starts, places, values] = examples_;
  std::vector<std::pair<std::int32_t, T>> list;
  for (std::size_t k = first; k < places.size(); ++k) list.emplace_back(places[k], values[k]);
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t end = first;
  for (const auto& [place, value] : list) {
    if (end > first && places[end - 1] == place) {
      values[end - 1] += value;
    } else {
      places[end] = place;
      values[end++] = value;
    }
  }
  places.resize(end);
  values.resize(end);
}

template <class T>
void SparseBatch<T>::sort_by_unit(Index units) {
  auto& [starts, places, values] = units_;
  starts.assign(static_cast<std::size_t>(units) + 1, 0);
  places.resize(examples_.places.size());
  values.resize(examples_.places.size());
  for (const std::int32_t unit : examples_.places) ++starts[static_cast<std::size_t>(unit)];
  std::int64_t total = 0;
  for (std::int64_t& start : starts) total += std::exchange(start, total + start);
  // Now each start is the end of its list; written from behind, the examples of a list rise.
  for (std::size_t j = examples_.starts.size() - 1; j > 0; --j) {
    for (std::int64_t k = examples_.starts[j]; k-- > examples_.starts[j - 1];) {
      const auto from = static_cast<std::size_t>(k);
      const auto to = static_cast<std::size_t>(--starts[static_cast<std::size_t>(examples_.places[from])]);
      places[to] = static_cast<std::int32_t>(j - 1);
      values[to] = examples_.values[from];
    }
  }
}

template class SparseBatch<float>;
template class SparseBatch<double>;

}  // namespace deepcore
