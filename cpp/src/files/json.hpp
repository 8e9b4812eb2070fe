// Json: a strict reader of JSON, which refuses what model files must not have: double keys, NaN, deep nesting.
// Level: files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace deepcore::files {

class Json {
 public:
  enum class Kind { null, boolean, number, text, list, object };

  // Throws std::invalid_argument, with a message that starts with `what`.
  static Json parse(std::string_view source, const std::string& what);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  // Each throws std::invalid_argument, which names the value, if it is of another kind or out of range.
  bool boolean() const;
  double number() const;
  std::uint64_t whole(std::uint64_t most) const;  // from 0 to `most`
  const std::string& text() const;
  const std::vector<Json>& list() const;
  const std::vector<std::pair<std::string, Json>>& object() const;
  const Json& at(std::string_view key) const;
  const Json* find(std::string_view key) const;  // null: the object has no such key
  // The object must have the keys `required`, and may have those in `optional`.
  void check_keys(const std::vector<std::string_view>& required,
                  const std::vector<std::string_view>& optional = {}) const;
  const std::string& digits() const { return text_; }    // of a number
  const std::string& source() const { return source_; }  // of a value of the outermost object: as the file has it

  class Parser;

 private:
  void expect(Kind kind, const char* wanted) const;

  Kind kind_ = Kind::null;
  bool boolean_ = false;
  std::string name_;  // network.layers[2].units, for messages
  std::string text_;  // of a text; the digits of a number
  std::string source_;
  std::vector<Json> list_;
  std::vector<std::pair<std::string, Json>> object_;
};

std::string text_of(const Json& value);     // as JSON
std::string quoted(std::string_view text);  // as JSON in ASCII; text is UTF-8
std::string shown(double number);           // as JSON, with all digits

}  // namespace deepcore::files
