"""LightGBM on the same tabular data as XGBoost. Uses the module of its container, or LightGBM's C library (LIGHTGBM_LIBRARY) with only numpy."""
import scriptmode

import lightgbm_native


def train(job):
    lightgbm = lightgbm_native.load() or job.module("lightgbm")
    job.version = lightgbm.__version__
    options = {
        "objective": "binary", "metric": ["binary_logloss", "binary_error"], "num_leaves": job["num-leaves"], "learning_rate": job["learning-rate"], "bagging_fraction": job["subsample"],
        "bagging_freq": 1, "feature_fraction": job["feature-fraction"], "seed": job["seed"], "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1,
    }
    training = lightgbm.Dataset(job.array("train", "features"), label=job.array("train", "labels"))
    validation = lightgbm.Dataset(job.array("validation", "features"), label=job.array("validation", "labels"), reference=training)
    curves = {}
    booster = lightgbm.train(
        options, training, num_boost_round=job["epochs"] or job["rounds"], valid_sets=[training, validation], valid_names=["train", "validation"],
        callbacks=[lightgbm.early_stopping(job["early-stopping"], verbose=False), lightgbm.record_evaluation(curves)])
    for at, loss in enumerate(curves["train"]["binary_logloss"]):
        job.epoch(at + 1, train_loss=loss, validation_loss=curves["validation"]["binary_logloss"][at], validation_accuracy=1 - curves["validation"]["binary_error"][at])
    job.best_epoch = booster.best_iteration or len(curves["train"]["binary_logloss"])
    job.scores(booster.predict(job.array("test", "features"), num_iteration=job.best_epoch))
    booster.save_model(job.model_file("model.txt"), num_iteration=job.best_epoch)


if __name__ == "__main__":
    scriptmode.run(train, "lightgbm", {"num-leaves": 31, "learning-rate": 0.05, "subsample": 0.8, "feature-fraction": 0.8, "rounds": 100, "early-stopping": 10})
