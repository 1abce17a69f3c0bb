"""Writes the files of this folder with PyTorch itself: python3 make.py. Those that are there come from Debian 12's python3-torch (1.13.1)."""
import json

import torch
from torch import nn

torch.manual_seed(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.encoder = nn.Linear(4, 3, bias=False)
        self.decoder = nn.Linear(4, 3)
        self.decoder.weight = self.encoder.weight
        self.register_buffer("mask", torch.tensor([[True, False], [False, True]]))

    def forward(self, x):
        return self.decoder(self.norm(self.conv(x)).mean((2, 3)) @ self.encoder.weight) * self.mask.sum()


def raw(tensor):
    tensor = tensor.detach().contiguous()
    width = {torch.bfloat16: torch.int16}.get(tensor.dtype)
    return (tensor.view(width) if width else tensor).numpy().tobytes().hex()


def described(state):
    return {key: {"type": str(value.dtype)[6:], "shape": list(value.shape), "bytes": raw(value)} for key, value in state.items()}


def write(name, value, state):
    torch.save(value, f"{name}.pt")
    torch.save(value, f"{name}.legacy.pt", _use_new_zipfile_serialization=False)
    expected[name] = described(state)


expected = {}
net = Net()
optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, amsgrad=True)
schedule = torch.optim.lr_scheduler.SequentialLR(
    optimizer, [torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1, 2), torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)], [2])
for _ in range(3):
    optimizer.zero_grad()
    net(torch.randn(4, 2, 5, 5)).square().sum().backward()
    optimizer.step()
    schedule.step()

write("module", net.state_dict(), net.state_dict())

numbers = torch.randn(6, 5)
types = {
    "double": torch.randn(3).double(), "half": torch.randn(3).half(), "bfloat16": torch.randn(5).bfloat16(), "long": torch.tensor([-1, 2 ** 40]), "int": torch.tensor([-7, 9], dtype=torch.int32),
    "short": torch.tensor([-300, 300], dtype=torch.int16), "char": torch.tensor([-128, 127], dtype=torch.int8), "byte": torch.tensor([0, 255], dtype=torch.uint8), "bool": torch.tensor([True, False, True]),
    "complex": torch.randn(2, dtype=torch.complex64), "complex128": torch.randn(2, dtype=torch.complex128), "scalar": torch.tensor(2.5), "empty": torch.empty(0, 3),
    "whole": numbers, "turned": numbers.t(), "part": numbers[1:4, ::2], "last": numbers[5], "channels": torch.randn(2, 3, 2, 2).to(memory_format=torch.channels_last),
    "parameter": nn.Parameter(torch.randn(2)), "größe": torch.ones(1),
}
write("types", types, types)

# What a training script saves, with the objects that schedulers keep in their state left to what they hold.
write("checkpoint", {"epoch": 3, "best": 0.25, "model_state_dict": net.state_dict(), "optimizer_state_dict": optimizer.state_dict(), "arguments": {"name": "run", "sizes": (1, 2), "resume": None, "flag": True},
                     "rng": torch.get_rng_state(), "big": 2 ** 70, "history": [1.5, 2, -3], "device": torch.device("cpu"), "dtype": torch.float16, "shape": torch.Size([1, 2])}, net.state_dict())
with open("expected.json", "w", encoding="utf-8") as file:
    json.dump(expected, file, indent=0, ensure_ascii=False)
