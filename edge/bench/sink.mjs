// SQS that takes every message; S3 that takes every object and has every result.
const RESULT = JSON.stringify({ embedding: Array.from({ length: 64 }, (_, i) => Math.round(1e6 * Math.sin(i)) / 1e6) });

export default {
  async fetch(request) {
    if (request.headers.get("x-amz-target") === "AmazonSQS.SendMessageBatch") {
      const { Entries } = await request.json();
      return Response.json({ Successful: Entries.map(({ Id }) => ({ Id, MessageId: Id })), Failed: [] });
    }
    const result = request.method === "GET" && new URL(request.url).pathname.includes("/results/");
    if (result) return new Response(RESULT, { headers: { "content-type": "application/json" } });
    return new Response(null, { status: request.method === "PUT" ? 200 : 404 });
  },
};
