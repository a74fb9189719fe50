"""How pivots are found and generators tuned."""

from __future__ import annotations

# The original's names and defaults, some spelt in its own way; a few nobody reads.
LPIPS_value_threshold = 0.06
first_inv_lr = 5e-3
first_inv_steps = 450
first_inv_type = "w"  # or "w+": the encoder's estimate, without optimisation
latent_ball_num_of_samples = 1
locality_regularization_interval = 1
lpips_type = "alex"
max_images_to_invert = 30
max_pti_steps = 350
optim_type = "adam"
pt_l2_lambda = 1
pt_lpips_lambda = 1
pti_learning_rate = 3e-4
regulizer_alpha = 30
regulizer_l2_lambda = 0.1
regulizer_lpips_lambda = 0.1
train_batch_size = 1
use_last_w_pivots = False
use_locality_regularization = False
