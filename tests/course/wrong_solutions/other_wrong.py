"""Still more wrong solutions, collected after the mistakes of the others were known."""

# ruff: noqa: E501 - the lines of learners are as long as they like
TEXT = """
### week2 sigmoid: |z|
def sigmoid(z):
    return 1 / (1 + np.exp(-abs(z)))
### week2 sigmoid: minus sign
def sigmoid(z):
    return np.exp(-z) / (1 + np.exp(-z))
### week2 sigmoid: base e
def sigmoid(z):
    return 1 / (1 + 2.718 ** -z)
### week2 sigmoid_derivative: argument
def sigmoid_derivative(x):
    return x * (1 - x)
### week2 image2vector: transposed
def image2vector(image):
    return image.ravel()[np.newaxis, :]
### week2 normalize_rows: axis
def normalize_rows(x):
    return x / np.linalg.norm(x, axis=0)
### week2 normalize_rows: mean of each row
def normalize_rows(x):
    return (x - x.mean(axis=1, keepdims=True)) / np.linalg.norm(x, axis=1, keepdims=True)
### week2 softmax: exponential of the sum
def softmax(x):
    e = np.exp(x)
    return e / np.exp(x.sum(axis=1, keepdims=True))
### week2 L1: euclidean
def L1(yhat, y):
    return np.sqrt(np.sum((yhat - y) ** 2))
### week2 initialize_with_zeros: (dim,)
def initialize_with_zeros(dim):
    return [0] * dim, 0.0
### week2 propagate: bias
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X))
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    return {"dw": np.dot(X, (A - Y).T) / m, "db": np.sum(A - Y) / m}, cost
### week2 propagate: 2
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / (2 * m)
    return {"dw": np.dot(X, (A - Y).T) / m, "db": np.sum(A - Y) / m}, cost
### week2 propagate: wrong number
def propagate(w, b, X, Y):
    m = X.shape[0]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    return {"dw": np.dot(X, (A - Y).T) / m, "db": np.mean(A - Y)}, cost
### week2 propagate: transpose
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    return {"dw": np.dot(A - Y, X.T) / m, "db": np.mean(A - Y)}, cost
### week2 optimize: initial parameters
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    w0, b0 = w, b
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w = w0 - learning_rate * grads["dw"]
        b = b0 - learning_rate * grads["db"]
        if i % 100 == 0:
            costs.append(cost)
    return {"w": w, "b": b}, grads, costs
### week2 optimize: costs
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w = w - learning_rate * grads["dw"]
        b = b - learning_rate * grads["db"]
        if print_cost and i % 100 == 0:
            costs.append(cost)
    return {"w": w, "b": b}, grads, costs
### week2 predict: threshold
def predict(w, b, X):
    return (sigmoid(w.T @ X + b) > 0.6).astype(float)
### week3 initialize_parameters: 0.01
def initialize_parameters(n_x, n_h, n_y):
    np.random.seed(2)
    return {"W1": np.random.randn(n_h, n_x) * 0.01, "b1": np.zeros((n_h, 1)), "W2": np.random.randn(n_y, n_h), "b2": np.zeros((n_y, 1))}
### week3 forward_propagation: bias
def forward_propagation(X, parameters):
    Z1 = np.dot(parameters["W1"], X) + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = np.dot(parameters["W2"], A1) + parameters["b1"][:1]
    A2 = sigmoid(Z2)
    return A2, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
### week3 forward_propagation: order
def forward_propagation(X, parameters):
    Z1 = np.dot(parameters["W1"], X) + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = np.dot(parameters["W2"], A1) + parameters["b2"]
    A2 = sigmoid(Z2)
    return {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}, A2
### week3 compute_cost: sign
def compute_cost(A2, Y):
    return float(np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)))
### week3 compute_cost: clip
def compute_cost(A2, Y):
    A2 = np.clip(A2, 0.1, 0.9)
    return float(-np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)))
### week3 compute_cost: example
def compute_cost(A2, Y):
    m = Y.shape[1]
    for i in range(m):
        cost = -(Y[0, i] * np.log(A2[0, i]) + (1 - Y[0, i]) * np.log(1 - A2[0, i])) / m
    return float(cost)
### week3 backward_propagation: a2 is used
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    dZ1 = parameters["W2"].T @ dZ2 * (1 - np.power(A2, 2))
    return {"dW1": dZ1 @ X.T / m, "db1": dZ1.mean(axis=1, keepdims=True), "dW2": dW2, "db2": dZ2.mean(axis=1, keepdims=True)}
### week3 backward_propagation: in place of W2
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    dZ1 = dW2.T @ dZ2 * (1 - A1 * A1)
    return {"dW1": dZ1 @ X.T / m, "db1": dZ1.mean(axis=1, keepdims=True), "dW2": dW2, "db2": dZ2.mean(axis=1, keepdims=True)}
### week3 nn_model: anew
def nn_model(X, Y, n_h, num_iterations=10000, print_cost=False):
    np.random.seed(3)
    for i in range(num_iterations):
        parameters = initialize_parameters(X.shape[0], n_h, Y.shape[0])
        A2, cache = forward_propagation(X, parameters)
        grads = backward_propagation(parameters, cache, X, Y)
        parameters = update_parameters(parameters, grads)
    return parameters
### week3 predict: strict
def predict(parameters, X):
    return forward_propagation(X, parameters)[0] >= 0.5
### week4 sigmoid: A instead of Z
def sigmoid(Z):
    A = 1 / (1 + np.exp(-Z))
    return A, A
### week4 linear_forward: cache
def linear_forward(A, W, b):
    return np.dot(W, A) + b, (A, W)
### week4 linear_forward: returns
def linear_forward(A, W, b):
    return np.dot(W, A) + b
### week4 linear_activation_forward: cache
def linear_activation_forward(A_prev, W, b, activation):
    Z, linear_cache = linear_forward(A_prev, W, b)
    A, activation_cache = sigmoid(Z) if activation == "sigmoid" else relu(Z)
    return A, linear_cache + (activation_cache,)
### week4 L_model_forward: caches
def L_model_forward(X, parameters):
    A, L, caches = X, len(parameters) // 2, []
    for l in range(1, L + 1):
        A, cache = linear_activation_forward(A, parameters[f"W{l}"], parameters[f"b{l}"], "sigmoid" if l == L else "relu")
    caches.append(cache)
    return A, caches
### week4 L_model_forward: last layer
def L_model_forward(X, parameters):
    A, L, caches = X, len(parameters) // 2, []
    for l in range(1, L + 1):
        A, cache = linear_activation_forward(A, parameters[f"W{l}"], parameters[f"b{l}"], "relu")
        caches.append(cache)
    return A, caches
### week4 compute_cost: log
def compute_cost(AL, Y):
    m = Y.shape[1]
    return -(Y @ AL.T + (1 - Y) @ (1 - AL).T).item() / m
### week4 compute_cost: sum
def compute_cost(AL, Y):
    m = Y.shape[1]
    return -(1 / m) * (Y * np.log(AL) + (1 - Y) * np.log(1 - AL))
### week4 linear_backward: shape
def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    return W.T @ dZ, dZ @ A_prev.T / m, np.squeeze(np.sum(dZ, axis=1, keepdims=True)) / m
### week4 linear_backward: transpose
def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    return np.dot(W, dZ), np.dot(dZ, A_prev.T) / m, np.sum(dZ, axis=1, keepdims=True) / m
### week4 relu_backward: condition
def relu_backward(dA, cache):
    dZ = np.array(dA)
    dZ[cache > 0] = 0
    return dZ
### week4 sigmoid_backward: evaluated at dA
def sigmoid_backward(dA, cache):
    s = 1 / (1 + np.exp(-dA))
    return dA * s * (1 - s)
### week4 linear_activation_backward: sigmoid's is used
def linear_activation_backward(dA, cache, activation):
    linear_cache, activation_cache = cache
    dZ = sigmoid_backward(dA, activation_cache)
    return linear_backward(dZ, linear_cache)
### week4 L_model_backward: dA of the layer above
def L_model_backward(AL, Y, caches):
    grads, L = {}, len(caches)
    dAL = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    for l in reversed(range(L)):
        grads[f"dA{l}"], grads[f"dW{l + 1}"], grads[f"db{l + 1}"] = linear_activation_backward(dAL, caches[l], "sigmoid" if l == L - 1 else "relu")
    return grads
### week4 L_model_backward: backwards
def L_model_backward(AL, Y, caches):
    grads, L = {}, len(caches)
    dAL = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    grads[f"dA{L - 1}"], grads[f"dW{L}"], grads[f"db{L}"] = linear_activation_backward(dAL, caches[L - 1], "sigmoid")
    for l in range(L - 1):
        grads[f"dA{l}"], grads[f"dW{l + 1}"], grads[f"db{l + 1}"] = linear_activation_backward(grads[f"dA{l + 1}"], caches[l], "relu")
    return grads
### week4 update_parameters: twice
def update_parameters(parameters, grads, learning_rate):
    p = {k: v.copy() for k, v in parameters.items()}
    for _ in range(2):
        for k in p:
            p[k] -= learning_rate * grads["d" + k]
    return p
### week4 update_parameters: subtracted from the step
def update_parameters(parameters, grads, learning_rate):
    return {k: learning_rate * grads["d" + k] - parameters[k] for k in parameters}
### week4 initialize_parameters: zero
def initialize_parameters(n_x, n_h, n_y):
    return {"W1": np.zeros((n_h, n_x)), "b1": np.zeros((n_h, 1)), "W2": np.zeros((n_y, n_h)), "b2": np.zeros((n_y, 1))}
### week4 initialize_parameters_deep: shape
def initialize_parameters_deep(layer_dims):
    np.random.seed(3)
    p = {}
    for l in range(1, len(layer_dims)):
        p[f"W{l}"] = np.random.randn(layer_dims[l], layer_dims[l - 1]) * 0.01
        p[f"b{l}"] = np.zeros((layer_dims[l - 1], 1))
    return p
### week4 two_layer_model: learning rate
def two_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    parameters = initialize_parameters(*layers_dims)
    for i in range(num_iterations):
        AL, caches = L_model_forward(X, parameters)
        parameters = update_parameters(parameters, L_model_backward(AL, Y, caches), 0.0075)
    return parameters
### week4 L_layer_model: iteration
def L_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    parameters = initialize_parameters_deep_sqrt(layers_dims)
    for i in range(num_iterations):
        AL, caches = L_model_forward(X, parameters)
        parameters = update_parameters(parameters, L_model_backward(AL, Y, caches), learning_rate)
        return parameters
### week4 predict: shape
def predict(X, y, parameters):
    probas, caches = L_model_forward(X, parameters)
    return [1 if p > 0.5 else 0 for p in probas[0]]
"""
