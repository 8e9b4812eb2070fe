// What the machine can do at most: multiply-adds a second, bytes a second from each level of memory.
#include "counters.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace bench {
namespace {

void multiply_add(benchmark::State& state) {
  double best = 0;
  for (auto _ : state) best = std::max(best, deepcore::peak_gflops(static_cast<int>(state.range(0)), kPeakSeconds));
  state.counters["GFLOP/s"] = best;
}
BENCHMARK(multiply_add)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

// Arrays of 16 KB, 512 KB, 8 MB and 256 MB: the first, second and third cache of today's CPUs, and memory.
void sizes(benchmark::internal::Benchmark* b) {
  b->ArgName("KB")->Arg(16)->Arg(512)->Arg(8 << 10)->Arg(256 << 10)->Threads(1)->Threads(2)->UseRealTime();
}

std::size_t bytes_of(const benchmark::State& state) { return static_cast<std::size_t>(state.range(0)) << 10U; }

void count_bytes(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

void read(benchmark::State& state) {
  const std::vector<std::uint64_t> from(bytes_of(state) / sizeof(std::uint64_t), 1);
  for (auto _ : state) {
    constexpr std::size_t kSums = 32;  // independent, so that the additions do not wait for each other
    std::uint64_t sum[kSums] = {};
    for (std::size_t i = 0; i < from.size(); i += kSums) {
      for (std::size_t k = 0; k < kSums; ++k) sum[k] += from[i + k];
    }
    benchmark::DoNotOptimize(sum);
  }
  count_bytes(state, bytes_of(state));
}
BENCHMARK(read)->Apply(sizes);

void copy(benchmark::State& state) {  // counts what is read and what is written
  const std::size_t half = bytes_of(state) / 2;
  const std::vector<char> from(half, 1);
  std::vector<char> to(half);
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), half);
    benchmark::ClobberMemory();
  }
  count_bytes(state, 2 * half);
}
BENCHMARK(copy)->Apply(sizes);

}  // namespace
}  // namespace bench
