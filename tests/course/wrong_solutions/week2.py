"""Wrong solutions of week 2."""

TEXT = """
### week2 sigmoid: minus sign
def sigmoid(z):
    return 1 / (1 + np.exp(z))
### week2 sigmoid: brackets
def sigmoid(z):
    s = 1 / 1 + np.exp(-z)
    return s
### week2 sigmoid: wrong activation
def sigmoid(z):
    s = np.tanh(z)
    return s
### week2 sigmoid: returns none
def sigmoid(z):
    s = 1 / (1 + np.exp(-z))
### week2 sigmoid: raises
def sigmoid(z):
    import math
    return 1 / (1 + math.exp(-z))
### week2 sigmoid: truncated
def sigmoid(z):
    return (1 / (1 + np.exp(-z))).astype(int)
### week2 sigmoid: int
def sigmoid(z):
    if np.isscalar(z):
        return 1 / (1 + np.exp(-z))
    s = np.zeros_like(z)
    for i, value in np.ndenumerate(z):
        s[i] = 1 / (1 + np.exp(-value))
    return s
### week2 sigmoid_derivative: derivative
def sigmoid_derivative(x):
    s = 1 / (1 + np.exp(-x))
    ds = s * (1 + s)
    return ds
### week2 sigmoid_derivative: argument
def sigmoid_derivative(x):
    return x * (1 - x)
### week2 sigmoid_derivative: evaluated at a
def sigmoid_derivative(x):
    s = sigmoid(x)
    return sigmoid(s) * (1 - sigmoid(s))
### week2 image2vector: transposed
def image2vector(image):
    return image.reshape(1, image.shape[0] * image.shape[1] * image.shape[2])
### week2 image2vector: shape
def image2vector(image):
    return image.flatten()
### week2 normalize_rows: axis
def normalize_rows(x):
    x_norm = np.linalg.norm(x, axis=0, keepdims=True)
    return x / x_norm
### week2 normalizeRows: keepdims
def normalizeRows(x):
    x_norm = np.linalg.norm(x, axis=1)
    return x / x_norm
### week2 normalize_rows: root
def normalize_rows(x):
    return x / np.sum(x ** 2, axis=1, keepdims=True)
### week2 softmax: axis
def softmax(x):
    x_exp = np.exp(x)
    return x_exp / np.sum(x_exp, axis=0, keepdims=True)
### week2 softmax: keepdims
def softmax(x):
    x_exp = np.exp(x)
    x_sum = np.sum(x_exp, axis=1)
    return x_exp / x_sum
### week2 L1: mean
def L1(yhat, y):
    return np.mean(np.abs(y - yhat))
### week2 L2: square
def L2(yhat, y):
    return np.sum(np.abs(y - yhat))
### week2 L2: root
def L2(yhat, y):
    return np.linalg.norm(y - yhat)
### week2 initialize_with_zeros: (dim,)
def initialize_with_zeros(dim):
    w = np.zeros(dim)
    b = 0.0
    return w, b
### week2 initialize_with_zeros: transposed
def initialize_with_zeros(dim):
    return np.zeros((1, dim)), 0.0
### week2 initialize_with_zeros: order
def initialize_with_zeros(dim):
    return 0.0, np.zeros((dim, 1))
### week2 propagate: 1/m
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = np.dot(X, (A - Y).T)
    db = 1 / m * np.sum(A - Y)
    return {"dw": dw, "db": db}, cost
### week2 propagate: sign
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = 1 / m * np.dot(X, (Y - A).T)
    db = 1 / m * np.sum(Y - A)
    return {"dw": dw, "db": db}, cost
### week2 propagate: bias
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X))
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = 1 / m * np.dot(X, (A - Y).T)
    db = 1 / m * np.sum(A - Y)
    return {"dw": dw, "db": db}, cost
### week2 propagate: log of the wrong term
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(1 - A) + (1 - Y) * np.log(A))
    dw = 1 / m * np.dot(X, (A - Y).T)
    db = 1 / m * np.sum(A - Y)
    return {"dw": dw, "db": db}, cost
### week2 propagate: minus sign
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = 1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = 1 / m * np.dot(X, (A - Y).T)
    db = 1 / m * np.sum(A - Y)
    return {"dw": dw, "db": db}, cost
### week2 propagate: wrong axis
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = 1 / m * np.dot(X, (A - Y).T)
    db = 1 / m * np.sum(A - Y, axis=0)
    return {"dw": dw, "db": db}, cost
### week2 propagate: transposed
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = 1 / m * np.dot(A - Y, X.T)
    db = 1 / m * np.sum(A - Y)
    return {"dw": dw, "db": db}, cost
### week2 propagate: elementwise
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = 1 / m * X * (A - Y)
    db = 1 / m * np.sum(A - Y)
    return {"dw": dw, "db": db}, cost
### week2 propagate: order
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = 1 / m * np.dot(X, (A - Y).T)
    db = 1 / m * np.sum(A - Y)
    return cost, {"dw": dw, "db": db}
### week2 propagate: transpose
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = 1 / m * np.dot(X, (A - Y).T)
    db = 1 / m * np.sum(A - Y)
    return {"dw": dw, "db": db}, cost
### week2 propagate: wrong number
def propagate(w, b, X, Y):
    m = X.shape[0]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / X.shape[1] * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = 1 / m * np.dot(X, (A - Y).T)
    db = 1 / m * np.sum(A - Y)
    return {"dw": dw, "db": db}, cost
### week2 propagate: key
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = 1 / m * np.dot(X, (A - Y).T)
    db = 1 / m * np.sum(A - Y)
    return {"dW": dw, "db": db}, cost
### week2 optimize: plus
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w = w + learning_rate * grads["dw"]
        b = b + learning_rate * grads["db"]
        if i % 100 == 0:
            costs.append(cost)
    return {"w": w, "b": b}, grads, costs
### week2 optimize: learning rate
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w = w - grads["dw"]
        b = b - grads["db"]
        if i % 100 == 0:
            costs.append(cost)
    return {"w": w, "b": b}, grads, costs
### week2 optimize: every iteration
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w = w - learning_rate * grads["dw"]
        b = b - learning_rate * grads["db"]
        costs.append(cost)
    return {"w": w, "b": b}, grads, costs
### week2 optimize: b is not updated
def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w = w - learning_rate * grads["dw"]
        if i % 100 == 0:
            costs.append(cost)
    return {"w": w, "b": b}, grads, costs
### week2 predict: outputs
def predict(w, b, X):
    A = sigmoid(np.dot(w.T, X) + b)
    return A
### week2 predict: strict
def predict(w, b, X):
    A = sigmoid(np.dot(w.T, X) + b)
    return (A >= 0.5).astype(float)
### week2 predict: (m,)
def predict(w, b, X):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    Y_prediction = np.zeros(m)
    for i in range(m):
        Y_prediction[i] = 1 if A[0, i] > 0.5 else 0
    return Y_prediction
### week2 model: swapped
def model(X_train, Y_train, X_test, Y_test, num_iterations=2000, learning_rate=0.5, print_cost=False):
    w, b = initialize_with_zeros(X_train.shape[0])
    params, grads, costs = optimize(w, b, X_train, Y_train, num_iterations, learning_rate, print_cost)
    w, b = params["w"], params["b"]
    return {"costs": costs, "Y_prediction_test": predict(w, b, X_train),
            "Y_prediction_train": predict(w, b, X_test), "w": w, "b": b}
### week2 model: num_iterations
def model(X_train, Y_train, X_test, Y_test, num_iterations=2000, learning_rate=0.5, print_cost=False):
    w, b = initialize_with_zeros(X_train.shape[0])
    params, grads, costs = optimize(w, b, X_train, Y_train, learning_rate=learning_rate)
    w, b = params["w"], params["b"]
    return {"costs": costs, "Y_prediction_test": predict(w, b, X_test),
            "Y_prediction_train": predict(w, b, X_train), "w": w, "b": b}
"""
