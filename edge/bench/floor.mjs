// The least a submission could cost: one Durable Object call with one SQLite insert.
export class Floor {
  constructor(ctx) {
    this.sql = ctx.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
  }

  async fetch(request) {
    this.sql.exec("INSERT INTO jobs (body) VALUES (?)", await request.text());
    return new Response("ok", { status: 202 });
  }
}

export default {
  fetch(request, env) {
    return env.FLOOR.getByName("floor").fetch(request);
  },
};
