"""One module a demonstration model: how its weights become TorchScript, and how its answers are checked."""
