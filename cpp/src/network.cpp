// Network: its parameters before anything is drawn or learned.
// Level: description.
#include <deepcore/network.hpp>

#include <algorithm>

namespace deepcore {

template <class T>
Network<T>::Network(Spec s)
    : spec(std::move(s)), tensors(spec), parameters(tensors.size() + kSlack), running(tensors.running_size()) {
  const auto fill = [](const Tensor& tensor, Buffer<T>& to) {
    const double value = role_info(tensor.role).initial;
    if (value != 0) std::fill_n(to.data() + tensor.offset, tensor.rows * tensor.cols, static_cast<T>(value));
  };
  for (const Tensor& tensor : tensors.all()) fill(tensor, parameters);
  for (const Tensor& tensor : tensors.running()) fill(tensor, running);
}

template struct Network<float>;
template struct Network<double>;

}  // namespace deepcore
