"""Wrong solutions of a fourth collection: each once had no cause, or that of another mistake."""

# ruff: noqa: E501 - the lines of learners are as long as they like
TEXT = """
### week2 normalizeRows: mean of the squares
def normalizeRows(x):
    return x / np.sqrt(np.mean(x ** 2, axis=1, keepdims=True))
### week2 softmax: largest exponential
def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.max(axis=1, keepdims=True)
### week2 L2: +=
def L2(yhat, y):
    loss = 0
    for i in range(len(y)):
        loss = (y[i] - yhat[i]) ** 2
    return loss
### week2 propagate: NaN
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(A - 1)) / m
    dw = np.dot(X, (A - Y).T) / m
    db = np.sum(A - Y) / m
    return {"dw": dw, "db": db}, cost
### week2 propagate: brackets
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A)) + np.sum((1 - Y) * np.log(1 - A))
    dw = np.dot(X, (A - Y).T) / m
    db = np.sum(A - Y) / m
    return {"dw": dw, "db": db}, cost
### week2 propagate: 1/m stands before both terms
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A)) - np.sum((1 - Y) * np.log(1 - A))
    dw = np.dot(X, (A - Y).T) / m
    db = np.sum(A - Y) / m
    return {"dw": dw, "db": db}, cost
### week2 propagate: copy of it.
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    X *= (A - Y)
    dw = np.sum(X, axis=1, keepdims=True) / m
    db = np.mean(A - Y)
    return {"dw": dw, "db": db}, cost
### week2 propagate: derivative at A
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dZ = (A - Y) * sigmoid_derivative(A)
    return {"dw": np.dot(X, dZ.T) / m, "db": np.mean(dZ)}, cost
### week2 optimize: i starts at 0
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    for i in range(1, num_iterations + 1):
        grads, cost = propagate(w, b, X, Y)
        w = w - learning_rate * grads["dw"]
        b = b - learning_rate * grads["db"]
        if i % 100 == 0:
            costs.append(cost)
    return {"w": w, "b": b}, grads, costs
### week2 optimize: divided by m again
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        m = X.shape[1]
        w = w - learning_rate * grads["dw"] / m
        b = b - learning_rate * grads["db"] / m
        if i % 100 == 0:
            costs.append(cost)
    return {"w": w, "b": b}, grads, costs
### week2 predict: bias
def predict(w, b, X):
    A = sigmoid(np.dot(w.T, X))
    return (A > 0.5) * 1.0
### week2 model: test set
def model(X_train, Y_train, X_test, Y_test, num_iterations=2000, learning_rate=0.5, print_cost=False):
    w, b = initialize_with_zeros(X_train.shape[0])
    params, grads, costs = optimize(w, b, X_test, Y_test, num_iterations, learning_rate, print_cost)
    w, b = params["w"], params["b"]
    return {"costs": costs, "Y_prediction_test": predict(w, b, X_test), "Y_prediction_train": predict(w, b, X_train), "w": w, "b": b, "learning_rate": learning_rate, "num_iterations": num_iterations}
### week3 nn_model: learning rate
def nn_model(X, Y, n_h, num_iterations=10000, print_cost=False):
    np.random.seed(3)
    n_x, n_y = X.shape[0], Y.shape[0]
    parameters = initialize_parameters(n_x, n_h, n_y)
    for i in range(num_iterations):
        A2, cache = forward_propagation(X, parameters)
        grads = backward_propagation(parameters, cache, X, Y)
        parameters = update_parameters(parameters, grads, 0.12)
    return parameters
### week3 nn_model: seed, 42
def nn_model(X, Y, n_h, num_iterations=10000, print_cost=False):
    np.random.seed(42)
    n_x, _, n_y = layer_sizes(X, Y)
    W1 = np.random.randn(n_h, n_x) * 0.01
    W2 = np.random.randn(n_y, n_h) * 0.01
    parameters = {"W1": W1, "b1": np.zeros((n_h, 1)), "W2": W2, "b2": np.zeros((n_y, 1))}
    for i in range(num_iterations):
        A2, cache = forward_propagation(X, parameters)
        grads = backward_propagation(parameters, cache, X, Y)
        parameters = update_parameters(parameters, grads)
    return parameters
### week4 linear_forward: (n,)
def linear_forward(A, W, b):
    Z = np.dot(W, A) + b.ravel()
    return Z, (A, W, b)
### week4 linear_activation_backward: order
def linear_activation_backward(dA, cache, activation):
    activation_cache, linear_cache = cache
    if activation == "relu":
        dZ = relu_backward(dA, activation_cache)
    else:
        dZ = sigmoid_backward(dA, activation_cache)
    return linear_backward(dZ, linear_cache)
### week4 linear_activation_backward: A_prev instead of Z
def linear_activation_backward(dA, cache, activation):
    linear_cache, activation_cache = cache
    if activation == "relu":
        dZ = relu_backward(dA, linear_cache[0])
    else:
        dZ = sigmoid_backward(dA, activation_cache)
    return linear_backward(dZ, linear_cache)
### week4 L_model_forward: append
def L_model_forward(X, parameters):
    caches = []
    A = X
    L = len(parameters) // 2
    for l in range(1, L):
        A, cache = linear_activation_forward(A, parameters["W" + str(l)], parameters["b" + str(l)], "relu")
        caches += cache
    AL, cache = linear_activation_forward(A, parameters["W" + str(L)], parameters["b" + str(L)], "sigmoid")
    caches += cache
    return AL, caches
### week4 linear_backward: dZ stands twice
def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    dW = np.dot(dZ, dZ.T) / m
    db = np.mean(dZ, axis=1, keepdims=True)
    return np.dot(W.T, dZ), dW, db
### week4 update_parameters: update of the biases
def update_parameters(parameters, grads, learning_rate):
    L = len(parameters) // 2
    p = {}
    for l in range(1, L + 1):
        p["W" + str(l)] = parameters["W" + str(l)] - learning_rate * grads["dW" + str(l)]
        p["b" + str(l)] = parameters["b" + str(l)] - grads["db" + str(l)]
    return p
### week4 two_layer_model: sigmoid is used instead of relu
def two_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    np.random.seed(1)
    n_x, n_h, n_y = layers_dims
    parameters = initialize_parameters(n_x, n_h, n_y)
    costs = []
    for i in range(num_iterations):
        A1, cache1 = linear_activation_forward(X, parameters["W1"], parameters["b1"], "sigmoid")
        A2, cache2 = linear_activation_forward(A1, parameters["W2"], parameters["b2"], "sigmoid")
        cost = compute_cost(A2, Y)
        dA2 = -(np.divide(Y, A2) - np.divide(1 - Y, 1 - A2))
        dA1, dW2, db2 = linear_activation_backward(dA2, cache2, "sigmoid")
        dA0, dW1, db1 = linear_activation_backward(dA1, cache1, "sigmoid")
        grads = {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
        parameters = update_parameters(parameters, grads, learning_rate)
    return parameters, costs
### week4 two_layer_model: dA of the layer above
def two_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, print_cost=False):
    np.random.seed(1)
    n_x, n_h, n_y = layers_dims
    parameters = initialize_parameters(n_x, n_h, n_y)
    for i in range(num_iterations):
        A1, cache1 = linear_activation_forward(X, parameters["W1"], parameters["b1"], "relu")
        A2, cache2 = linear_activation_forward(A1, parameters["W2"], parameters["b2"], "sigmoid")
        dA2 = -(np.divide(Y, A2) - np.divide(1 - Y, 1 - A2))
        dA1, dW2, db2 = linear_activation_backward(dA2, cache2, "sigmoid")
        dA0, dW1, db1 = linear_activation_backward(dA2, cache1, "relu")
        grads = {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
        parameters = update_parameters(parameters, grads, learning_rate)
    return parameters, []
### week4 predict: accuracy
def predict(X, y, parameters):
    AL, caches = L_model_forward(X, parameters)
    p = (AL > 0.5) * 1.0
    return np.mean(p == y)
### course2_week1 compute_cost_with_regularization: brackets
def compute_cost_with_regularization(A3, Y, parameters, lambd):
    m = Y.shape[1]
    W1, W2, W3 = parameters["W1"], parameters["W2"], parameters["W3"]
    ce = compute_cost(A3, Y)
    return ce + lambd / (2 * m) * np.sum(np.square(W1)) + np.sum(np.square(W2)) + np.sum(np.square(W3))
### course2_week1 backward_propagation_with_regularization: divided by m twice
def backward_propagation_with_regularization(X, Y, cache, lambd):
    m = X.shape[1]
    (Z1, A1, W1, b1, Z2, A2, W2, b2, Z3, A3, W3, b3) = cache
    dZ3 = A3 - Y
    dW3 = 1 / m * (np.dot(dZ3, A2.T) + lambd / m * W3)
    db3 = 1 / m * np.sum(dZ3, axis=1, keepdims=True)
    dA2 = np.dot(W3.T, dZ3)
    dZ2 = np.multiply(dA2, np.int64(A2 > 0))
    dW2 = 1 / m * (np.dot(dZ2, A1.T) + lambd / m * W2)
    db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dA1 = np.dot(W2.T, dZ2)
    dZ1 = np.multiply(dA1, np.int64(A1 > 0))
    dW1 = 1 / m * (np.dot(dZ1, X.T) + lambd / m * W1)
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return {"dZ3": dZ3, "dW3": dW3, "db3": db3, "dA2": dA2, "dZ2": dZ2, "dW2": dW2, "db2": db2, "dA1": dA1, "dZ1": dZ1, "dW1": dW1, "db1": db1}
### course2_week1 backward_propagation_with_regularization: sum of W
def backward_propagation_with_regularization(X, Y, cache, lambd):
    m = X.shape[1]
    (Z1, A1, W1, b1, Z2, A2, W2, b2, Z3, A3, W3, b3) = cache
    dZ3 = A3 - Y
    dW3 = 1 / m * np.dot(dZ3, A2.T) + lambd / m * np.sum(W3)
    db3 = 1 / m * np.sum(dZ3, axis=1, keepdims=True)
    dA2 = np.dot(W3.T, dZ3)
    dZ2 = np.multiply(dA2, np.int64(A2 > 0))
    dW2 = 1 / m * np.dot(dZ2, A1.T) + lambd / m * np.sum(W2)
    db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dA1 = np.dot(W2.T, dZ2)
    dZ1 = np.multiply(dA1, np.int64(A1 > 0))
    dW1 = 1 / m * np.dot(dZ1, X.T) + lambd / m * np.sum(W1)
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return {"dZ3": dZ3, "dW3": dW3, "db3": db3, "dA2": dA2, "dZ2": dZ2, "dW2": dW2, "db2": db2, "dA1": dA1, "dZ1": dZ1, "dW1": dW1, "db1": db1}
### course2_week1 forward_propagation_with_dropout: argument keep_prob
def forward_propagation_with_dropout(X, parameters, keep_prob=0.5):
    np.random.seed(1)
    W1, b1, W2, b2, W3, b3 = (parameters[k] for k in ("W1", "b1", "W2", "b2", "W3", "b3"))
    Z1 = np.dot(W1, X) + b1
    A1 = relu(Z1)
    D1 = np.random.rand(A1.shape[0], A1.shape[1]) < 0.5
    A1 = A1 * D1 / 0.5
    Z2 = np.dot(W2, A1) + b2
    A2 = relu(Z2)
    D2 = np.random.rand(A2.shape[0], A2.shape[1]) < 0.5
    A2 = A2 * D2 / 0.5
    A3 = sigmoid(np.dot(W3, A2) + b3)
    return A3, (Z1, D1, A1, W1, b1, Z2, D2, A2, W2, b2, np.dot(W3, A2) + b3, A3, W3, b3)
### course2_week2 random_mini_batches: one permutation
def random_mini_batches(X, Y, mini_batch_size=64, seed=0):
    np.random.seed(seed)
    m = X.shape[1]
    sX = X[:, np.random.permutation(m)]
    sY = Y[:, np.random.permutation(m)]
    return [(sX[:, k:k + mini_batch_size], sY[:, k:k + mini_batch_size]) for k in range(0, m, mini_batch_size)]
### course2_week2 update_parameters_with_momentum: learning rate is the factor
def update_parameters_with_momentum(parameters, grads, v, beta, learning_rate):
    L = len(parameters) // 2
    for l in range(1, L + 1):
        for k in ("W", "b"):
            n = k + str(l)
            v["d" + n] = beta * v["d" + n] + learning_rate * grads["d" + n]
            parameters[n] = parameters[n] - v["d" + n]
    return parameters, v
### course2_week2 update_parameters_with_momentum: argument beta
def update_parameters_with_momentum(parameters, grads, v, beta, learning_rate):
    L = len(parameters) // 2
    for l in range(1, L + 1):
        for k in ("W", "b"):
            n = k + str(l)
            v["d" + n] = 0.9 * v["d" + n] + 0.1 * grads["d" + n]
            parameters[n] = parameters[n] - learning_rate * v["d" + n]
    return parameters, v
### course2_week2 update_parameters_with_adam: epsilon is added to sqrt(s)
def update_parameters_with_adam(parameters, grads, v, s, t, learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8):
    for n in parameters:
        g = grads["d" + n]
        v["d" + n] = beta1 * v["d" + n] + (1 - beta1) * g
        s["d" + n] = beta2 * s["d" + n] + (1 - beta2) * g ** 2
        vc = v["d" + n] / (1 - beta1 ** t)
        sc = s["d" + n] / (1 - beta2 ** t)
        parameters[n] = parameters[n] - learning_rate * vc / np.sqrt(sc) + epsilon
    return parameters, v, s
### course2_week2 update_lr: swapped
def update_lr(learning_rate0, epoch_num, decay_rate):
    return decay_rate / (1 + learning_rate0 * epoch_num)
### course2_week2 random_mini_batches: starts at the wrong column
def random_mini_batches(X, Y, mini_batch_size=64, seed=0):
    np.random.seed(seed)
    m = X.shape[1]
    p = np.random.permutation(m)
    X, Y = X[:, p], Y[:, p]
    n = m // mini_batch_size
    out = [(X[:, k * mini_batch_size:(k + 1) * mini_batch_size], Y[:, k * mini_batch_size:(k + 1) * mini_batch_size]) for k in range(n)]
    if m % mini_batch_size:
        out.append((X[:, -mini_batch_size:], Y[:, -mini_batch_size:]))
    return out
### course2_week2 random_mini_batches: look where its columns begin
def random_mini_batches(X, Y, mini_batch_size=64, seed=0):
    np.random.seed(seed)
    order = np.random.permutation(X.shape[1])
    starts = range(0, X.shape[1], mini_batch_size)
    return [(X[:, order[k + 1 : k + mini_batch_size - 1]], Y[:, order[k : k + mini_batch_size]]) for k in starts]
"""
