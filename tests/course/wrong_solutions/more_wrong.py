"""More wrong solutions: mistakes that people make who write in another style than the notebooks."""

# ruff: noqa: E501 - the lines of learners are as long as they like
TEXT = """
### week2 sigmoid: brackets
def sigmoid(z):
    return 1.0 / 1.0 + np.exp(-1.0 * z)
### week2 sigmoid: rounded
def sigmoid(z):
    return np.round(1 / (1 + np.exp(-z)), 2)
### week2 sigmoid_derivative: evaluated at a
def sigmoid_derivative(x):
    s = sigmoid(sigmoid(x))
    return s * (1 - s)
### week2 image2vector: channel
def image2vector(image):
    return image.transpose(2, 0, 1).reshape(-1, 1)
### week2 image2vector: column
def image2vector(image):
    return image.flatten(order="F")[:, None]
### week2 normalize_rows: largest
def normalize_rows(x):
    return x / np.abs(x).max(axis=1, keepdims=True)
### week2 normalize_rows: sum
def normalize_rows(x):
    return x / np.abs(x).sum(axis=1, keepdims=True)
### week2 normalize_rows: whole
def normalize_rows(x):
    return x / np.linalg.norm(x)
### week2 softmax: all axes
def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum()
### week2 softmax: exp
def softmax(x):
    return x / x.sum(axis=1, keepdims=True)
### week2 L1: absolute
def L1(yhat, y):
    return np.sum(y - yhat)
### week2 L2: 1/2
def L2(yhat, y):
    d = yhat - y
    return 0.5 * d.dot(d)
### week2 initialize_with_zeros: must be zero
def initialize_with_zeros(dim):
    w = np.random.rand(dim, 1) * 0.01
    return w, 0.0
### week2 initialize_with_zeros: ones
def initialize_with_zeros(dim):
    return np.ones((dim, 1)), 0.0
### week2 propagate: squared
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(w.T @ X + b)
    cost = np.mean((A - Y) ** 2)
    dZ = A - Y
    return {"dw": X @ dZ.T / m, "db": dZ.sum() / m}, cost
### week2 propagate: 1/m
def propagate(w, b, X, Y):
    m = X.shape[1]
    dw = np.zeros(w.shape)
    db = 0.0
    cost = 0.0
    for i in range(m):
        a = sigmoid(np.dot(w[:, 0], X[:, i]) + b)
        cost -= Y[0, i] * np.log(a) + (1 - Y[0, i]) * np.log(1 - a)
        for j in range(len(w)):
            dw[j, 0] += X[j, i] * (a - Y[0, i])
        db += a - Y[0, i]
    return {"dw": dw / m, "db": db}, cost / m
### week2 propagate: last example
def propagate(w, b, X, Y):
    m = X.shape[1]
    cost = 0.0
    for i in range(m):
        a = sigmoid(np.dot(w[:, 0], X[:, i]) + b)
        cost -= Y[0, i] * np.log(a) + (1 - Y[0, i]) * np.log(1 - a)
        dw = X[:, i:i + 1] * (a - Y[0, i])
        db = a - Y[0, i]
    return {"dw": dw / m, "db": db / m}, cost / m
### week2 propagate: too much
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(w.T @ X + b)
    dZ = (A - Y) * A * (1 - A)
    cost = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    return {"dw": X @ dZ.T / m, "db": dZ.sum() / m}, cost
### week2 optimize: before the last update
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        params = {"w": w, "b": b}
        w = w - learning_rate * grads["dw"]
        b = b - learning_rate * grads["db"]
        if i % 100 == 0:
            costs.append(cost)
    return params, grads, costs
### week2 optimize: one
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    for i in range(1, num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w = w - learning_rate * grads["dw"]
        b = b - learning_rate * grads["db"]
        if i % 100 == 0:
            costs.append(cost)
    return {"w": w, "b": b}, grads, costs
### week2 predict: reversed
def predict(w, b, X):
    return (sigmoid(w.T @ X + b) < 0.5).astype(float)
### week2 predict: sigmoid
def predict(w, b, X):
    return (np.dot(w.T, X) + b > 0.5) * 1.0
### week3 forward_propagation: sigmoid
def forward_propagation(X, parameters):
    p = parameters
    Z1 = p["W1"] @ X + p["b1"]
    A1 = np.tanh(Z1)
    Z2 = p["W2"] @ A1 + p["b2"]
    A2 = np.tanh(Z2)
    return A2, dict(Z1=Z1, A1=A1, Z2=Z2, A2=A2)
### week3 forward_propagation: in place of
def forward_propagation(X, parameters):
    W1, b1, W2, b2 = (parameters[k] for k in ("W1", "b1", "W2", "b2"))
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = sigmoid(Z2)
    return A2, {"Z1": Z1, "A1": A1, "Z2": A2, "A2": Z2}
### week3 compute_cost: absolute
def compute_cost(A2, Y):
    return float(np.abs(A2 - Y).mean())
### week3 compute_cost: second term
def compute_cost(A2, Y):
    m = Y.shape[1]
    total = 0.0
    for i in range(m):
        if Y[0, i] == 1:
            total -= np.log(A2[0, i])
    return total / m
### week3 backward_propagation: w2
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dZ1 = parameters["W2"].T @ dZ2
    dW2 = dZ2 @ A1.T / m
    dW1 = dZ1 @ X.T / m
    return {"dW1": dW1, "db1": dZ1.mean(1, keepdims=True), "dW2": dW2, "db2": dZ2.mean(1, keepdims=True)}
### week3 backward_propagation: A1
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1 ** 2)
    return {"dW1": dZ1 @ A1.T / m if A1.shape[0] == X.shape[0] else dZ1 @ X.T / m, "db1": dZ1.mean(1, keepdims=True), "dW2": dZ2 @ cache["Z1"].T / m, "db2": dZ2.mean(1, keepdims=True)}
### week3 backward_propagation: sign
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = Y - A2
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1 ** 2)
    return {"dW1": dZ1 @ X.T / m, "db1": dZ1.mean(1, keepdims=True), "dW2": dZ2 @ A1.T / m, "db2": dZ2.mean(1, keepdims=True)}
### week3 backward_propagation: key
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1 ** 2)
    return {"W1": dZ1 @ X.T / m, "b1": dZ1.mean(1, keepdims=True), "W2": dZ2 @ A1.T / m, "b2": dZ2.mean(1, keepdims=True)}
### week3 update_parameters: twice
def update_parameters(parameters, grads, learning_rate=1.2):
    new = {}
    for key in parameters:
        new[key] = parameters[key] - 2 * learning_rate * grads["d" + key]
    return new
### week3 update_parameters: multiplied
def update_parameters(parameters, grads, learning_rate=1.2):
    return {k: v * (1 - learning_rate * grads["d" + k]) for k, v in parameters.items()}
### week3 predict: reversed
def predict(parameters, X):
    A2, _ = forward_propagation(X, parameters)
    return A2 < 0.5
### week3 predict: 0.5
def predict(parameters, X):
    A2, _ = forward_propagation(X, parameters)
    return A2 > 0
### week3 layer_sizes: hidden size
def layer_sizes(X, Y):
    return X.shape[0], X.shape[0], Y.shape[0]
### week4 relu: leaky
def relu(Z):
    return np.where(Z > 0, Z, 0.1 * Z), Z
### week4 relu: clipped
def relu(Z):
    return np.clip(Z, 0, 1), Z
### week4 linear_activation_forward: twice
def linear_activation_forward(A_prev, W, b, activation):
    Z, linear_cache = linear_forward(A_prev, W, b)
    A = 1 / (1 + np.exp(-Z)) if activation == "sigmoid" else np.maximum(Z, 0)
    A = 1 / (1 + np.exp(-A)) if activation == "sigmoid" else A
    return A, (linear_cache, Z)
### week4 L_model_forward: X
def L_model_forward(X, parameters):
    L = len(parameters) // 2
    caches = []
    for l in range(1, L):
        A, cache = linear_activation_forward(X, parameters[f"W{l}"], parameters[f"b{l}"], "relu")
        caches.append(cache)
    AL, cache = linear_activation_forward(A, parameters[f"W{L}"], parameters[f"b{L}"], "sigmoid")
    caches.append(cache)
    return AL, caches
### week4 L_model_forward: caches
def L_model_forward(X, parameters):
    A, L, caches = X, len(parameters) // 2, []
    for l in range(1, L + 1):
        A, cache = linear_activation_forward(A, parameters["W%d" % l], parameters["b%d" % l], "sigmoid" if l == L else "relu")
        caches.insert(0, cache)
    return A, caches
### week4 compute_cost: NaN
def compute_cost(AL, Y):
    m = Y.shape[1]
    return -(1 / m) * np.sum(Y * np.log(AL) + (1 - Y) * np.log(AL - 1))
### week4 compute_cost: shape[1]
def compute_cost(AL, Y):
    m = Y.shape[0]
    return -np.sum(Y * np.log(AL) + (1 - Y) * np.log(1 - AL)) / m
### week4 linear_backward: too many
def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    return W.T @ dZ / m, dZ @ A_prev.T / m, dZ.sum(axis=1, keepdims=True) / m
### week4 linear_backward: first example
def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    return W.T @ dZ, dZ @ A_prev.T / m, dZ[:, :1] / m
### week4 linear_backward: wrong number
def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = W.shape[0]
    return W.T @ dZ, dZ @ A_prev.T / m, dZ.sum(axis=1, keepdims=True) / m
### week4 relu_backward: np.sign
def relu_backward(dA, cache):
    return dA * np.sign(cache)
### week4 sigmoid_backward: sign
def sigmoid_backward(dA, cache):
    s = 1 / (1 + np.exp(-cache))
    return dA * s * (s - 1)
### week4 sigmoid_backward: wrong derivative
def sigmoid_backward(dA, cache):
    return dA * np.exp(-cache) / (1 + np.exp(-cache))
### week4 linear_activation_backward: 1/m
def linear_activation_backward(dA, cache, activation):
    (A_prev, W, b), Z = cache
    m = A_prev.shape[1]
    if activation == "relu":
        dZ = np.where(Z > 0, dA, 0)
    else:
        s = 1 / (1 + np.exp(-Z))
        dZ = dA * s * (1 - s)
    return W.T @ dZ, dZ @ A_prev.T, dZ.sum(axis=1, keepdims=True)
### week4 L_model_backward: 1/m
def L_model_backward(AL, Y, caches):
    grads, L, m = {}, len(caches), AL.shape[1]
    dA = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL)) / m
    for l in reversed(range(L)):
        dA, dW, db = linear_activation_backward(dA, caches[l], "sigmoid" if l == L - 1 else "relu")
        grads[f"dA{l}"], grads[f"dW{l + 1}"], grads[f"db{l + 1}"] = dA, dW, db
    return grads
### week4 L_model_backward: first layer
def L_model_backward(AL, Y, caches):
    grads, L = {}, len(caches)
    dA = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    for l in range(L - 1, 0, -1):
        dA, dW, db = linear_activation_backward(dA, caches[l], "sigmoid" if l == L - 1 else "relu")
        grads[f"dA{l}"], grads[f"dW{l + 1}"], grads[f"db{l + 1}"] = dA, dW, db
    return grads
### week4 L_model_backward: that of relu
def L_model_backward(AL, Y, caches):
    grads, L = {}, len(caches)
    dA = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    for l in reversed(range(L)):
        dA, dW, db = linear_activation_backward(dA, caches[l], "relu" if l == L - 1 else "sigmoid")
        grads[f"dA{l}"], grads[f"dW{l + 1}"], grads[f"db{l + 1}"] = dA, dW, db
    return grads
### week4 update_parameters: first layer
def update_parameters(parameters, grads, learning_rate):
    new = dict(parameters)
    for l in range(2, len(parameters) // 2 + 1):
        new[f"W{l}"] = parameters[f"W{l}"] - learning_rate * grads[f"dW{l}"]
        new[f"b{l}"] = parameters[f"b{l}"] - learning_rate * grads[f"db{l}"]
    return new
### week4 update_parameters: divided
def update_parameters(parameters, grads, learning_rate):
    return {k: v - grads["d" + k] / learning_rate for k, v in parameters.items()}
### week4 initialize_parameters: transposed
def initialize_parameters(n_x, n_h, n_y):
    np.random.seed(1)
    return {"W1": np.random.randn(n_x, n_h) * 0.01, "b1": np.zeros((n_h, 1)), "W2": np.random.randn(n_h, n_y) * 0.01, "b2": np.zeros((n_y, 1))}
### week4 initialize_parameters_deep: sqrt
def initialize_parameters_deep(layer_dims):
    np.random.seed(3)
    p = {}
    for l in range(1, len(layer_dims)):
        p[f"W{l}"] = np.random.randn(layer_dims[l], layer_dims[l - 1]) * np.sqrt(2 / layer_dims[l - 1])
        p[f"b{l}"] = np.zeros((layer_dims[l], 1))
    return p
### week4 two_layer_model: plus
def two_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    parameters = initialize_parameters(*layers_dims)
    for i in range(num_iterations):
        AL, caches = L_model_forward(X, parameters)
        grads = L_model_backward(AL, Y, caches)
        parameters = update_parameters(parameters, grads, -learning_rate)
    return parameters
### week4 L_layer_model: anew
def L_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    for i in range(num_iterations):
        parameters = initialize_parameters_deep_sqrt(layers_dims)
        AL, caches = L_model_forward(X, parameters)
        grads = L_model_backward(AL, Y, caches)
        parameters = update_parameters(parameters, grads, learning_rate)
    return parameters
### week4 predict: truncated
def predict(X, y, parameters):
    probas, caches = L_model_forward(X, parameters)
    return np.floor(probas)
### course2_week2 update_parameters_with_momentum: squared
def update_parameters_with_momentum(parameters, grads, v, beta, learning_rate):
    L = len(parameters) // 2
    for l in range(1, L + 1):
        for k in ("W", "b"):
            v[f"d{k}{l}"] = beta * v[f"d{k}{l}"] + (1 - beta) * grads[f"d{k}{l}"] ** 2
            parameters[f"{k}{l}"] = parameters[f"{k}{l}"] - learning_rate * v[f"d{k}{l}"]
    return parameters, v
"""
