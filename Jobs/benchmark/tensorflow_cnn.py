"""TensorFlow: two convolutions and two dense layers on MNIST, 121,930 parameters."""
import scriptmode

import tensorflow_loop


def train(job):
    tensorflow_loop.train(job, lambda keras: keras.Sequential([
        keras.layers.Input(shape=(28, 28, 1)), keras.layers.Conv2D(32, 3, activation="relu"), keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(64, 3, activation="relu"), keras.layers.MaxPooling2D(2), keras.layers.Flatten(), keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax")]))


if __name__ == "__main__":
    scriptmode.run(train, "tensorflow", tensorflow_loop.DEFAULTS)
