"""Ask the classifier about images that it has not seen, and write down how often it is right."""

import csv
import json

import joblib
import numpy as np
from sklearn.metrics import confusion_matrix

data = np.load("work/prepared.npz")
answers = joblib.load("work/classifier.joblib").predict(data["ask"])
right = int((answers == data["ask_labels"]).sum())
with open("metrics.json", "w") as file:
    json.dump({"accuracy": round(right / len(answers), 4), "asked": len(answers), "wrong": len(answers) - right}, file)
    file.write("\n")
with open("confusion.csv", "w", newline="") as file:
    csv.writer(file, lineterminator="\n").writerows(confusion_matrix(data["ask_labels"], answers).tolist())
