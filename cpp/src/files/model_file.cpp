// Model files: the files of the kind "model".
// Level: files.
#include <deepcore/error.hpp>
#include <deepcore/model_file.hpp>
#include <deepcore/version.hpp>

#include "files/container.hpp"
#include "files/model_arrays.hpp"

namespace deepcore {

int model_bits(const std::string& path) {
  const files::Contents contents = files::read_container(path);
  return files::naming(path, [&] { return files::bits_of(files::network_of(contents)); });
}

template <class T>
Model<T> load_model(const std::string& path) {
  const files::Contents contents = files::read_container(path);
  return files::naming(path, [&] { return files::model_of<T>(contents); });
}

std::variant<Model<float>, Model<double>> load_any_model(const std::string& path) {
  const files::Contents contents = files::read_container(path);
  return files::naming(path, [&]() -> std::variant<Model<float>, Model<double>> {
    if (files::bits_of(files::network_of(contents)) == 64) return files::model_of<double>(contents);
    return files::model_of<float>(contents);
  });
}

template <class T>
void save_model(const std::string& path, const Model<T>& model) {
  files::naming(path, [&] {
    const Reader<T> network(model.network);
    const files::Arrays arrays = files::arrays_of(*network);
    arrays.write(path, R"({"format":2,"version":)" + files::quoted(build_info().version) + R"(,"kind":"model",)" +
                           files::described_model(model, *network) + "}");
  });
}

template Model<float> load_model(const std::string&);
template Model<double> load_model(const std::string&);
template void save_model(const std::string&, const Model<float>&);
template void save_model(const std::string&, const Model<double>&);

}  // namespace deepcore
