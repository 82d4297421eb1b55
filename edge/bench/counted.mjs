// The built edge, around which everything is counted that Cloudflare bills of an object. GET /_counts says what it was
// since the last time.
import edge, { Account as AccountObject, Lane as LaneObject } from "./index.js";

const KINDS = ["account", "lane"];
const nothing = () => ({ requests: 0, alarms: 0, alarms_set: 0, rows_written: 0, rows_read: 0 });
let counts = {};
// A cursor knows how many rows it wrote only once it has run to its end.
let cursors = [];

function forget() {
  counts = Object.fromEntries(KINDS.map((kind) => [kind, nothing()]));
  cursors = [];
}
forget();

function counted(Base, kind) {
  const Counted = class extends Base {
    constructor(ctx, env) {
      const { storage } = ctx;
      const exec = storage.sql.exec.bind(storage.sql);
      storage.sql.exec = (...values) => {
        const cursor = exec(...values);
        cursors.push([kind, cursor]);
        return cursor;
      };
      const setAlarm = storage.setAlarm.bind(storage);
      storage.setAlarm = (...values) => {
        counts[kind].alarms_set += 1;
        return setAlarm(...values);
      };
      super(ctx, env);
    }
  };
  for (const name of Object.getOwnPropertyNames(Base.prototype).filter((name) => name !== "constructor")) {
    Counted.prototype[name] = function (...values) {
      counts[kind][name === "alarm" ? "alarms" : "requests"] += 1;
      return Base.prototype[name].apply(this, values);
    };
  }
  return Counted;
}

export const Account = counted(AccountObject, "account");
export const Lane = counted(LaneObject, "lane");

function said() {
  for (const [kind, cursor] of cursors) {
    counts[kind].rows_written += cursor.rowsWritten;
    counts[kind].rows_read += cursor.rowsRead;
  }
  const answer = Response.json(counts);
  forget();
  return answer;
}

export default {
  fetch: (request, env, ctx) => (new URL(request.url).pathname === "/_counts" ? said() : edge.fetch(request, env, ctx)),
};
