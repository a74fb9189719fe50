cuda_visible_devices = "0"
device = "cuda:0"
training_step = 1
image_rec_result_log_snapshot = 100
pivotal_training_steps = 0
run_name = ""
