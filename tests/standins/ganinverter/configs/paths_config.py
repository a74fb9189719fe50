"""Where the networks of the refinements lie."""

model_paths = {
    "invert_predictor_faces": "pretrained_models/invertibility_faces_sg2.pt",
    "segmenter_faces": "pretrained_models/79999_iter.pth",
}
