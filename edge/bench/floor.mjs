// The least a submission could cost: one Durable Object call with one SQLite insert. And the least an open WebSocket
// could: it is accepted, and the object may sleep.
export class Floor {
  constructor(ctx) {
    this.ctx = ctx;
    this.sql = ctx.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
  }

  async fetch(request) {
    if (request.headers.get("upgrade") === "websocket") {
      const { 0: client, 1: server } = new WebSocketPair();
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }
    this.sql.exec("INSERT INTO jobs (body) VALUES (?)", await request.text());
    return new Response("ok", { status: 202 });
  }

  webSocketMessage() {}
}

export default {
  fetch(request, env) {
    return env.FLOOR.getByName("floor").fetch(request);
  },
};
