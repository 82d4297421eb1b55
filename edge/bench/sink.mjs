// SQS that takes every message, S3 that takes every object and has none.
export default {
  async fetch(request) {
    if (request.headers.get("x-amz-target") !== "AmazonSQS.SendMessageBatch") {
      return new Response(null, { status: request.method === "PUT" ? 200 : 404 });
    }
    const { Entries } = await request.json();
    return Response.json({ Successful: Entries.map(({ Id }) => ({ Id, MessageId: Id })), Failed: [] });
  },
};
