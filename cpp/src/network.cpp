// Network: its parameters before anything is drawn or learned.
// Level: description.
#include <deepcore/network.hpp>

#include <algorithm>

namespace deepcore {

template <class T>
Network<T>::Network(Spec s)
    : spec(std::move(s)), tensors(spec), parameters(tensors.size() + kSlack), running(tensors.running_size()) {
  for (const Tensor& tensor : tensors.all()) {
    const bool one = tensor.role == Role::gamma || tensor.role == Role::alpha || tensor.role == Role::scale ||
                     tensor.role == Role::factor;
    if (one) std::fill_n(parameters.data() + tensor.offset, tensor.rows * tensor.cols, T(1));
  }
  for (const Tensor& tensor : tensors.running()) {
    std::fill_n(running.data() + tensor.offset, tensor.rows, T(tensor.role == Role::running_variance ? 1 : 0));
  }
}

template struct Network<float>;
template struct Network<double>;

}  // namespace deepcore
