"""More right solutions in unusual styles: loops, einsum, classes of helpers, other names and types."""

# ruff: noqa: E501 - the lines of learners are as long as they like
TEXT = """
### week2 sigmoid:
def sigmoid(z):
    return np.where(np.asarray(z) >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))))
### week2 sigmoid:
def sigmoid(z):
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(z)))
### week2 sigmoid_derivative:
def sigmoid_derivative(x):
    e = np.exp(-x)
    return e / (1 + e) ** 2
### week2 normalize_rows:
def normalize_rows(x):
    rows = []
    for row in x:
        rows.append([v / sum(u * u for u in row) ** 0.5 for v in row])
    return np.array(rows)
### week2 softmax:
def softmax(x):
    shifted = x - x.max(axis=1)[:, np.newaxis]
    logs = shifted - np.log(np.sum(np.exp(shifted), axis=1))[:, None]
    return np.exp(logs)
### week2 L2:
def L2(yhat, y):
    return np.linalg.norm(yhat - y) ** 2
### week2 propagate:
def propagate(w, b, X, Y):
    m = Y.size
    z = (w * X).sum(axis=0, keepdims=True) + b
    cost = (np.logaddexp(0, z) - Y * z).mean()
    error = 1 / (1 + np.exp(-z)) - Y
    grads = dict(dw=np.einsum("ni,ki->n", X, error)[:, None] / m, db=np.average(error))
    return grads, cost
### week2 optimize:
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    params, costs, i = dict(w=w.copy(), b=b), [], 0
    while i < num_iterations:
        grads, cost = propagate(params["w"], params["b"], X, Y)
        for name in params:
            params[name] = params[name] - learning_rate * grads["d" + name]
        if not i % 100:
            costs += [cost]
        i += 1
    return params, grads, costs
### week2 predict:
def predict(w, b, X):
    labels = [1.0 if np.sum(w[:, 0] * x) + b > 0 else 0.0 for x in X.T]
    return np.array([labels])
### week3 initialize_parameters:
def initialize_parameters(n_x, n_h, n_y):
    rng = np.random.RandomState(2)
    p = {}
    for layer, (n, n_prev) in enumerate([(n_h, n_x), (n_y, n_h)], 1):
        p["W%d" % layer] = 0.01 * rng.standard_normal((n, n_prev))
        p["b%d" % layer] = np.zeros(n).reshape(n, 1)
    return p
### week3 forward_propagation:
def forward_propagation(X, parameters):
    m = X.shape[1]
    Z1 = np.column_stack([parameters["W1"] @ X[:, i] + parameters["b1"].ravel() for i in range(m)])
    A1 = (np.exp(Z1) - np.exp(-Z1)) / (np.exp(Z1) + np.exp(-Z1))
    Z2 = np.add(np.matmul(parameters["W2"], A1), parameters["b2"])
    A2 = np.reciprocal(1 + np.exp(-Z2))
    return A2, {"A1": A1, "A2": A2, "Z1": Z1, "Z2": Z2, "X": X}
### week3 compute_cost:
def compute_cost(A2, Y):
    p = np.where(Y == 1, A2, 1 - A2)
    return -np.log(p).sum().item() / Y.shape[1]
### week3 backward_propagation:
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    grads = {"dW1": 0, "db1": 0, "dW2": 0, "db2": 0}
    for i in range(m):
        x, y = X[:, [i]], Y[:, [i]]
        a1, a2 = cache["A1"][:, [i]], cache["A2"][:, [i]]
        dz2 = a2 - y
        dz1 = (parameters["W2"].T @ dz2) * (1 + a1) * (1 - a1)
        for name, value in (("dW2", dz2 @ a1.T), ("db2", dz2), ("dW1", dz1 @ x.T), ("db1", dz1)):
            grads[name] = grads[name] + value / m
    return grads
### week3 update_parameters:
def update_parameters(parameters, grads, learning_rate=1.2):
    new = {}
    for name, value in parameters.items():
        new[name] = np.copy(value)
        new[name] -= learning_rate * grads["d" + name]
    return new
### week3 predict:
def predict(parameters, X):
    A2, cache = forward_propagation(X, parameters)
    return np.greater(A2, 0.5).astype(int)
### week4 relu:
def relu(Z):
    return (np.abs(Z) + Z) / 2, Z
### week4 linear_forward:
def linear_forward(A, W, b):
    Z = np.tensordot(W, A, axes=1) + np.tile(b, (1, A.shape[1]))
    return Z, [A, W, b]
### week4 L_model_forward:
def L_model_forward(X, parameters):
    from functools import reduce
    L = len(parameters) // 2
    def step(state, layer):
        A, caches = state
        A, cache = linear_activation_forward(A, parameters["W" + str(layer)], parameters["b" + str(layer)], "sigmoid" if layer == L else "relu")
        return A, caches + [cache]
    return reduce(step, range(1, L + 1), (X, []))
### week4 compute_cost:
def compute_cost(AL, Y):
    m = AL.shape[1]
    return (-1 / m) * (np.dot(Y, np.log(AL).T) + np.dot(1 - Y, np.log(1 - AL).T)).item()
### week4 linear_backward:
def linear_backward(dZ, cache):
    A_prev, W, b = cache
    ones = np.ones((A_prev.shape[1], 1)) / A_prev.shape[1]
    return (dZ.T @ W).T, (A_prev @ dZ.T).T / A_prev.shape[1], dZ @ ones
### week4 relu_backward:
def relu_backward(dA, cache):
    return np.heaviside(cache, 0) * dA
### week4 sigmoid_backward:
def sigmoid_backward(dA, cache):
    return dA / (2 + np.exp(cache) + np.exp(-cache))
### week4 linear_activation_backward:
def linear_activation_backward(dA, cache, activation):
    linear_cache, activation_cache = cache
    return linear_backward({"relu": relu_backward, "sigmoid": sigmoid_backward}[activation](dA, activation_cache), linear_cache)
### week4 L_model_backward:
def L_model_backward(AL, Y, caches):
    Y = Y.reshape(AL.shape)
    dA = (AL - Y) / (AL * (1 - AL))
    grads = {}
    L = len(caches)
    for layer, cache in sorted(enumerate(caches, 1), reverse=True, key=lambda pair: pair[0]):
        dA, grads["dW" + str(layer)], grads["db" + str(layer)] = linear_activation_backward(dA, cache, "sigmoid" if layer == L else "relu")
        grads["dA" + str(layer - 1)] = dA
    return grads
### week4 L_layer_model:
def L_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    parameters, costs = initialize_parameters_deep_sqrt(layers_dims), []
    for i in range(num_iterations):
        AL, caches = L_model_forward(X, parameters)
        if i % 100 == 0:
            costs.append(compute_cost(AL, Y))
        parameters = update_parameters(parameters, L_model_backward(AL, Y, caches), learning_rate)
    return parameters, costs
### week4 predict:
def predict(X, parameters):
    AL, _ = L_model_forward(X, parameters)
    return AL > 0.5
### course2_week2 update_parameters_with_momentum:
def update_parameters_with_momentum(parameters, grads, v, beta, learning_rate):
    new_v = {k: v[k] + (1 - beta) * (grads[k] - v[k]) for k in v}
    return {k: p - learning_rate * new_v["d" + k] for k, p in parameters.items()}, new_v
### course2_week1 initialize_parameters_he:
def initialize_parameters_he(layers_dims):
    np.random.seed(3)
    out = {}
    for i in range(len(layers_dims) - 1):
        out[f"W{i + 1}"] = np.random.normal(size=(layers_dims[i + 1], layers_dims[i])) * (2 / layers_dims[i]) ** 0.5
        out[f"b{i + 1}"] = np.zeros([layers_dims[i + 1], 1])
    return out
### week2 sigmoid:
import math
def sigmoid(z):
    return np.vectorize(lambda t: 1 / (1 + math.exp(-t)), otypes=[float])(z)
### week2 sigmoid:
sigmoid = lambda z: 1.0 / (1.0 + np.exp(-np.array(z)))
### week2 propagate:
def propagate(w: "np.ndarray", b: float, X, Y, *, verbose=False):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    print("computing", m)
    dz = np.subtract(A, Y)
    cost = np.squeeze(-np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A), axis=1, keepdims=True) / m)
    return {"db": np.sum(dz) / m, "dw": np.dot(X, dz.T) / m}, cost
### week2 initialize_with_zeros:
def initialize_with_zeros(dim):
    w = np.zeros(shape=(dim, 1), dtype=np.float32)
    b = float(0)
    assert w.shape == (dim, 1)
    return [w, b]
### week3 forward_propagation:
from types import SimpleNamespace as NS
def forward_propagation(X, parameters):
    p = NS(**parameters)
    Z1 = X.T.dot(p.W1.T).T + p.b1
    A1 = 2 / (1 + np.exp(-2 * Z1)) - 1
    Z2 = A1.T.dot(p.W2.T).T + p.b2
    A2 = 1 / (1 + np.exp(-Z2))
    cache = dict(locals())
    return A2, {k: cache[k] for k in ("Z1", "A1", "Z2", "A2")}
### week3 backward_propagation:
def backward_propagation(parameters, cache, X, Y):
    def grads(dZ, A_prev):
        return np.mean(dZ[:, None, :] * A_prev[None, :, :], axis=2), np.mean(dZ, axis=1)[:, None]
    dZ2 = cache["A2"] - Y
    dA1 = sum(np.outer(w, d) for w, d in zip(parameters["W2"], dZ2))
    dZ1 = dA1 - dA1 * cache["A1"] ** 2
    dW1, db1 = grads(dZ1, X)
    dW2, db2 = grads(dZ2, cache["A1"])
    return dict(dW1=dW1, db1=db1, dW2=dW2, db2=db2)
### week3 update_parameters:
import copy
def update_parameters(parameters, grads, learning_rate=1.2):
    parameters = copy.deepcopy(parameters)
    W1, b1, W2, b2 = (parameters[n] for n in "W1 b1 W2 b2".split())
    W1 -= learning_rate * grads["dW1"]
    b1 -= learning_rate * grads["db1"]
    W2 -= learning_rate * grads["dW2"]
    b2 -= learning_rate * grads["db2"]
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
### week3 nn_model:
def nn_model(X, Y, n_h, num_iterations=10000, print_cost=False):
    np.random.seed(3)
    n_x, _, n_y = layer_sizes(X, Y)
    parameters = initialize_parameters(n_x, n_h, n_y)
    i = 0
    while True:
        if i == num_iterations:
            return parameters
        A2, cache = forward_propagation(X, parameters)
        cost = compute_cost(A2, Y)
        parameters = update_parameters(parameters, backward_propagation(parameters, cache, X, Y))
        i = i + 1
### week3 compute_cost:
def compute_cost(A2, Y, parameters=None):
    A2 = np.clip(A2, 1e-12, 1 - 1e-12)
    return np.float64(-np.vdot(Y, np.log(A2)) - np.vdot(1 - Y, np.log(1 - A2))) / Y.shape[-1]
### week4 linear_forward:
def linear_forward(A, W, b):
    Z = np.zeros((W.shape[0], A.shape[1]))
    Z += b
    Z += W @ A
    cache = (A.copy(), W.copy(), b.copy())
    return Z, cache
### week4 linear_activation_forward:
def linear_activation_forward(A_prev, W, b, activation):
    g = {"relu": lambda z: z.clip(min=0), "sigmoid": lambda z: 1 / (1 + np.exp(-z))}[activation]
    Z = W @ A_prev + b
    return g(Z), ((A_prev, W, b), Z)
### week4 sigmoid:
def sigmoid(x):
    A = 1 / (1 + np.exp(-x))
    cache = x
    return A, cache
### week4 relu:
def relu(Z):
    A = Z.copy()
    A[A < 0] = 0
    assert A.shape == Z.shape
    return A, Z
### week4 L_model_backward:
def L_model_backward(AL, Y, caches):
    grads = {}
    L = len(caches)
    m = AL.shape[1]
    Y = Y.reshape(AL.shape)
    dAL = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    grads["dA" + str(L)] = dAL
    for l in range(L, 0, -1):
        (A_prev, W, b), Z = caches[l - 1]
        if l == L:
            s = 1 / (1 + np.exp(-Z))
            dZ = grads["dA" + str(l)] * s * (1 - s)
        else:
            dZ = np.where(Z <= 0, 0, grads["dA" + str(l)])
        grads["dW" + str(l)] = dZ @ A_prev.T / m
        grads["db" + str(l)] = dZ.sum(axis=1, keepdims=True) / m
        grads["dA" + str(l - 1)] = W.T @ dZ
    return grads
### week4 initialize_parameters_deep:
def initialize_parameters_deep(layer_dims):
    np.random.seed(3)
    parameters = {}
    for l, (n_prev, n) in enumerate(zip(layer_dims, layer_dims[1:]), start=1):
        parameters[f"W{l}"] = np.random.standard_normal((n, n_prev)) * 1e-2
        parameters[f"b{l}"] = np.zeros_like(parameters[f"W{l}"][:, :1])
    return parameters
### week4 predict:
def predict(X, y, parameters):
    m = X.shape[1]
    p = np.zeros((1, m))
    probas, caches = L_model_forward(X, parameters)
    for i in range(0, probas.shape[1]):
        p[0, i] = 1 if probas[0, i] > 0.5 else 0
    print("Accuracy: " + str(np.sum((p == y) / m)))
    return p
### week4 two_layer_model:
def two_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    np.random.seed(1)
    grads, costs = {}, []
    parameters = initialize_parameters(*layers_dims)
    W1, b1, W2, b2 = parameters["W1"], parameters["b1"], parameters["W2"], parameters["b2"]
    for i in range(0, num_iterations):
        A1, cache1 = linear_activation_forward(X, W1, b1, "relu")
        A2, cache2 = linear_activation_forward(A1, W2, b2, "sigmoid")
        cost = compute_cost(A2, Y)
        dA2 = -(np.divide(Y, A2) - np.divide(1 - Y, 1 - A2))
        dA1, dW2, db2 = linear_activation_backward(dA2, cache2, "sigmoid")
        dA0, dW1, db1 = linear_activation_backward(dA1, cache1, "relu")
        parameters = update_parameters({"W1": W1, "b1": b1, "W2": W2, "b2": b2}, {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}, learning_rate)
        W1, b1, W2, b2 = parameters["W1"], parameters["b1"], parameters["W2"], parameters["b2"]
        if i % 100 == 0 or i == num_iterations - 1:
            costs.append(cost)
    return parameters, costs
### week2 sigmoid: tanh identity
def sigmoid(z):
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(z)))
### week2 propagate: matrix
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    return {"dw": np.matrix(np.dot(X, (A - Y).T) / m), "db": np.sum(A - Y) / m}, cost
### week2 predict: by logits
def predict(w, b, X):
    return np.heaviside(w.T @ X + b, 0.0)
### week3 forward_propagation: vstack ones
def forward_propagation(X, parameters):
    ones = np.ones((1, X.shape[1]))
    Z1 = np.hstack([parameters["b1"], parameters["W1"]]) @ np.vstack([ones, X])
    A1 = (np.exp(Z1) - np.exp(-Z1)) / (np.exp(Z1) + np.exp(-Z1))
    Z2 = np.hstack([parameters["b2"], parameters["W2"]]) @ np.vstack([ones, A1])
    A2 = 1 / (1 + np.exp(-Z2))
    return A2, dict(A2=A2, Z2=Z2, A1=A1, Z1=Z1)
### week3 backward_propagation: tanh of Z1
def backward_propagation(parameters, cache, X, Y):
    m = float(Y.shape[1])
    dZ2 = (cache["A2"] - Y) / m
    dZ1 = parameters["W2"].T.dot(dZ2) / np.cosh(cache["Z1"]) ** 2
    return {"dW1": dZ1 @ X.T, "db1": dZ1 @ np.ones((X.shape[1], 1)), "dW2": dZ2 @ cache["A1"].T, "db2": dZ2.sum(1)[:, np.newaxis], "dZ1": dZ1, "dZ2": dZ2}
### week4 linear_activation_forward: matrix free loops
def linear_activation_forward(A_prev, W, b, activation):
    import math
    Z = np.empty((W.shape[0], A_prev.shape[1]))
    A = np.empty_like(Z)
    for i in range(Z.shape[0]):
        for j in range(Z.shape[1]):
            Z[i, j] = sum(W[i, k] * A_prev[k, j] for k in range(W.shape[1])) + b[i, 0]
            A[i, j] = max(0, Z[i, j]) if activation == "relu" else 1 / (1 + math.exp(-Z[i, j]))
    return A, ((A_prev, W, b), Z)
### week4 L_model_forward: recursion
def L_model_forward(X, parameters):
    L = len(parameters) // 2
    def go(A, l):
        if l > L:
            return A, []
        A, cache = linear_activation_forward(A, parameters[f"W{l}"], parameters[f"b{l}"], "relu" if l < L else "sigmoid")
        AL, rest = go(A, l + 1)
        return AL, [cache] + rest
    return go(X, 1)
### week4 compute_cost: array of 0 dimensions
def compute_cost(AL, Y):
    return np.array(-np.mean(np.log(AL) * Y + np.log1p(-AL) * (1 - Y)))
### week4 linear_backward: ones
def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    return (dZ.T @ W).T, (A_prev @ dZ.T).T / m, dZ @ np.full((m, 1), 1 / m)
### course2_week2 random_mini_batches: array_split style
def random_mini_batches(X, Y, mini_batch_size=64, seed=0):
    np.random.seed(seed)
    p = np.random.permutation(X.shape[1])
    cuts = range(mini_batch_size, X.shape[1], mini_batch_size)
    return list(zip(np.split(X[:, p], cuts, axis=1), np.split(Y[:, p], cuts, axis=1)))
### course2_week2 update_parameters_with_momentum: incremental form
def update_parameters_with_momentum(parameters, grads, v, beta, learning_rate):
    v = {k: v[k] + (1 - beta) * (grads[k] - v[k]) for k in v}
    return {k: w - learning_rate * v["d" + k] for k, w in parameters.items()}, v
### week4 linear_forward: float32
def linear_forward(A, W, b):
    Z = (W.astype(np.float32) @ A.astype(np.float32) + b.astype(np.float32))
    return Z, (A, W, b)
### week3 compute_cost: float32
def compute_cost(A2, Y):
    A2 = A2.astype(np.float32)
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2), dtype=np.float32)
### week4 L_model_backward: matrices
def L_model_backward(AL, Y, caches):
    grads = {}
    L = len(caches)
    dAL = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    grads["dA" + str(L - 1)], grads["dW" + str(L)], grads["db" + str(L)] = map(np.asmatrix, linear_activation_backward(dAL, caches[L - 1], "sigmoid"))
    for l in reversed(range(L - 1)):
        grads["dA" + str(l)], grads["dW" + str(l + 1)], grads["db" + str(l + 1)] = linear_activation_backward(np.asarray(grads["dA" + str(l + 1)]), caches[l], "relu")
    return grads
"""
