"""``zplus studio``: a page that opens photographs and records, and edits them live in several latent spaces."""
