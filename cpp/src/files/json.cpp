// Json: the parser, and what checks a value.
// Level: files.
#include "files/json.hpp"

#include <deepcore/error.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <locale>
#include <sstream>

namespace deepcore::files {

namespace {

constexpr int kMostLevels = 64;  // objects and lists that contain each other
constexpr std::ptrdiff_t kMostCommas = 1'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& out, std::uint32_t code) {
  const auto push = [&](std::uint32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xC0U | code >> 6U);
    push(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    push(0xE0U | code >> 12U);
    push(0x80U | (code >> 6U & 0x3FU));
    push(0x80U | (code & 0x3FU));
  } else {
    push(0xF0U | code >> 18U);
    push(0x80U | (code >> 12U & 0x3FU));
    push(0x80U | (code >> 6U & 0x3FU));
    push(0x80U | (code & 0x3FU));
  }
}

// Independent of the locale of the program.
double number_of(const std::string& digits) {
  std::istringstream in(digits);
  in.imbue(std::locale::classic());
  double value = 0;
  in >> value;
  return in.fail() && value != 0 ? std::numeric_limits<double>::infinity() : value;  // 0: it is too small
}

}  // namespace

class Json::Parser {
 public:
  Parser(std::string_view source, const std::string& what) : source_(source), what_(what) {}

  Json all() {
    require(std::count(source_.begin(), source_.end(), ',') <= kMostCommas, what_, " must have at most ", kMostCommas,
            " commas");
    Json value = next(what_, 0);
    skip_spaces();
    rule(at_ == source_.size(), "nothing may follow the value");
    return value;
  }

 private:
  void rule(bool holds, const char* what) const {
    require(holds, what_, " must be valid JSON: ", what, " at byte ", at_);
  }
  char peek() const { return at_ < source_.size() ? source_[at_] : '\0'; }
  void skip_spaces() {
    while (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t') ++at_;
  }
  bool take(char c) {
    if (peek() != c || at_ >= source_.size()) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (source_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Json next(const std::string& name, int level) {
    skip_spaces();
    const std::size_t start = at_;
    Json value;
    value.name_ = name;
    if (peek() == '{' || peek() == '[') {
      rule(level < kMostLevels, "it is nested too deep");
      peek() == '{' ? object(value, level) : list(value, level);
    } else if (peek() == '"') {
      value.kind_ = Kind::text;
      value.text_ = string();
    } else if (take_word("null")) {
      value.kind_ = Kind::null;
    } else if (take_word("true") || take_word("false")) {
      value.kind_ = Kind::boolean;
      value.boolean_ = source_[start] == 't';
    } else {
      number(value);
    }
    if (level == 1) value.source_ = source_.substr(start, at_ - start);
    return value;
  }

  void object(Json& value, int level) {
    value.kind_ = Kind::object;
    take('{');
    skip_spaces();
    if (take('}')) return;
    do {
      skip_spaces();
      rule(peek() == '"', "a key must be a text");
      std::string key = string();
      skip_spaces();
      rule(take(':'), "a colon must follow the key");
      Json member = next(value.name_ + "." + key, level + 1);
      value.object_.emplace_back(std::move(key), std::move(member));
      skip_spaces();
    } while (take(','));
    rule(take('}'), "the object must end");
    std::vector<std::string_view> keys;
    for (const auto& [key, member] : value.object_) keys.emplace_back(key);
    std::sort(keys.begin(), keys.end());
    rule(std::adjacent_find(keys.begin(), keys.end()) == keys.end(), "a key occurs twice");
  }

  void list(Json& value, int level) {
    value.kind_ = Kind::list;
    take('[');
    skip_spaces();
    if (take(']')) return;
    do {
      value.list_.push_back(next(value.name_ + "[" + std::to_string(value.list_.size()) + "]", level + 1));
      skip_spaces();
    } while (take(','));
    rule(take(']'), "the list must end");
  }

  void digits() {
    rule(is_digit(peek()), "a value must begin");
    while (is_digit(peek())) ++at_;
  }

  void number(Json& value) {
    const std::size_t start = at_;
    take('-');
    const bool zero = peek() == '0';
    const std::size_t first = at_;
    digits();
    rule(!zero || at_ == first + 1, "a number must not begin with zeros");
    if (take('.')) digits();
    if (take('e') || take('E')) {
      if (!take('-')) take('+');
      digits();
    }
    value.kind_ = Kind::number;
    value.text_ = source_.substr(start, at_ - start);
    rule(std::isfinite(number_of(value.text_)), "a number is out of range");
  }

  std::uint32_t four_digits() {
    std::uint32_t code = 0;
    for (int k = 0; k < 4; ++k) {
      const char c = peek();
      const std::string_view all = "0123456789abcdefABCDEF";
      const std::size_t digit = all.find(c);
      rule(at_ < source_.size() && digit != std::string_view::npos, "four hexadecimal digits must follow");
      code = code * 16 + static_cast<std::uint32_t>(digit < 16 ? digit : digit - 6);
      ++at_;
    }
    return code;
  }

  std::uint32_t code_point() {
    const std::uint32_t code = four_digits();
    if (code < 0xD800 || code > 0xDFFF) return code;
    rule(code < 0xDC00 && take_word("\\u"), "half of a surrogate pair");
    const std::uint32_t low = four_digits();
    rule(low >= 0xDC00 && low <= 0xDFFF, "half of a surrogate pair");
    return 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
  }

  std::string string() {
    take('"');
    std::string out;
    while (true) {
      rule(at_ < source_.size() && static_cast<unsigned char>(peek()) >= 0x20, "a text must end");
      const char c = source_[at_++];
      if (c == '"') return out;
      if (c != '\\') {
        out += c;
        continue;
      }
      const std::string_view names = "\"\\/bfnrt", values = "\"\\/\b\f\n\r\t";
      const std::size_t which = names.find(peek());
      if (take('u')) {
        append_utf8(out, code_point());
      } else {
        rule(at_ < source_.size() && which != std::string_view::npos, "an unknown escape");
        out += values[which];
        ++at_;
      }
    }
  }

  std::string_view source_;
  const std::string& what_;
  std::size_t at_ = 0;
};

Json Json::parse(std::string_view source, const std::string& what) { return Parser(source, what).all(); }

void Json::expect(Kind kind, const char* wanted) const { require(kind_ == kind, name_, " must be ", wanted); }

bool Json::boolean() const {
  expect(Kind::boolean, "true or false");
  return boolean_;
}

double Json::number() const {
  expect(Kind::number, "a number");
  return number_of(text_);
}

std::uint64_t Json::whole(std::uint64_t most) const {
  expect(Kind::number, "a whole number");
  std::uint64_t value = 0;
  for (const char c : text_) {
    require(is_digit(c), name_, " must be a whole number of at least 0, got ", text_);
    const auto digit = static_cast<std::uint64_t>(c - '0');
    require(value <= (most - digit) / 10 && digit <= most, name_, " must be at most ", most, ", got ", text_);
    value = value * 10 + digit;
  }
  return value;
}

const std::string& Json::text() const {
  expect(Kind::text, "a text");
  return text_;
}

const std::vector<Json>& Json::list() const {
  expect(Kind::list, "a list");
  return list_;
}

const std::vector<std::pair<std::string, Json>>& Json::object() const {
  expect(Kind::object, "an object");
  return object_;
}

const Json* Json::find(std::string_view key) const {
  const auto& members = object();
  const auto found = std::find_if(members.begin(), members.end(), [&](const auto& one) { return one.first == key; });
  return found == members.end() ? nullptr : &found->second;
}

const Json& Json::at(std::string_view key) const {
  const Json* found = find(key);
  require(found != nullptr, name_, " must have the key ", key);
  return *found;
}

void Json::check_keys(const std::vector<std::string_view>& required,
                      const std::vector<std::string_view>& optional) const {
  for (const std::string_view key : required) at(key);
  for (const auto& [key, value] : object()) {
    const auto among = [&key = key](const std::vector<std::string_view>& keys) {
      return std::find(keys.begin(), keys.end(), key) != keys.end();
    };
    require(among(required) || among(optional), name_, " has the key ", quoted(key),
            ", which this deepcore does not know");
  }
}

std::string text_of(const Json& value) {
  std::string out;
  switch (value.kind()) {
    case Json::Kind::null:
      return "null";
    case Json::Kind::boolean:
      return value.boolean() ? "true" : "false";
    case Json::Kind::number:
      return value.digits();
    case Json::Kind::text:
      return quoted(value.text());
    case Json::Kind::list:
      for (const Json& item : value.list()) out += (out.empty() ? "" : ",") + text_of(item);
      return "[" + out + "]";
    case Json::Kind::object:
      break;
  }
  for (const auto& [key, member] : value.object())
    out += (out.empty() ? "" : ",") + quoted(key) + ":" + text_of(member);
  return "{" + out + "}";
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  const auto escape = [&](std::uint32_t unit) {
    out += "\\u";
    for (unsigned shift = 16; shift > 0; shift -= 4) out += "0123456789abcdef"[unit >> (shift - 4) & 15U];
  };
  for (std::size_t k = 0; k < text.size(); ++k) {
    const auto c = static_cast<unsigned char>(text[k]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[k];
    } else if (c >= 0x20 && c < 0x7F) {
      out += text[k];
    } else if (c < 0x80) {
      escape(c);
    } else {  // UTF-8: the number of bytes that follow is that of the leading ones
      const std::size_t more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
      std::uint32_t code = c & (0x3FU >> more);
      for (std::size_t end = k + more; k < end && k + 1 < text.size();)
        code = code << 6U | (static_cast<unsigned char>(text[++k]) & 0x3FU);
      if (code >= 0x10000) {
        escape(0xD800 + ((code - 0x10000) >> 10U));
        escape(0xDC00 + ((code - 0x10000) & 0x3FFU));
      } else {
        escape(code);
      }
    }
  }
  return out + '"';
}

std::string shown(double number) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out.precision(std::numeric_limits<double>::max_digits10);
  out << number;
  return out.str();
}

}  // namespace deepcore::files
