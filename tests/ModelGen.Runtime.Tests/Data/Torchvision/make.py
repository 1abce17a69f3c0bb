"""Writes expected.json with torchvision itself: python3 make.py. The file that is there comes from Debian 12's python3-torchvision (0.14.1) and python3-pil (9.4)."""
import base64
import json

import torch
import torchvision.transforms.functional as F
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.autoaugment import RandAugment, _apply_op

WIDTH, HEIGHT = 24, 16
# Smooth waves and a little noise in each channel, none of it filling the whole range.
x = torch.arange(WIDTH).float()
y = torch.arange(HEIGHT).float()[:, None]
noise = (torch.arange(3 * WIDTH * HEIGHT) * 7919 % 61).reshape(3, HEIGHT, WIDTH)
planes = [100 + 60 * torch.sin(x / 3 + c) + 20 * torch.cos(y / (2 + c)) for c in range(3)]
image = (torch.stack([plane.expand(HEIGHT, WIDTH) for plane in planes]) + noise).clamp(0, 255).to(torch.uint8)

results = {}


def add(name, tensor):
    results[name] = {"width": tensor.shape[2], "height": tensor.shape[1], "bytes": base64.b64encode(tensor.permute(1, 2, 0).contiguous().numpy().tobytes()).decode()}


add("source", image)
for amount in (0.3, 1.7):
    add(f"brightness {amount}", F.adjust_brightness(image, amount))
    add(f"contrast {amount}", F.adjust_contrast(image, amount))
    add(f"saturation {amount}", F.adjust_saturation(image, amount))
    add(f"sharpness {amount}", F.adjust_sharpness(image, amount))
for amount in (-0.3, 0.1, 0.5):
    add(f"hue {amount}", F.adjust_hue(image, amount))
add("grey 0", F.rgb_to_grayscale(image, 3))
for magnitude in (9, 30):
    for index, (operation, (values, signed)) in enumerate(RandAugment()._augmentation_space(31, [HEIGHT, WIDTH]).items()):
        for sign in (1, -1) if signed else (1,):
            value = float(values[magnitude].item()) * sign if values.ndim > 0 else 0.0
            add(f"augment {index} {magnitude} {sign}", _apply_op(image, operation, value, InterpolationMode.NEAREST, None))
for degrees in (30, -100):
    add(f"rotate {degrees} nearest", F.rotate(image, degrees))
    add(f"rotate {degrees} bilinear", F.rotate(image, degrees, InterpolationMode.BILINEAR))
    add(f"rotate {degrees} expanded", F.rotate(image, degrees, InterpolationMode.BILINEAR, expand=True))
pil = Image.fromarray(image.permute(1, 2, 0).numpy())
for height, width in ((7, 9), (32, 40), (16, 10)):
    for name, mode in (("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)):
        add(f"resize {height} {width} {name}", F.pil_to_tensor(pil.resize((width, height), mode)))

with open("expected.json", "w", encoding="utf-8") as file:
    json.dump(results, file, indent=0)
