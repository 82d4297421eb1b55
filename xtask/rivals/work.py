"""What every rival does with a job, so that only the serving differs: the same TorchScript, the same preparation and the
same answer as the worker's, with Pillow and Hugging Face's tokenizers."""

import io
import json
import os
import tomllib
from pathlib import Path

import numpy
import torch
from PIL import Image
from tokenizers import Tokenizer

FOLDER = Path(os.environ["RIVAL_MODEL"])
THREADS = int(os.environ["RIVAL_THREADS"])
PORT = int(os.environ["RIVAL_PORT"])
MANIFEST = tomllib.loads((FOLDER / "model.toml").read_text())
TASK = MANIFEST["model"]["task"]
MAX_ITEMS = MANIFEST["batch"]["max_items"]
MAX_WAIT_MS = MANIFEST["batch"]["max_wait_ms"]


class Preparation:
    """Bytes of one request → what the model takes of it."""

    def __init__(self):
        if TASK == "text-embed":
            self.tokenizer = Tokenizer.from_file(str(FOLDER / MANIFEST["text"]["tokenizer"]))
            self.tokenizer.no_padding()
            self.tokenizer.enable_truncation(MANIFEST["text"]["max_tokens"])

    def prepare(self, body):
        if TASK == "text-embed":
            return self.tokenizer.encode(body.decode()).ids
        if TASK == "image-classify":
            return picture(body)
        generator = numpy.random.default_rng(int(body))
        return generator.standard_normal(MANIFEST["generate"]["noise_shape"], dtype=numpy.float32)


def picture(body):
    table = MANIFEST["image"]
    image = Image.open(io.BytesIO(body)).convert("RGB")
    scale = table["resize_short"] / min(image.size)
    image = image.resize([int(side * scale) for side in image.size], Image.Resampling.BILINEAR)
    left, top = ((side - table["crop"]) // 2 for side in image.size)
    image = image.crop((left, top, left + table["crop"], top + table["crop"]))
    numbers = numpy.asarray(image, dtype=numpy.float32) / 255
    numbers = (numbers - numpy.float32(table["mean"])) / numpy.float32(table["std"])
    return numpy.ascontiguousarray(numbers.transpose(2, 0, 1))


class Net:
    """Many prepared inputs → as many answers."""

    def __init__(self):
        torch.set_num_threads(THREADS)
        self.module = torch.jit.load(str(FOLDER / MANIFEST["weights"]["file"])).eval()
        labels = MANIFEST.get("output", {}).get("labels")
        self.labels = json.loads((FOLDER / labels).read_text()) if labels else []

    @torch.inference_mode()
    def run(self, prepared):
        output = self.module(*tensors(prepared))
        if TASK == "text-embed":
            return [json.dumps({"embedding": row}).encode() for row in output.tolist()]
        if TASK == "image-classify":
            shares, places = output.softmax(-1).topk(5)
            return [self.classes(*pair) for pair in zip(shares.tolist(), places.tolist())]
        low, high = MANIFEST["generate"]["range"]
        pixels = ((output.clamp(low, high) - low) * (255 / (high - low))).round().byte().permute(0, 2, 3, 1).numpy()
        return [png(sheet) for sheet in pixels]

    def classes(self, shares, places):
        classes = [{"label": self.labels[place], "score": share} for share, place in zip(shares, places)]
        return json.dumps({"classes": classes}).encode()


def tensors(prepared):
    if TASK != "text-embed":
        return [torch.from_numpy(numpy.stack(prepared))]
    longest = max(len(ids) for ids in prepared)
    ids = torch.zeros(len(prepared), longest, dtype=torch.int64)
    mask = torch.zeros(len(prepared), longest, dtype=torch.int64)
    for row, tokens in enumerate(prepared):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
    return [ids, mask]


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()
