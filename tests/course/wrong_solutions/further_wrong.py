"""Wrong solutions of a third collection."""

# ruff: noqa: E501 - the lines of learners are as long as they like
TEXT = """
### week2 softmax: wrong axis
def softmax(x):
    e = np.exp(x)
    return (e.T / e.sum(axis=0)[:, None]).T
### week2 L2: mean
def L2(yhat, y):
    return np.mean((yhat - y) ** 2)
### week2 propagate: both are added
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(w.T @ X + b)
    cost = -1 / m * np.sum(Y * np.log(A) - (1 - Y) * np.log(1 - A))
    return {"dw": X @ (A - Y).T / m, "db": np.sum(A - Y) / m}, cost
### week2 propagate: labels
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(w.T @ X + b)
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    return {"dw": X @ A.T / m, "db": np.sum(A) / m}, cost
### week2 optimize: b
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w = w - learning_rate * grads["dw"]
        b = b + learning_rate * grads["db"]
        if i % 100 == 0:
            costs.append(cost)
    return {"w": w, "b": b}, grads, costs
### week2 optimize: with the new w
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w = w - learning_rate * grads["dw"]
        grads, cost2 = propagate(w, b, X, Y)
        b = b - learning_rate * grads["db"]
        if i % 100 == 0:
            costs.append(cost)
    return {"w": w, "b": b}, grads, costs
### week3 initialize_parameters: 0.01
def initialize_parameters(n_x, n_h, n_y):
    np.random.seed(2)
    return {"W1": np.random.randn(n_h, n_x) / 10, "b1": np.zeros((n_h, 1)), "W2": np.random.randn(n_y, n_h) / 10, "b2": np.zeros((n_y, 1))}
### week3 forward_propagation: sigmoid
def forward_propagation(X, parameters):
    Z1 = parameters["W1"] @ X + parameters["b1"]
    A1 = sigmoid(Z1)
    Z2 = parameters["W2"] @ A1 + parameters["b2"]
    A2 = sigmoid(Z2)
    return A2, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
### week3 compute_cost: log of the wrong term
def compute_cost(A2, Y):
    m = Y.shape[1]
    return float(-np.sum(np.log(A2) * (1 - Y) + np.log(1 - A2) * Y) / m)
### week3 compute_cost: inside of the log
def compute_cost(A2, Y):
    eps = 0.01
    return float(-np.mean(Y * np.log(A2 + eps) + (1 - Y) * np.log(1 - A2 + eps)))
### week3 backward_propagation: (1 - a1)^2
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1) ** 2
    return {"dW1": dZ1 @ X.T / m, "db1": dZ1.mean(1, keepdims=True), "dW2": dZ2 @ A1.T / m, "db2": dZ2.mean(1, keepdims=True)}
### week3 backward_propagation: 1/m
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1 ** 2)
    return {"dW1": 1 / m * dZ1 @ X.T, "db1": 1 / m * dZ1.sum(1, keepdims=True), "dW2": dZ2 @ A1.T, "db2": 1 / m * dZ2.sum(1, keepdims=True)}
### week3 backward_propagation: swapped
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1 ** 2)
    return {"dW1": dZ1 @ X.T / m, "db1": dZ2.mean(1, keepdims=True), "dW2": dZ2 @ A1.T / m, "db2": dZ1.mean(1, keepdims=True)}
### week3 update_parameters: W1
def update_parameters(parameters, grads, learning_rate=1.2):
    p = dict(parameters)
    p["W1"] = parameters["W1"] + learning_rate * grads["dW1"]
    for k in ("b1", "W2", "b2"):
        p[k] = parameters[k] - learning_rate * grads["d" + k]
    return p
### week3 nn_model: learning rate
def nn_model(X, Y, n_h, num_iterations=10000, print_cost=False):
    np.random.seed(3)
    parameters = initialize_parameters(X.shape[0], n_h, Y.shape[0])
    for i in range(num_iterations):
        A2, cache = forward_propagation(X, parameters)
        grads = backward_propagation(parameters, cache, X, Y)
        parameters = update_parameters(parameters, grads, 0.01)
    return parameters
### week4 linear_forward: bias
def linear_forward(A, W, b):
    return W.dot(A) - b, (A, W, b)
### week4 linear_activation_forward: derivative
def linear_activation_forward(A_prev, W, b, activation):
    Z, linear_cache = linear_forward(A_prev, W, b)
    A = 1 / (1 + np.exp(-Z)) if activation == "sigmoid" else (Z > 0).astype(float)
    return A, (linear_cache, Z)
### week4 L_model_forward: too few
def L_model_forward(X, parameters):
    L = len(parameters)
    A, caches = X, []
    for l in range(1, L // 2 - 1):
        A, cache = linear_activation_forward(A, parameters[f"W{l}"], parameters[f"b{l}"], "relu")
        caches.append(cache)
    AL, cache = linear_activation_forward(A, parameters[f"W{L // 2}"], parameters[f"b{L // 2}"], "sigmoid")
    caches.append(cache)
    return AL, caches
### week4 L_model_backward: dZ
def L_model_backward(AL, Y, caches):
    grads, L = {}, len(caches)
    dA = AL - Y
    for l in reversed(range(L)):
        dA, dW, db = linear_activation_backward(dA, caches[l], "sigmoid" if l == L - 1 else "relu")
        grads[f"dA{l}"], grads[f"dW{l + 1}"], grads[f"db{l + 1}"] = dA, dW, db
    return grads
### week4 L_model_backward: shifted by one
def L_model_backward(AL, Y, caches):
    grads, L = {}, len(caches)
    dA = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    for l in reversed(range(L)):
        dA, dW, db = linear_activation_backward(dA, caches[l], "sigmoid" if l == L - 1 else "relu")
        grads[f"dA{l}"], grads[f"dW{l}"], grads[f"db{l}"] = dA, dW, db
    return grads
### week4 linear_backward: swapped
def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    return dZ @ A_prev.T / m, W.T @ dZ, dZ.sum(axis=1, keepdims=True) / m
### week4 linear_backward: axis
def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    return W.T @ dZ, dZ @ A_prev.T / m, np.mean(dZ, axis=0).reshape(-1, 1)
### week4 relu_backward: relu
def relu_backward(dA, cache):
    return np.maximum(dA, 0)
### week4 sigmoid_backward: 1 - s
def sigmoid_backward(dA, cache):
    s = 1 / (1 + np.exp(-cache))
    return dA * (1 - s) ** 2
### week4 update_parameters: layer
def update_parameters(parameters, grads, learning_rate):
    p = dict(parameters)
    for l in range(len(parameters) // 2 - 1):
        p[f"W{l + 1}"] = parameters[f"W{l + 1}"] - learning_rate * grads[f"dW{l + 1}"]
        p[f"b{l + 1}"] = parameters[f"b{l + 1}"] - learning_rate * grads[f"db{l + 1}"]
    return p
### week4 update_parameters: missing in the dictionary
def update_parameters(parameters, grads, learning_rate):
    p = {}
    for l in range(len(parameters) // 2):
        p[f"W{l}"] = parameters[f"W{l + 1}"] - learning_rate * grads[f"dW{l + 1}"]
        p[f"b{l}"] = parameters[f"b{l + 1}"] - learning_rate * grads[f"db{l + 1}"]
    return p
### week4 L_layer_model: iteration
def L_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    parameters = initialize_parameters_deep_sqrt(layers_dims)
    for i in range(num_iterations + 1):
        AL, caches = L_model_forward(X, parameters)
        parameters = update_parameters(parameters, L_model_backward(AL, Y, caches), learning_rate)
    return parameters
### week4 predict: reversed
def predict(X, y, parameters):
    p, _ = L_model_forward(X, parameters)
    return np.where(p > 0.5, 0, 1)
### course2_week1 compute_cost_with_regularization: 1/m
def compute_cost_with_regularization(A3, Y, parameters, lambd):
    m = Y.shape[1]
    cross = -np.sum(Y * np.log(A3) + (1 - Y) * np.log(1 - A3)) / m
    return cross + lambd / 2 * sum(np.sum(parameters[f"W{l}"] ** 2) for l in (1, 2, 3))
### course2_week2 update_parameters_with_adam: square root
def update_parameters_with_adam(parameters, grads, v, s, t, learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8):
    for k in grads:
        v[k] = beta1 * v[k] + (1 - beta1) * grads[k]
        s[k] = beta2 * s[k] + (1 - beta2) * grads[k] ** 2
        step = v[k] / (1 - beta1 ** t) / (s[k] / (1 - beta2 ** t) + epsilon)
        parameters[k[1:]] = parameters[k[1:]] - learning_rate * step
    return parameters, v, s
### week4 predict: strict
def predict(X, y, parameters):
    p, _ = L_model_forward(X, parameters)
    return (p >= 0.5) * 1
### week2 optimize: wrong iterations
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w = w - learning_rate * grads["dw"]
        b = b - learning_rate * grads["db"]
        if i % 50 == 0:
            costs.append(cost)
    return {"w": w, "b": b}, grads, costs
### week4 relu: absolute value
def relu(Z):
    return np.abs(Z), Z
### week4 relu_backward: dA is missing
def relu_backward(dA, cache):
    return np.where(cache > 0, 1, 0)
### week4 linear_activation_backward: relu at 0
def linear_activation_backward(dA, cache, activation):
    linear_cache, Z = cache
    dZ = dA * (Z >= 0) if activation == "relu" else sigmoid_backward(dA, Z)
    return linear_backward(dZ, linear_cache)
### week3 backward_propagation: wrong number
def backward_propagation(parameters, cache, X, Y):
    m = 4
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1 ** 2)
    return {"dW1": dZ1 @ X.T / m, "db1": dZ1.sum(1, keepdims=True) / m, "dW2": dZ2 @ A1.T / m, "db2": dZ2.sum(1, keepdims=True) / m}
### week4 L_layer_model: no usual mistake
def L_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    parameters = initialize_parameters_deep_sqrt(layers_dims)
    for i in range(num_iterations):
        AL, caches = L_model_forward(X, parameters)
        grads = L_model_backward(AL, Y, caches)
        parameters = update_parameters(parameters, grads, learning_rate / (1 + i))
    return parameters
"""
