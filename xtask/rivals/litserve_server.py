"""LitServe: preparation and the model in one process beside the HTTP server's; JSON, bytes as base64."""

import base64

import litserve
import work


class Api(litserve.LitAPI):
    def setup(self, device):
        self.preparation, self.net = work.Preparation(), work.Net()

    def decode_request(self, request):
        return self.preparation.prepare(base64.b64decode(request["data"]))

    def batch(self, inputs):
        return inputs

    def predict(self, x):
        return self.net.run(x)

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return {"data": base64.b64encode(output).decode()}


if __name__ == "__main__":
    api = Api(max_batch_size=work.MAX_ITEMS, batch_timeout=work.MAX_WAIT_MS / 1000)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=60)
    server.run(host="127.0.0.1", port=work.PORT, generate_client_file=False, log_level="warning")
