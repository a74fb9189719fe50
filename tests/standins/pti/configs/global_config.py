"""The device, logging, and the state of the current run, which the scripts write here."""

from __future__ import annotations

cuda_visible_devices = "0"
device = "cuda:0"

training_step = 1
image_rec_result_log_snapshot = 100
pivotal_training_steps = 0
model_snapshot_interval = 400

run_name = ""
