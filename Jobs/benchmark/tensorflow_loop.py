"""The training loop that both TensorFlow models share: Adam, cross-entropy, early stopping on the validation rows with the best weights restored."""


def train(job, build):
    """Trains `build(keras)`, a model of 28 x 28 x 1 pixels of 0 to 1 that answers ten probabilities."""
    tensorflow = job.module("tensorflow")
    keras = tensorflow.keras
    keras.utils.set_random_seed(job["seed"])
    tensorflow.config.experimental.enable_op_determinism()

    def pixels(channel):
        return (job.array(channel, "features").astype("float32") / 255).reshape(-1, 28, 28, 1)

    model = build(keras)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=job["learning-rate"]), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=job["patience"], min_delta=job["min-delta"], restore_best_weights=True)
    told = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: job.epoch(
        epoch + 1, train_loss=logs["loss"], validation_loss=logs["val_loss"], validation_accuracy=logs["val_accuracy"]))
    history = model.fit(
        pixels("train"), job.array("train", "labels"), validation_data=(pixels("validation"), job.array("validation", "labels")),
        epochs=job["epochs"] or job["default-epochs"], batch_size=job["batch"], callbacks=[stop, told], verbose=0).history
    job.best_epoch = min(range(len(history["val_loss"])), key=history["val_loss"].__getitem__) + 1
    job.scores(model.predict(pixels("test"), batch_size=1000, verbose=0))
    model.save(job.model_file("model.keras"))


DEFAULTS = {"learning-rate": 0.001, "batch": 128, "default-epochs": 10, "patience": 2, "min-delta": 0.0005}
