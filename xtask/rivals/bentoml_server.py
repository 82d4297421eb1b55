"""BentoML: preparation and the model in the service's process, adaptive batching; JSON, bytes as base64."""

import base64

import bentoml
import work


@bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 1024})
class Rival:
    def __init__(self):
        self.preparation, self.net = work.Preparation(), work.Net()

    # BentoML sheds what it foresees to take longer than this, so the wait of a batch alone would refuse everything.
    @bentoml.api(batchable=True, max_batch_size=work.MAX_ITEMS, max_latency_ms=60_000)
    def run(self, data: list[str]) -> list[str]:
        prepared = [self.preparation.prepare(base64.b64decode(one)) for one in data]
        return [base64.b64encode(one).decode() for one in self.net.run(prepared)]
