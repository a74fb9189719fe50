"""The functions of HFGI3D that the adapter relies on."""

from __future__ import annotations

from zplus_plugins.upstreams.adapter.description import Reliance

COACHES = "inversion/training/coaches"
RELIES_ON = (
    Reliance(
        "inversion/training/projectors/w_plus_projector.py:project",
        "445ed98d287dc16f",
        takes=("G", "target", "pose", "num_steps", "w_avg_samples", "device"),
    ),
    Reliance(
        f"{COACHES}/base_coach.py:BaseCoach.calc_inversions",
        "0342fc3ed290bf8d",
        takes=("image", "pose", "image_name"),
    ),
    Reliance(f"{COACHES}/base_coach.py:BaseCoach.load_inversions", "2031bb40f4159637"),
    Reliance(f"{COACHES}/base_coach.py:BaseCoach.forward", "63549fa5fb0e5df6"),
    Reliance(f"{COACHES}/single_id_coach.py:SingleIDCoach.train", "a5a8d3a3a2c30763"),
    Reliance(
        "inversion/camera_utils.py:LookAtPoseSampler.sample",
        "3045a27f3878c1fb",
        takes=("lookat_position", "radius"),
    ),
    Reliance("inversion/training/triplane.py:TriPlaneGenerator.mapping", "3fbab9b3ac9dfb92", takes=("z", "c")),
    Reliance("inversion/utils/data_utils.py:make_dataset", "e4efe0646fac43fc"),
)
