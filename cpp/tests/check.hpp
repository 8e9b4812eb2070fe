// Check: the harness of the C++ tests. A test is a function whose name is the sentence that it holds the code to.
// Level: tests. The first failed check ends its test; main prints each failed sentence and where, and exits with 1.
#pragma once

#include <deepcore/error.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iomanip>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace check {
using Failure = std::string;  // what main prints; no std::exception, so that REFUSES lets it pass
using Test = std::pair<const char*, void (*)()>;

inline std::vector<Test> tests;
inline bool add(const char* sentence, void (*body)()) { return tests.emplace_back(sentence, body), true; }

template <class... Parts>
void that(const char* where, const char* condition, bool holds, const Parts&... parts) {
  if (!holds) throw Failure(deepcore::text(where, "does not hold: ", condition, " ", parts...));
}

template <class... Parts>
void near(const char* where, long double value, long double expected, long double bound, const Parts&... parts) {
  const bool holds = value == expected || std::abs(value - expected) <= bound;  // the first for infinities
  if (!holds)
    throw Failure(
        deepcore::text(where, std::setprecision(17), value, " is not ", expected, " within ", bound, " ", parts...));
}

template <class F>
void refuses(const char* where, const char* expression, const std::string& part, F f) {
  std::string said;
  try {
    f();
  } catch (const std::exception& error) {
    said = error.what();
  }
  that(where, expression, !said.empty() && said.find(part) != std::string::npos, "since it says '", said, "', not '",
       part, "'");
}

// Whether tests take fewer cases: an emulator or sanitizers, which are slow, run them.
inline bool few_cases() {
  static const bool few = std::getenv("DEEPCORE_FEW_CASES") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  return few;
}

// A test of very many cases takes all of them, or every `step`-th.
inline unsigned stride(unsigned step) { return few_cases() ? step : 1; }

// Numbers of threads, for a test that no bit depends on them.
inline std::vector<int> numbers_of_threads() {
  return few_cases() ? std::vector<int>{2, 4} : std::vector<int>{2, 3, 4, 7};
}

// The name of a file that no other program uses, such as the same test of another CPU level; removed at the end.
struct TemporaryFile {
  std::string path = "test_" + std::to_string(std::random_device{}()) + ".tmp";
  ~TemporaryFile() { std::remove(path.c_str()); }
};

}  // namespace check
// CHECK and CHECK_NEAR take more arguments: what to print after a failure, such as where it happened.
#define CHECK_TEXT(x) #x
#define CHECK_LINE(x) __FILE__ ":" CHECK_TEXT(x) ": "
#define CHECK(...) ::check::that(CHECK_LINE(__LINE__), #__VA_ARGS__, __VA_ARGS__)
#define CHECK_NEAR(...) ::check::near(CHECK_LINE(__LINE__), __VA_ARGS__)
#define REFUSES(e, part) ::check::refuses(CHECK_LINE(__LINE__), #e, part, [&] { (void)(e); })
#define TEST(s)                                                \
  void s();                                                    \
  [[maybe_unused]] const bool s##_added = ::check::add(#s, s); \
  void s()
#define TEST_BOTH(s) /* a template, for T = float and T = double */                    \
  template <class T>                                                                   \
  void s();                                                                            \
  [[maybe_unused]] const bool s##_added[] = {::check::add(#s " (float)", s<float>),    \
                                             ::check::add(#s " (double)", s<double>)}; \
  template <class T>                                                                   \
  void s()

int main() {  // NOLINT(misc-definitions-in-headers): one file of tests, one executable
  int failed = 0;
  for (const auto& [sentence, body] : check::tests) {
    check::Failure what;
    try {
      body();
    } catch (const check::Failure& failure) {
      what = failure;
    } catch (const std::exception& error) {
      what = deepcore::text("threw ", error.what());
    }
    if (!what.empty()) std::printf("FAILED %d: %s\n  %s\n", ++failed, sentence, what.c_str());
  }
  return std::printf("%d of %zu sentences failed\n", failed, check::tests.size()), failed == 0 ? 0 : 1;
}
