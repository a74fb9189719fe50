"""Where things are, relative to the working folder."""

from __future__ import annotations

e4e = "./pretrained_models/e4e_ffhq_encode.pt"
stylegan2_ada_ffhq = "../pretrained_models/ffhq.pkl"

checkpoints_dir = "./checkpoints"
embedding_base_dir = "./embeddings"
experiments_output_dir = "./output"

input_data_path = ""
input_data_id = "barcelona"

pti_results_keyword = "PTI"
e4e_results_keyword = "e4e"
sg2_results_keyword = "SG2"
sg2_plus_results_keyword = "SG2_plus"
multi_id_model_type = "multi_id"

interfacegan_age = "editings/interfacegan_directions/age.pt"
interfacegan_smile = "editings/interfacegan_directions/smile.pt"
interfacegan_rotation = "editings/interfacegan_directions/rotation.pt"
ffhq_pca = "editings/ganspace_pca/ffhq_pca.pt"
