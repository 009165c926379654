"""XGBoost on the tabular data: boosted trees with early stopping on the validation rows."""
import scriptmode


def train(job):
    xgboost = job.module("xgboost")
    training = xgboost.DMatrix(job.array("train", "features"), label=job.array("train", "labels"))
    validation = xgboost.DMatrix(job.array("validation", "features"), label=job.array("validation", "labels"))
    options = {
        "objective": "binary:logistic", "eval_metric": ["error", "logloss"], "max_depth": job["max-depth"], "eta": job["eta"], "subsample": job["subsample"],
        "colsample_bytree": job["colsample"], "seed": job["seed"], "nthread": 1, "tree_method": "hist",
    }
    curves = {}
    booster = xgboost.train(
        options, training, num_boost_round=job["epochs"] or job["rounds"], evals=[(training, "train"), (validation, "validation")],
        early_stopping_rounds=job["early-stopping"], evals_result=curves, verbose_eval=False)
    for at, loss in enumerate(curves["train"]["logloss"]):
        job.epoch(at + 1, train_loss=loss, validation_loss=curves["validation"]["logloss"][at], validation_accuracy=1 - curves["validation"]["error"][at])
    job.best_epoch = booster.best_iteration + 1
    # Without the range all rounds are used, even those after the best one.
    job.scores(booster.predict(xgboost.DMatrix(job.array("test", "features")), iteration_range=(0, job.best_epoch)))
    booster.save_model(job.model_file("model.json"))


if __name__ == "__main__":
    scriptmode.run(train, "xgboost", {"max-depth": 6, "eta": 0.3, "subsample": 0.8, "colsample": 0.8, "rounds": 100, "early-stopping": 10})
