"""``zplus studio``: photographs and records in the browser, edited live in several latent spaces."""
