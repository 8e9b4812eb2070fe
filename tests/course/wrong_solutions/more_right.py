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
"""
