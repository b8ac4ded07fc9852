"""Train a support vector classifier on the prepared images."""

import pathlib

import joblib
import numpy as np
import yaml
from sklearn.svm import SVC

params = yaml.safe_load(pathlib.Path("params.yaml").read_text())["train"]
data = np.load("work/prepared.npz")
classifier = SVC(kernel=params["kernel"], C=params["c"]).fit(data["learn"], data["learn_labels"])
joblib.dump(classifier, "work/classifier.joblib")
