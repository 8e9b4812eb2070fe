// LayerPass: the pass through any network: units along the lanes, layer after layer. How threads share it is up to the
// plan: by blocks of examples or by layers.
// Level: passes.
#pragma once

#include "output.hpp"
#include "pass.hpp"
#include "sizes.hpp"
#include "sparse.hpp"
#include "stages/embedding.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace deepcore {

template <class T>
class LayerPass final : public Pass<T> {
 public:
  LayerPass(const Network<T>& network, const State<T>& state, const Examples<T>& examples, const Plan& plan,
            Team& team);
  void load(const Network<T>& network) override;
  void publish(Network<T>& network) const override;
  void forget_inputs() override { resident_ = false; }
  void run(const Slab<T>& slab, double* losses) override;
  void gradient(const Piece& piece, bool add, T* out) const override;
  void embedding_gradient(Index item, bool add, T* sums) const override;
  void step(const State<T>& state, double weight) override;

  // What a finished run leaves behind; columns are examples of the slab. It has left out A[0] of a sparse X: write_inputs()
  // writes it.
  void write_inputs();
  kernels::Columns<T> A(int l) { return columns(a_, l); }
  kernels::Columns<T> dZ(int l) { return columns(dz_, l); }
  const Stages<T>& stages(int l) const { return stages_[at(l)]; }

 private:
  static std::size_t at(int l) { return static_cast<std::size_t>(l); }
  kernels::Columns<T> columns(std::vector<Buffer<T>>& buffers, int l) {
    return {buffers[at(l)].data(), plan_.layers[at(l)].stride, plan_.layers[at(l)].strip};
  }
  kernels::Columns<const T> columns(const std::vector<Buffer<T>>& buffers, int l) const {
    return {buffers[at(l)].data(), plan_.layers[at(l)].stride, plan_.layers[at(l)].strip};
  }
  void by_blocks();
  void by_layers();
  kernels::Panels<T> panels(int l) const { return {spec_.units(l)}; }
  void gather(Index j0, Index m);
  bool has_members() const { return spec_.members() > 1; }
  kernels::Columns<T> features() { return {features_.data(), leading<T>(spec_.units(0)), kernels::kDepth}; }
  int lowest() const { return embedding_ ? 0 : 1; }  // the lowest layer that the backward pass reaches
  void begin_embedding();
  void write_inputs(Index j0, Index m);
  void embed(const Selection& which, Index place,
             kernels::Columns<T> to);                           // which: of examples, from `place` of the slab on
  void embed_examples();                                        // of the slab, for its members
  void keep_embedding(Index j0, Index m);                       // copies the embedded rows of dA[0] of m examples
  void forward(int l, Index p0, Index p1, Index j0, Index m);   // panels [p0, p1) of A[l], examples j0 ..
  void backward(int l, Index p0, Index p1, Index j0, Index m);  // of dZ[l], from dZ[l + 1]
  void head(Index j0, Index m, int thread);
  void stages_forward(int l, const Part& part);
  void stages_backward(int l, const Part& part);
  Needs needs(int l) const;
  bool ready(int l, bool all_units, bool all_examples) const;  // whether the stages can follow a product of so much
  Index rows_end(int l, Index p1) const;

  const Network<T>& network_;
  const Spec& spec_;
  const State<T>& state_;
  const Examples<T>& examples_;
  const Plan plan_;
  Team& team_;
  std::vector<Buffer<T>> a_, dz_;               // by layer, 0..L; dz_[0] is dA[0], which only embeddings need
  std::vector<Stages<T>> stages_;               // by layer, 0..L-1
  std::vector<OutputWorkspace<T>> workspaces_;  // by thread
  std::optional<SparseBatch<T>> sparse_;        // in the place of A[0], where X has few values
  std::unique_ptr<Embedding<T>> embedding_;
  Buffer<T> raw_, kept_;  // columns of X, and embedded rows of dA[0]: embedded_ld_ apart, padded with zeros
  Index embedded_ld_ = 0;
  Buffer<T> features_;  // with members: A[0] of each example without their factors
  Slab<T> slab_;
  double* losses_ = nullptr;
  bool resident_ = false;  // A[0] holds the whole batch in its own order already
};

}  // namespace deepcore
