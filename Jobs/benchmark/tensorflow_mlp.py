"""TensorFlow: 784 - 128 - 10 on MNIST, 101,770 parameters."""
import scriptmode

import tensorflow_loop


def train(job):
    tensorflow_loop.train(job, lambda keras: keras.Sequential([
        keras.layers.Input(shape=(28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(128, activation="relu"), keras.layers.Dropout(job["dropout"]),
        keras.layers.Dense(10, activation="softmax")]))


if __name__ == "__main__":
    scriptmode.run(train, "tensorflow", {**tensorflow_loop.DEFAULTS, "dropout": 0.2})
