"""mosec: preparation in one process, the model in another, bytes in and bytes out."""

import sys

import work
from mosec import Server, Worker


class Prepare(Worker):
    def __init__(self):
        self.preparation = work.Preparation()

    def deserialize(self, data):
        return bytes(data)

    def forward(self, data):
        return self.preparation.prepare(data)


class Infer(Worker):
    def __init__(self):
        self.net = work.Net()

    def forward(self, data):
        return self.net.run(data)

    def serialize(self, data):
        return data


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "--address", "127.0.0.1", "--port", str(work.PORT), "--timeout", "60000"]
    server = Server()
    server.append_worker(Prepare, num=1)
    server.append_worker(Infer, num=1, max_batch_size=work.MAX_ITEMS, max_wait_time=work.MAX_WAIT_MS)
    server.run()
