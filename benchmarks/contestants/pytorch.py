"""PyTorch: eager mode with the fused optimizer, and torch.compile."""

import os

import torch
from torch.nn import functional as F

ACTIVATIONS = {"relu": F.relu, "tanh": torch.tanh}


class Network(torch.nn.Module):
    """Affine layers with the parameters of the problem; the result is the last Z."""

    def __init__(self, task, problem):
        super().__init__()
        self.activation = ACTIVATIONS[task.activation]
        self.layers = torch.nn.ModuleList()
        for W, b in zip(problem.parameters[::2], problem.parameters[1::2], strict=True):
            layer = torch.nn.Linear(*W.shape, dtype=torch.from_numpy(W).dtype)
            layer.weight.data = torch.from_numpy(W.T.copy())
            layer.bias.data = torch.from_numpy(b.copy())
            self.layers.append(layer)

    def forward(self, X):
        *hidden, last = self.layers
        for layer in hidden:
            X = self.activation(layer(X))
        return last(X)


class TorchTrainer:
    """Train with batches by index, autograd and the fused optimizer."""

    compiled = False

    def __init__(self, task, problem, threads):
        torch.set_num_threads(threads)
        self.task, self.problem = task, problem
        self.X = torch.from_numpy(problem.X)
        self.y = torch.from_numpy(problem.y)
        self.loss = F.cross_entropy
        if task.sizes[-1] == 1:
            self.y = self.y[:, None].to(self.X.dtype)
            self.loss = F.binary_cross_entropy_with_logits
        self.network = Network(task, problem)
        self.forward = torch.compile(self._loss) if self.compiled else self._loss
        self.reset()

    def _loss(self, X, y):
        return self.loss(self.network(X), y)

    def reset(self):
        with torch.no_grad():
            for p, value in zip(self.network.parameters(), self.problem.parameters, strict=True):
                p.copy_(torch.from_numpy(value.T.copy()))
        rule = torch.optim.Adam if self.task.optimizer == "adam" else torch.optim.SGD
        self.optimizer = rule(self.network.parameters(), lr=self.task.learning_rate, fused=True)
        self.orders = [torch.from_numpy(order) for order in self.problem.orders]

    def run(self, count):
        for _ in range(count):
            if self.task.batch is None:
                self._step(self.X, self.y)
                continue
            order = self.orders.pop(0) if self.orders else torch.randperm(len(self.X))
            for chosen in order.split(self.task.batch):
                self._step(self.X[chosen], self.y[chosen])
        return count

    def _step(self, X, y):
        self.optimizer.zero_grad(set_to_none=True)
        self.forward(X, y).backward()
        self.optimizer.step()

    def answer(self):
        return [p.detach().numpy().T for p in self.network.parameters()]


class TorchPredictor:
    """Predict with the module in inference mode."""

    def __init__(self, task, problem, threads):
        torch.set_num_threads(threads)
        self.X = torch.from_numpy(problem.X)
        self.network = Network(task, problem).eval()
        self.output = torch.sigmoid if task.sizes[-1] == 1 else torch.nn.Softmax(dim=1)

    def reset(self):
        pass

    def run(self, count):
        network, output, X = self.network, self.output, self.X
        with torch.inference_mode():
            for _ in range(count):
                output(network(X))
        return count

    def answer(self):
        with torch.inference_mode():
            return self.output(self.network(self.X)).numpy()


class CompiledTrainer(TorchTrainer):
    """Train with torch.compile for loss and gradient, and with the same fused optimizer."""

    compiled = True


class CompiledPredictor(TorchPredictor):
    """Predict with the module through torch.compile."""

    def __init__(self, task, problem, threads):
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # no pool of compilers in the race
        super().__init__(task, problem, threads)
        self.network = torch.compile(self.network)
