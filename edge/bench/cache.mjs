// What stands behind the Cache API in bare workerd: `match` comes as GET, `put` as PUT with the whole answer as its body.
const kept = new Map();

export default {
  async fetch(request) {
    if (request.method === "PUT") {
      const bytes = new Uint8Array(await request.arrayBuffer());
      const end = headEnd(bytes);
      const [, ...lines] = new TextDecoder().decode(bytes.subarray(0, end - 4)).split("\r\n");
      const headers = lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
      kept.set(request.url, { headers, body: bytes.slice(end) });
      return new Response(null, { status: 204 });
    }
    const found = kept.get(request.url);
    if (!found) return new Response(null, { status: 504, headers: { "cf-cache-status": "MISS" } });
    return new Response(found.body, { headers: [...found.headers, ["cf-cache-status", "HIT"]] });
  },
};

function headEnd(bytes) {
  for (let i = 3; i < bytes.length; i += 1) {
    if (bytes[i - 3] === 13 && bytes[i - 2] === 10 && bytes[i - 1] === 13 && bytes[i] === 10) return i + 1;
  }
  return bytes.length;
}
