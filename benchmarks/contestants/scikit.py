"""scikit-learn: MLPClassifier with the same sizes and optimizer, in its own loop."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier


def classifier(task, **arguments):
    """Return the estimator of a task, without penalty and without early stopping."""
    return MLPClassifier(task.sizes[1:-1], activation=task.activation, alpha=0, random_state=1, **arguments)


class SklearnTrainer:
    first_loss = np.inf  # of the first epoch, because its first parameters and orders differ

    def __init__(self, task, problem, threads):
        self.task, self.problem = task, problem

    def reset(self):
        pass

    def run(self, count):
        task, problem = self.task, self.problem
        self.estimator = classifier(
            task,
            solver=task.optimizer,
            learning_rate_init=task.learning_rate,
            momentum=0,
            batch_size=task.batch or len(problem.X),
            max_iter=count,
            n_iter_no_change=count + 1,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is fixed
            self.estimator.fit(problem.X, problem.y)
        self.first_loss = self.estimator.loss_curve_[0]
        return self.estimator.n_iter_

    def answer(self):
        pairs = zip(self.estimator.coefs_, self.estimator.intercepts_, strict=True)
        return [p for pair in pairs for p in pair]


class SklearnPredictor:
    def __init__(self, task, problem, threads):
        classes = max(task.sizes[-1], 2)
        self.X, self.outputs = problem.X, task.sizes[-1]
        self.estimator = classifier(task, batch_size=classes)
        # one step builds the layers; then the parameters of the problem are copied into them
        X = np.zeros((classes, task.sizes[0]), problem.X.dtype)
        self.estimator.partial_fit(X, np.arange(classes), classes=np.arange(classes))
        self.estimator.coefs_ = [p.copy() for p in problem.parameters[::2]]
        self.estimator.intercepts_ = [p.copy() for p in problem.parameters[1::2]]

    def reset(self):
        pass

    def run(self, count):
        predict, X = self.estimator.predict_proba, self.X
        for _ in range(count):
            predict(X)
        return count

    def answer(self):
        return self.estimator.predict_proba(self.X)[:, -self.outputs :]
