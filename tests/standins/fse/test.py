"""Invert every picture of a folder by the encoder; the reconstructions are saved, and no codes."""

from __future__ import annotations

import argparse
import glob
import os

import torch
import yaml
from PIL import Image
from torchvision import transforms, utils

from trainer import *
from utils.datasets import *
from utils.functions import *

torch.autograd.set_detect_anomaly(True)
Image.MAX_IMAGE_PIXELS = None
device = torch.device("cuda")

parser = argparse.ArgumentParser()
parser.add_argument("--config", type=str, default="001")
parser.add_argument("--pretrained_model_path", type=str, default="./pretrained_models/143_enc.pth")
psp = "./pixel2style2pixel/pretrained_models/psp_ffhq_encode.pt"
parser.add_argument("--stylegan_model_path", type=str, default=psp)
parser.add_argument("--arcface_model_path", type=str, default="./pretrained_models/backbone.pth")
parser.add_argument("--parsing_model_path", type=str, default="./pretrained_models/79999_iter.pth")
parser.add_argument("--log_path", type=str, default="./logs/")
parser.add_argument("--input_path", type=str, default="./test/")
parser.add_argument("--save_path", type=str, default="./output/image/")
opts = parser.parse_args()

with open("./configs/" + opts.config + ".yaml") as file:
    config = yaml.load(file, Loader=yaml.FullLoader)

trainer = Trainer(config, opts)
trainer.initialize(opts.stylegan_model_path, opts.arcface_model_path, opts.parsing_model_path)
trainer.to(device)
trainer.enc.load_state_dict(torch.load(opts.pretrained_model_path))
trainer.enc.eval()

img_to_tensor = transforms.Compose(
    [
        transforms.Resize((SIZE, SIZE)),
        transforms.ToTensor(),
        transforms.Normalize(mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5]),
    ]
)
os.makedirs(opts.save_path, exist_ok=True)

with torch.no_grad():
    names = sorted(name for ending in ["*jpg", "*png"] for name in glob.glob1(opts.input_path, ending))
    for img_name in names:
        image_A = img_to_tensor(Image.open(opts.input_path + img_name)).unsqueeze(0).to(device)
        output = trainer.test(img=image_A, return_latent=True)
        feature = output.pop()
        latent = output.pop()
        utils.save_image(clip_img(output[1]), opts.save_path + img_name)
