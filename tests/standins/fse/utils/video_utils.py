"""From a video to aligned faces and back; only the alignment wants ``face_alignment``."""

from __future__ import annotations

import glob
import os

import cv2
import face_alignment
import numpy as np


def align_frames(img_dir: str, save_dir: str, output_size: int = 1024) -> None:
    """Find the face in every frame."""
    face_alignment.FaceAlignment(face_alignment.LandmarksType._2D, device="cuda")


def compare_frames(save_dir: str, origin_dir: str, target_dir: list[str], strs: str = "") -> None:
    """Frames side by side."""
    os.makedirs(save_dir, exist_ok=True)
    for name in sorted(glob.glob1(origin_dir, "frame*")):
        frames = [cv2.imread(folder + name) for folder in [origin_dir, *target_dir]]
        cv2.imwrite(save_dir + name, np.concatenate(frames, axis=1))
