"""The face: skin, eyes, brows, nose, mouth, lines of age, and glasses."""

from __future__ import annotations

import torch
from torch import Tensor

from zplus_plugins.portraits.drawing.canvas import Canvas, bump, ellipse, gradient, rounded, step
from zplus_plugins.portraits.drawing.head import Head

IRISES = ((0.30, 0.17, 0.09), (0.42, 0.27, 0.12), (0.28, 0.44, 0.24), (0.28, 0.52, 0.66), (0.30, 0.50, 0.85))
EYE_Y, BROW_Y, MOUTH_Y = 0.0, -0.165, 0.345


def skin(canvas: Canvas, head: Head) -> None:
    """Ears and head, lit like an ellipsoid, with redder shadows and cheeks."""
    for side in (-1, 1):
        ear = ellipse(head.x - side * head.a * 0.99 * head.ahead_x + 0.12 * head.turn_x, head.y - 0.05, 0.075, 0.13)
        seen = step(0.9 - side * 2.2 * head.turn_x, 0, 0.5)
        canvas.paint(canvas.inside(ear) * seen, _lit(head, head.skin, 0.80 + 0.22 * side * head.light_x + 0 * head.x))
        canvas.darken(0.25 * canvas.inside(ear + 0.045, 2) * seen)
    distance = outline(head)
    normal_x, normal_y = (head.x / head.a).clamp(-1, 1), (head.y / head.b).clamp(-1, 1)
    normal_z = (1 - 0.8 * normal_x.square() - 0.6 * normal_y.square()).clamp_min(0).sqrt()
    lit = 0.56 * head.light_x * normal_x - 0.22 * normal_y + 0.72 * normal_z
    shade = 0.52 + 0.64 * lit
    canvas.paint(canvas.inside(distance), _lit(head, head.skin, shade))
    for side in (-1, 1):
        cheek = head.spot(side * 0.24, 0.19)
        blush = bump(cheek.u, 0.13) * bump(cheek.v, 0.09) * cheek.seen
        smile = head.number("smile")
        canvas.darken(0.14 * blush * (1 + 0.8 * smile) * canvas.inside(distance), (-0.2, 1, 0.9))


def outline(head: Head) -> Tensor:
    """Distance from the edge of the head: an ellipse above, a jaw below; the chin turns further than the skull."""
    lower = head.y.clamp_min(0)
    x = head.x - 0.22 * head.turn_x * (lower / head.b).square()
    jaw = head.number("jaw")
    taper = 1 - (0.10 - 0.09 * jaw) * (lower / head.b).square()
    above = ellipse(x, head.y, head.a, head.b)
    below = rounded(x, head.y, head.a * taper, head.b, 2.15 + 0.45 * jaw)
    return torch.where(head.y < 0, above, below)


def eyes(canvas: Canvas, head: Head) -> None:
    """Almond eyes that narrow with a smile, looking where the head looks."""
    size, smile = head.number("eye_size"), head.number("smile")
    width, height = 0.118 * (1 + 0.16 * size), 0.061 * (1 + 0.30 * size) * (1 - 0.22 * smile)
    for side in (-1, 1):
        spot = head.spot(side * eye_x(head), EYE_Y)
        u, v = spot.u, spot.v + side * 0.24 * head.number("eye_tilt") * spot.u
        along = (u / width).clamp(-1.3, 1.3)
        lid = height * (1 - along.square())
        almond = torch.maximum(v.abs() - lid, u.abs() - width) * 0.85
        cover = canvas.inside(almond) * spot.seen
        canvas.darken(0.28 * bump(almond.clamp_min(0), 0.05) * spot.seen)
        white = torch.tensor((0.97, 0.96, 0.95))[None, :, None, None] * (1 - 0.25 * step(-v, -0.01, 0.06))[:, None]
        canvas.paint(cover, white)
        gaze_u, gaze_v = u - 0.035 * head.turn_x, v + 0.006
        radius = 0.066 * (1 + 0.15 * size)
        iris = gradient(head.number("eye_colour")[:, 0, 0], IRISES)
        canvas.paint(canvas.inside(ellipse(gaze_u, gaze_v, radius, radius)) * cover, iris)
        canvas.paint(canvas.inside(ellipse(gaze_u, gaze_v, radius * 0.48, radius * 0.48)) * cover, (0.04, 0.03, 0.04))
        glint = ellipse(gaze_u - 0.025 * head.light_x, gaze_v + 0.025, 0.018, 0.018)
        canvas.paint(0.9 * canvas.inside(glint) * cover, (1, 1, 1))
        lash = (v + lid + 0.004).abs() - 0.016
        canvas.paint(canvas.inside(torch.maximum(lash, u.abs() - width * 1.05)) * spot.seen * 0.85, (0.13, 0.09, 0.08))


def eye_x(head: Head) -> Tensor:
    """How far the eyes are from the middle of the face."""
    return 0.192 * (1 + 0.14 * head.number("eye_distance"))


def brows(canvas: Canvas, head: Head) -> None:
    """Strokes in a darker tone of the hair, finer towards the temples."""
    thickness = 0.026 * (1 + 0.55 * head.number("brow_thickness"))
    arch, colour = head.number("brow_arch"), (head.hair * 0.62 + 0.02)
    lifted = 0.02 * head.number("smile")
    for side in (-1, 1):
        spot = head.spot(side * (eye_x(head) + 0.008), BROW_Y - lifted)
        along = side * spot.u / 0.145  # -1 at the nose, 1 at the temple
        middle = (0.028 + 0.022 * arch) * ((along - 0.15).square() * 1.6 - 0.8) - 0.006 * along
        taper = thickness * (1 - 0.35 * along).clamp_min(0.1)
        distance = torch.maximum((spot.v - middle).abs() - taper, spot.u.abs() - 0.145)
        canvas.paint(0.88 * canvas.inside(distance, 1.3) * spot.seen, colour)


def nose(canvas: Canvas, head: Head) -> None:
    """A bridge with a lit and a shadowed side, a round tip, nostrils."""
    length, width = head.number("nose_length"), head.number("nose_width")
    y = 0.155 * (1 + 0.22 * length)
    half = 0.062 * (1 + 0.30 * width)
    tip, root = head.spot(0.0, y, out=0.13), head.spot(0.0, -0.05, out=0.02)
    part = (root.v / (root.v - tip.v)).clamp(0, 1)  # 0 at the root, 1 at the tip
    bridge = root.u * (1 - part) + tip.u * part
    reach = bump(part - 0.55, 0.30) * step(root.v, -0.03, 0.05) * step(-tip.v, -0.06, 0.0)
    for side in (-1, 1):
        away = (-side * head.light_x).clamp(-1, 1) * 0.10 + 0.13
        canvas.darken(away * bump(bridge - side * (0.028 + 0.030 * part), 0.030) * reach)
        wing = ellipse(tip.u - side * half, tip.v - 0.002, 0.036, 0.032)
        canvas.darken(0.14 * canvas.inside(wing, 2.2))
    canvas.darken(0.20 * bump(tip.v - 0.045, 0.022) * bump(tip.u, half * 1.25))
    canvas.darken(-0.16 * bump(tip.u - 0.02 * head.light_x, 0.032) * bump(tip.v, 0.035), (1, 1, 1))
    for side in (-1, 1):
        nostril = ellipse(tip.u - side * half * 0.58, tip.v - 0.036, 0.021, 0.012)
        canvas.darken(0.45 * canvas.inside(nostril, 1.3))


def mouth(canvas: Canvas, head: Head) -> None:
    """Lips along a curve; a broad smile opens them and shows teeth."""
    smile, full = 1.3 * head.number("smile") - 0.3, head.number("lips")
    half = 0.150 * (1 + 0.20 * head.number("mouth_width")) * (1 + 0.22 * smile.clamp_min(0))
    spot = head.spot(0.0, MOUTH_Y, out=0.03)
    along = spot.u / half
    rest = (1 - along.square()).clamp_min(0)
    middle = -(smile + 0.1) * 0.075 * (along.square() - 0.45)
    opening = 0.075 * (smile - 0.25).clamp_min(0) * rest
    upper = 0.036 * (1 + 0.45 * full) * rest * (1 - 0.45 * bump(along, 0.22))
    lower = 0.050 * (1 + 0.50 * full) * rest.sqrt() * (0.25 + 0.75 * rest)
    v = spot.v - middle
    ends = spot.u.abs() - half
    base = head.skin.lerp(torch.tensor((0.70, 0.22, 0.24)), 0.55) * 0.92
    lips = torch.maximum(torch.maximum(-v - upper - 0.3 * opening, v - lower - opening), ends)
    glow = (0.88 + 0.30 * step(v, 0.0, 0.06) - 0.12 * step(-v, 0, 0.05))[:, None]
    canvas.darken(0.20 * bump(v - lower - opening - 0.035, 0.03) * bump(along, 0.55))
    canvas.paint(canvas.inside(lips), base[..., None, None] * glow)
    gap = torch.maximum(torch.maximum(-v - 0.3 * opening, v - opening), ends)
    inside = canvas.inside(gap) * step(opening, 0.0, 0.015)
    canvas.paint(inside, (0.30, 0.07, 0.08))
    teeth = torch.maximum(v - 0.55 * opening, along.abs() - 0.86)
    canvas.paint(inside * canvas.inside(teeth, 1.2), (0.97, 0.96, 0.93))
    line = torch.maximum((v.abs() - 0.010), ends - 0.012) + 0.5 * opening
    canvas.darken(0.62 * canvas.inside(line, 1.4))


def lines(canvas: Canvas, head: Head) -> None:
    """Lines of age: forehead, between the brows, around the eyes, from nose to mouth; a smile deepens the last."""
    age, smile = head.number("age"), head.number("smile")
    here = canvas.inside(outline(head))
    forehead = head.spot(0.0, -0.32)
    for level in (-0.075, 0.0, 0.075):
        curve = forehead.v - level - 0.25 * forehead.u.square() + 0.006 * torch.sin(30 * forehead.u + 9 * level)
        canvas.darken(0.34 * age * bump(curve, 0.016) * step(0.30 - forehead.u.abs(), 0, 0.12) * here)
    for side in (-1, 1):
        frown = head.spot(side * 0.035, -0.14, out=0.02)
        canvas.darken(0.30 * age * bump(frown.u, 0.014) * bump(frown.v, 0.055))
        bag = head.spot(side * eye_x(head), EYE_Y + 0.105)
        curve = bag.v + 1.8 * bag.u.square()
        canvas.darken(0.30 * age * bump(curve, 0.020) * step(0.11 - bag.u.abs(), 0, 0.05) * bag.seen)
        corner = head.spot(side * (eye_x(head) + 0.155), EYE_Y + 0.01)
        for slant in (-0.55, 0.0, 0.55):
            ray = corner.v - slant * side * corner.u - 0.02 * slant
            canvas.darken(0.34 * age * bump(ray, 0.013) * bump(corner.u - side * 0.012, 0.040) * corner.seen * here)
        fold = head.spot(side * 0.165, 0.25, out=0.02)
        curve = side * fold.u - 0.50 * fold.v - 1.2 * fold.v.square()
        depth = 0.03 + 0.34 * age + 0.16 * smile
        canvas.darken(depth * bump(curve, 0.020) * step(0.13 - fold.v.abs(), 0, 0.07) * fold.seen * here)


def glasses(canvas: Canvas, head: Head) -> None:
    """Round dark frames with faintly reflecting lenses; the temples run back to the ears."""
    worn = head.number("glasses")
    radius = 0.158
    for side in (-1, 1):
        spot = head.spot(side * 0.205, EYE_Y + 0.015, out=0.05)
        lens = rounded(spot.u, spot.v, radius, radius * 0.86, 2.8)
        glare = bump(spot.u + spot.v - 0.06 * head.light_x, 0.035)
        canvas.paint((0.10 + 0.16 * glare) * worn * canvas.inside(lens), (0.85, 0.92, 1.0))
        canvas.paint(worn * canvas.inside(lens.abs() - 0.016), (0.10, 0.08, 0.09))
        temple = torch.maximum((spot.v + 0.03).abs() - 0.016, radius - side * spot.u)
        edge = canvas.inside(ellipse(head.x, head.y, head.a * 1.02, head.b))
        canvas.paint(worn * canvas.inside(temple) * edge * spot.seen, (0.10, 0.08, 0.09))
    bridge = head.spot(0.0, EYE_Y - 0.01, out=0.08)
    arc = (bridge.v + 0.03 - 1.5 * bridge.u.square()).abs() - 0.015
    canvas.paint(worn * canvas.inside(torch.maximum(arc, bridge.u.abs() - 0.055)), (0.10, 0.08, 0.09))


def _lit(head: Head, colour: Tensor, shade: Tensor) -> Tensor:
    """A colour (n, 3) under a plane of brightness; dark parts keep more of their red."""
    power = torch.tensor((0.80, 1.05, 1.10))[None, :, None, None]
    lit = colour[..., None, None] * shade.clamp(0.15, 1.18)[:, None] ** power
    return (lit + 0.15 * (shade - 1.0).clamp_min(0)[:, None]).clamp(0, 1)
