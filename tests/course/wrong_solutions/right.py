"""Right solutions that are written in another way than the course's."""

# ruff: noqa: E501 - the lines of learners are as long as they like
TEXT = """
### week2 sigmoid:
def sigmoid(x):
    return np.where(x >= 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x)))
### week2 sigmoid:
def sigmoid(z):
    s = np.exp(-z) + 1
    s = 1.0 / s
    return s
### week2 sigmoid:
def sigmoid(z):
    return 0.5 * (1 + np.tanh(z / 2))
### week2 sigmoid_derivative:
def sigmoid_derivative(x):
    e = np.exp(-x)
    return e / (1 + e) ** 2
### week2 softmax:
def softmax(x):
    shifted = np.exp(x - x.max(axis=1).reshape(-1, 1))
    shifted /= shifted.sum(axis=1)[:, None]
    return shifted
### week2 normalize_rows:
def normalizeRows(a):
    return (a.T / np.sqrt((a * a).sum(axis=1))).T
### week2 L2:
def L2(yhat, y):
    total = 0
    for i in range(len(y)):
        total += (y[i] - yhat[i]) ** 2
    return total
### week2 initialize_with_zeros:
def initialize_with_zeros(n):
    return np.zeros(shape=(n, 1)), 0
### week2 propagate:
def propagate(weights, bias, data, labels):
    m = data.shape[1]
    dw = np.zeros(weights.shape)
    db = 0
    cost = 0
    for i in range(m):
        z = bias
        for j in range(len(weights)):
            z += weights[j, 0] * data[j, i]
        a = 1 / (1 + np.exp(-z))
        cost -= labels[0, i] * np.log(a) + (1 - labels[0, i]) * np.log(1 - a)
        for j in range(len(weights)):
            dw[j, 0] += data[j, i] * (a - labels[0, i]) / m
        db += (a - labels[0, i]) / m
    return {"dw": dw, "db": db}, cost / m
### week2 propagate:
def propagate(w, b, X, Y):
    A = sigmoid(w.T @ X + b)
    error = A - Y
    cost = np.squeeze(-np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A)))
    return {"db": error.mean(), "dw": np.einsum("ij,kj->ik", X, error) / X.shape[1], "A": A}, np.array(cost)
### week2 optimize:
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    w = w.copy()
    costs = []
    for step in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w -= learning_rate * grads["dw"]
        b -= learning_rate * grads["db"]
        if not step % 100:
            costs.append(float(cost))
            if print_cost:
                print(cost)
    return dict(w=w, b=b), grads, costs
### week2 predict:
def predict(w, b, X):
    return (np.dot(w.T, X) + b > 0).astype(int)
### week2 predict:
def predict(w, b, X):
    A = sigmoid(np.dot(w.T, X) + b)
    p = np.zeros((1, X.shape[1]))
    for i in range(A.shape[1]):
        if A[0][i] > 0.5:
            p[0][i] = 1
    return p
### week3 layer_sizes:
def layer_sizes(inputs, outputs):
    return [len(inputs), 4, len(outputs)]
### week3 initialize_parameters:
def initialize_parameters(n_x, n_h, n_y):
    np.random.seed(2)
    return dict(W1=0.01 * np.random.standard_normal((n_h, n_x)), W2=0.01 * np.random.normal(size=(n_y, n_h)),
                b1=np.zeros((n_h, 1)), b2=np.zeros((n_y, 1)))
### week3 forward_propagation:
def forward_propagation(X, p):
    cache = {}
    cache["Z1"] = np.einsum("ij,jk->ik", p["W1"], X) + p["b1"]
    cache["A1"] = (np.exp(2 * cache["Z1"]) - 1) / (np.exp(2 * cache["Z1"]) + 1)
    cache["Z2"] = p["W2"] @ cache["A1"]
    cache["Z2"] += p["b2"]
    cache["A2"] = 1 / (1 + np.exp(-cache["Z2"]))
    return cache["A2"], cache
### week3 compute_cost:
def compute_cost(A2, Y):
    m = Y.shape[1]
    logprobs = np.dot(np.log(A2), Y.T) + np.dot(np.log(1 - A2), (1 - Y).T)
    return float(np.squeeze(-logprobs / m))
### week3 compute_cost:
def compute_cost(A2, Y, parameters):
    return np.mean(-np.log(np.where(Y == 1, A2, 1 - A2)))
### week3 backward_propagation:
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    d2 = cache["A2"] - Y
    d1 = np.dot(parameters["W2"].T, d2)
    d1 *= 1 - np.tanh(cache["Z1"]) ** 2
    return {
        "dW1": np.sum(d1[:, None, :] * X[None, :, :], axis=2) / m,
        "db1": d1.mean(axis=1).reshape(-1, 1),
        "dW2": np.sum(d2[:, None, :] * cache["A1"][None, :, :], axis=2) / m,
        "db2": d2.mean(axis=1)[:, np.newaxis],
        "dZ1": d1,
    }
### week3 update_parameters:
def update_parameters(parameters, grads, learning_rate=1.2):
    W1 = parameters["W1"]
    W1 -= learning_rate * grads["dW1"]
    b1 = parameters["b1"]
    b1 -= learning_rate * grads["db1"]
    W2 = parameters["W2"]
    W2 -= learning_rate * grads["dW2"]
    b2 = parameters["b2"]
    b2 -= learning_rate * grads["db2"]
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
### week3 nn_model:
def nn_model(X, Y, n_h, num_iterations=10000, print_cost=False):
    np.random.seed(3)
    parameters = initialize_parameters(X.shape[0], n_h, Y.shape[0])
    i = 0
    while i < num_iterations:
        A2, cache = forward_propagation(X, parameters)
        parameters = update_parameters(parameters, backward_propagation(parameters, cache, X, Y))
        i += 1
    return parameters
### week3 predict:
def predict(parameters, X):
    return np.round(forward_propagation(X, parameters)[0])
### week4 sigmoid:
def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))
### week4 relu:
def relu(Z):
    return Z * (Z > 0), Z
### week4 initialize_parameters_deep:
def initialize_parameters_deep(layer_dims):
    np.random.seed(1)
    parameters = {}
    for l in range(1, len(layer_dims)):
        parameters["W" + str(l)] = np.random.randn(layer_dims[l], layer_dims[l - 1]) / np.sqrt(layer_dims[l - 1])
        parameters["b" + str(l)] = np.zeros((layer_dims[l], 1))
    return parameters
### week4 linear_forward:
def linear_forward(A, W, b):
    Z = np.zeros((W.shape[0], A.shape[1]))
    for i in range(W.shape[0]):
        for j in range(A.shape[1]):
            Z[i, j] = np.sum(W[i] * A[:, j]) + b[i, 0]
    return [Z, [A, W, b]]
### week4 linear_activation_forward:
def linear_activation_forward(A_prev, W, b, activation):
    Z = W @ A_prev + b
    A = np.maximum(Z, 0) if activation == "relu" else 1 / (1 + np.exp(-Z))
    return A, [(A_prev, W, b), Z]
### week4 L_model_forward:
def L_model_forward(X, parameters):
    layers = len(parameters) // 2
    caches = ()
    A = X
    for l in range(layers):
        g = ["relu", "sigmoid"][l == layers - 1]
        A, cache = linear_activation_forward(A, parameters[f"W{l + 1}"], parameters[f"b{l + 1}"], g)
        caches += (cache,)
    return A, caches
### week4 compute_cost:
def compute_cost(AL, Y):
    return -np.average(np.log(AL) * Y + np.log1p(-AL) * (1 - Y))
### week4 linear_backward:
def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = dZ.shape[1]
    dZ_mean = dZ / m
    dW = np.einsum("im,jm->ij", dZ_mean, A_prev)
    db = dZ_mean @ np.ones((m, 1))
    return (dZ.T @ W).T, dW, db
### week4 relu_backward:
def relu_backward(dA, cache):
    dZ = dA.copy()
    dZ *= cache > 0
    return dZ
### week4 linear_activation_backward:
def linear_activation_backward(dA, cache, activation):
    (A_prev, W, b), Z = cache
    m = Z.shape[1]
    if activation == "relu":
        dZ = np.where(Z > 0, dA, 0)
    else:
        s = np.exp(-Z) / (1 + np.exp(-Z)) ** 2
        dZ = dA * s
    return np.dot(W.T, dZ), np.dot(dZ, A_prev.T) / m, np.sum(dZ, axis=1, keepdims=True) / m
### week4 L_model_backward:
def L_model_backward(AL, Y, caches):
    grads = {}
    Y = Y.reshape(AL.shape)
    dZ = AL - Y
    for l in range(len(caches), 0, -1):
        (A_prev, W, b), Z = caches[l - 1]
        grads["dW%d" % l] = dZ.dot(A_prev.T) / Y.shape[1]
        grads["db%d" % l] = dZ.mean(1, keepdims=True)
        grads["dA%d" % (l - 1)] = W.T.dot(dZ)
        if l > 1:
            dZ = grads["dA%d" % (l - 1)] * (A_prev > 0)
    return grads
### week4 L_model_backward:
def L_model_backward(AL, Y, caches):
    grads = {}
    L = len(caches)
    dA = (1 - Y) / (1 - AL) - Y / AL
    for l in reversed(range(L)):
        dA, dW, db = linear_activation_backward(dA, caches[l], "relu" if l < L - 1 else "sigmoid")
        grads["dA" + str(l + 1)], grads["dW" + str(l + 1)], grads["db" + str(l + 1)] = dA, dW, db
    return grads
### week4 update_parameters:
def update_parameters(params, grads, learning_rate):
    for l in range(len(params) // 2):
        params["W" + str(l + 1)] = params["W" + str(l + 1)] - learning_rate * grads["dW" + str(l + 1)]
        params["b" + str(l + 1)] = params["b" + str(l + 1)] - learning_rate * grads["db" + str(l + 1)]
    return params
### week4 two_layer_model:
def two_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    np.random.seed(1)
    n_x, n_h, n_y = layers_dims
    parameters = initialize_parameters(n_x, n_h, n_y)
    for i in range(num_iterations):
        A1, cache1 = linear_activation_forward(X, parameters["W1"], parameters["b1"], "relu")
        A2, cache2 = linear_activation_forward(A1, parameters["W2"], parameters["b2"], "sigmoid")
        dA2 = -(np.divide(Y, A2) - np.divide(1 - Y, 1 - A2))
        dA1, dW2, db2 = linear_activation_backward(dA2, cache2, "sigmoid")
        dA0, dW1, db1 = linear_activation_backward(dA1, cache1, "relu")
        grads = {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
        parameters = update_parameters(parameters, grads, learning_rate)
    return parameters
### week4 L_layer_model:
def L_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    np.random.seed(1)
    costs = []
    parameters = initialize_parameters_deep(layers_dims)
    for i in range(num_iterations):
        AL, caches = L_model_forward(X, parameters)
        costs.append(compute_cost(AL, Y))
        parameters = update_parameters(parameters, L_model_backward(AL, Y, caches), learning_rate)
    return parameters, costs
### week4 predict:
def predict(X, y, parameters):
    m = X.shape[1]
    p = np.zeros((1, m), dtype=int)
    probas, caches = L_model_forward(X, parameters)
    p[probas > 0.5] = 1
    print("Accuracy: " + str(np.sum((p == y) / m)))
    return p
### course2_week1 compute_cost_with_regularization:
def compute_cost_with_regularization(A3, Y, parameters, lambd):
    L2 = sum(np.linalg.norm(parameters[f"W{l}"]) ** 2 for l in (1, 2, 3))
    return compute_cost(A3, Y) + L2 * lambd / 2 / Y.shape[1]
### course2_week2 update_parameters_with_adam:
def update_parameters_with_adam(parameters, grads, v, s, t, learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8):
    vc, sc = {}, {}
    for l in range(1, len(parameters) // 2 + 1):
        for k in ("dW%d" % l, "db%d" % l):
            v[k] = beta1 * v[k] + (1 - beta1) * grads[k]
            s[k] = beta2 * s[k] + (1 - beta2) * np.power(grads[k], 2)
            vc[k] = v[k] / (1 - np.power(beta1, t))
            sc[k] = s[k] / (1 - np.power(beta2, t))
            parameters[k[1:]] = parameters[k[1:]] - learning_rate * vc[k] / np.sqrt(sc[k] + epsilon)
    return parameters, v, s, vc, sc
"""
