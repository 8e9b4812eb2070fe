// Container: the bytes of a file, its checksum, and its replacement as a whole.
// Level: files.
#include "files/container.hpp"

#include <deepcore/error.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "files/sha256.hpp"
#include "platform_files.hpp"

namespace deepcore::files {

namespace {

constexpr std::uint64_t kMostHeader = std::uint64_t{16} << 20U;
constexpr std::size_t kAlignment = 64;  // of the first array
const std::string kStart = R"({"__metadata__":{"sha256":")";
constexpr std::size_t kDigits = 64;
const std::string kNoDigits(kDigits, '0');

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

[[noreturn]] void failed(const std::string& path, const char* what) {
  throw std::system_error(errno, std::generic_category(), path + ": cannot be " + what);
}

std::vector<char> all_bytes(const std::string& path) {
  if (platform::is_special(path)) {
    errno = EINVAL;
    failed(path, "read, because it is not a regular file");
  }
  const File file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) failed(path, "opened");
  std::vector<char> bytes;
  while (std::feof(file.get()) == 0 && std::ferror(file.get()) == 0) {
    const std::size_t before = bytes.size();
    bytes.resize(before + std::max<std::size_t>(before, std::size_t{1} << 16U));
    bytes.resize(before + std::fread(bytes.data() + before, 1, bytes.size() - before, file.get()));
  }
  if (std::ferror(file.get()) != 0) failed(path, "read");
  return bytes;
}

std::string checksum(const char* bytes, std::size_t count) {
  Sha256 digest;
  const std::size_t first = 8 + kStart.size(), last = first + kDigits;
  digest.add(bytes, first);
  digest.add(kNoDigits.data(), kDigits);
  digest.add(bytes + last, count - last);
  return digest.digits();
}

Entry entry_of(const std::string& name, const Json& value, std::uint64_t most) {
  value.check_keys({"dtype", "shape", "data_offsets"});
  const std::string& dtype = value.at("dtype").text();
  require(dtype == "F32" || dtype == "F64", name, " must have the dtype F32 or F64, got ", dtype);
  const auto &shape = value.at("shape").list(), &offsets = value.at("data_offsets").list();
  require((shape.size() == 1 || shape.size() == 2) && offsets.size() == 2, name,
          " must have one or two sizes and two offsets");
  const auto size = [&](std::size_t axis) { return static_cast<Index>(shape[axis].whole(most)); };
  const bool flat = shape.size() == 1;
  const Entry entry{name, dtype == "F32" ? 32 : 64, size(0), flat ? 1 : size(1), offsets[0].whole(most), flat ? 1 : 2};
  require(entry.cols == 0 || entry.rows <= static_cast<Index>(most) / entry.cols, name, " must fit into the file");
  require(entry.bytes() == offsets[1].whole(most) - entry.offset, name, " must take ", entry.bytes(), " bytes");
  return entry;
}

// The arrays in the order of the file, which they must fill exactly.
std::vector<Entry> entries_of(const Json& header, std::uint64_t bytes) {
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.object()) {
    if (name != "__metadata__") entries.push_back(entry_of(name, value, bytes));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair{a.offset, a.bytes()} < std::pair{b.offset, b.bytes()};
  });
  std::uint64_t position = 0;
  for (const Entry& entry : entries) {
    require(entry.offset == position, "the arrays must follow each other without gaps");
    position += entry.bytes();
  }
  require(position == bytes, "the arrays must fill the file, which is cut off or too long");
  return entries;
}

Contents contents_of(std::vector<char> bytes) {
  std::uint64_t length = 0;
  for (std::size_t k = std::min<std::size_t>(bytes.size(), 8); k-- > 0;)
    length = length << 8U | static_cast<unsigned char>(bytes[k]);
  const std::size_t least = 8 + kStart.size() + kDigits;
  require(bytes.size() >= least && length <= bytes.size() - 8, "it is no safetensors file, or cut off");
  require(length <= kMostHeader, "the header must have at most ", kMostHeader, " bytes, got ", length);
  const std::string_view text(bytes.data() + 8, static_cast<std::size_t>(length));
  require(text.substr(0, kStart.size()) == kStart,
          "it is no file of deepcore, or of an older format: load and save it in Python");
  const Json header = Json::parse(text, "header"), &metadata = header.at("__metadata__");
  metadata.check_keys({"sha256", "deepcore"});
  require(checksum(bytes.data(), bytes.size()) == metadata.at("sha256").text(), "it is damaged: its checksum is wrong");
  Json description = Json::parse(metadata.at("deepcore").text(), "description");
  const std::uint64_t format = description.at("format").whole(1'000'000);
  require(format == 2, "its format must be 2, got ", format, "; update deepcore");
  std::vector<Entry> entries = entries_of(header, bytes.size() - 8 - length);
  bytes.erase(bytes.begin(), bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length));
  return {std::move(description), std::move(entries), std::move(bytes)};
}

std::string header_of(const std::string& description, const std::vector<Entry>& entries) {
  std::string text = kStart + kNoDigits + R"(","deepcore":)" + quoted(description) + "}";
  for (const Entry& entry : entries) {
    text += "," + quoted(entry.name) + R"(:{"dtype":"F)" + std::to_string(entry.bits) + R"(","shape":[)" +
            std::to_string(entry.rows) + (entry.axes == 1 ? "" : "," + std::to_string(entry.cols)) +
            R"(],"data_offsets":[)" + std::to_string(entry.offset) + "," +
            std::to_string(entry.offset + entry.bytes()) + "]}";
  }
  text += '}';
  text.append((kAlignment - (8 + text.size()) % kAlignment) % kAlignment, ' ');
  require(text.size() <= kMostHeader, "the description must fit into ", kMostHeader, " bytes, got ", text.size());
  return text;
}

}  // namespace

Contents read_container(const std::string& path) {
  std::vector<char> bytes = all_bytes(path);
  try {
    return contents_of(std::move(bytes));
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(path + ": " + error.what());
  }
}

void write_container(const std::string& path, const std::string& description, std::vector<Entry> entries,
                     const std::function<void(const Entry&, char*)>& bytes) {
  std::uint64_t size = 0;
  for (Entry& entry : entries) {
    entry.offset = size;
    size += entry.bytes();
  }
  const std::string header = header_of(description, entries);
  std::vector<char> all(8 + header.size() + size);
  for (unsigned k = 0; k < 8; ++k) all[k] = static_cast<char>(header.size() >> 8 * k & 0xFFU);
  std::copy(header.begin(), header.end(), all.begin() + 8);
  for (const Entry& entry : entries) bytes(entry, all.data() + 8 + header.size() + entry.offset);
  const std::string digits = checksum(all.data(), all.size());
  std::copy(digits.begin(), digits.end(), all.begin() + 8 + static_cast<std::ptrdiff_t>(kStart.size()));
  const int error = platform::replace_file(path, all.data(), all.size());
  if (error != 0) {
    errno = error;
    failed(path, "written");
  }
}

}  // namespace deepcore::files
