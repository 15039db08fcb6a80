import assert from "node:assert/strict";
import { test } from "node:test";
import { countWaiting, newToken, Outbox, read, storageKey } from "../../api/static/outbox.js";

class Storage {
  constructor() {
    this.items = new Map();
  }
  getItem(key) {
    return this.items.get(key) ?? null;
  }
  setItem(key, value) {
    this.items.set(key, value);
  }
  removeItem(key) {
    this.items.delete(key);
  }
  key(number) {
    return [...this.items.keys()][number] ?? null;
  }
  get length() {
    return this.items.size;
  }
}

const answer = (status, body = {}) => ({
  ok: status < 300,
  status,
  json: async () => body,
  text: async () => JSON.stringify(body),
});
const entry = (token) => ({ url: "/decisions", body: { token } });

function outbox(answers, storage = new Storage()) {
  const sent = [];
  const timers = [];
  const made = new Outbox({
    key: storageKey(1, "r"),
    storage,
    fetch: async (_url, request) => {
      sent.push(JSON.parse(request.body).token);
      const next = answers.length > 1 ? answers.shift() : answers[0];
      if (next instanceof Error) throw next;
      return next;
    },
    later: (work, pause) => timers.push({ work, pause }),
  });
  return { made, sent, timers, storage };
}

test("entries are sent in order and leave when the server has them", async () => {
  const { made, sent } = outbox([answer(200)]);
  await made.add(entry("a"));
  await made.add(entry("b"));
  assert.deepEqual(sent, ["a", "b"]);
  assert.equal(made.size, 0);
  assert.equal(made.state, "idle");
});

test("without a network everything stays and is tried again with growing pauses", async () => {
  const { made, timers, storage } = outbox([new Error("offline"), answer(503), answer(200)]);
  await made.add(entry("a"));
  assert.equal(made.state, "offline");
  assert.equal(read(storage, storageKey(1, "r")).length, 1);
  assert.equal(timers[0].pause, 1000);
  await timers[0].work();
  assert.equal(timers[1].pause, 2000);
  await timers[1].work();
  await made.flush();
  assert.equal(made.size, 0);
});

test("a reload finds what was not sent", async () => {
  const storage = new Storage();
  const first = outbox([new Error("offline")], storage);
  await first.made.add(entry("a"));
  const second = outbox([answer(200)], storage);
  assert.equal(second.made.size, 1);
  await second.made.resume();
  assert.deepEqual(second.sent, ["a"]);
});

test("the first 401 stops sending and nothing is lost", async () => {
  const { made, sent } = outbox([answer(401)]);
  await made.add(entry("a"));
  await made.add(entry("b"));
  assert.deepEqual(sent, ["a"]);
  assert.equal(made.state, "signed-out");
  assert.equal(made.size, 2);
});

test("a refusal is told and the rest goes on", async () => {
  const { made, sent } = outbox([answer(404, { error: { message: "no such report" } }), answer(200)]);
  await Promise.all([made.add(entry("a")), made.add(entry("b"))]);
  await made.flush();
  assert.deepEqual([...new Set(sent)], ["a", "b"]);
  assert.deepEqual(made.refused, ["no such report"]);
  assert.equal(made.size, 0);
});

test("an entry that no tab has tried to send can be taken back", async () => {
  const { made, sent } = outbox([answer(401), answer(200)]);
  await made.add(entry("a"));
  await made.add(entry("b"));
  assert.equal(made.takeBack("b"), true);
  assert.equal(made.takeBack("b"), false);
  // The server may have the first one, whatever became of its answer.
  assert.equal(made.takeBack("a"), false);
  await made.resume();
  assert.deepEqual(sent, ["a", "a"]);
});

test("an entry that another tab is sending is not taken back", async () => {
  const storage = new Storage();
  let arrive;
  const one = new Outbox({
    key: storageKey(1, "r"),
    storage,
    fetch: () => new Promise((resolve) => (arrive = () => resolve(answer(200)))),
  });
  const other = outbox([answer(200)], storage);
  const sending = one.add(entry("a"));
  await Promise.resolve();
  assert.equal(other.made.takeBack("a"), false);
  arrive();
  await sending;
  assert.equal(one.size, 0);
});

test("each request says whose it is", async () => {
  const headers = [];
  const made = new Outbox({
    key: storageKey(7, "r"),
    storage: new Storage(),
    headers: { "x-winnow-person": "7" },
    fetch: async (_url, request) => {
      headers.push(request.headers);
      return answer(200);
    },
  });
  await made.add(entry("a"));
  assert.deepEqual(headers, [{ "content-type": "application/json", "x-winnow-person": "7" }]);
});

test("people and reviews have outboxes of their own", () => {
  assert.notEqual(storageKey(1, "r"), storageKey(2, "r"));
  assert.notEqual(storageKey(1, "r"), storageKey(1, "s"));
});

test("tokens are long and never the same", () => {
  const tokens = new Set(Array.from({ length: 100 }, newToken));
  assert.equal(tokens.size, 100);
  for (const token of tokens) assert.match(token, /^[0-9a-f]{32}$/);
});

test("several sends at once send each entry once", async () => {
  const { made, sent } = outbox([answer(200)]);
  await Promise.all([made.add(entry("a")), made.add(entry("b")), made.flush(), made.flush()]);
  assert.deepEqual(sent, ["a", "b"]);
});

test("an item that cannot be read is left out", () => {
  const storage = new Storage();
  storage.setItem("k:a", "{broken");
  storage.setItem("k:b", JSON.stringify(entry("b")));
  assert.deepEqual(read(storage, "k"), [entry("b")]);
});

test("two tabs that write at once lose nothing", async () => {
  // Each tab sees the storage as it was a moment ago, as in browsers with a process for each tab.
  const shared = new Storage();
  class Late extends Storage {
    setItem(key, value) {
      super.setItem(key, value);
      shared.setItem(key, value);
    }
    removeItem(key) {
      super.removeItem(key);
      shared.removeItem(key);
    }
  }
  const one = outbox([new Error("offline")], new Late());
  const other = outbox([answer(200)], new Late());
  await one.made.add(entry("a"));
  await other.made.add(entry("b"));
  await one.made.add(entry("c"));
  assert.deepEqual(other.sent, ["b"]);
  assert.deepEqual(read(shared, storageKey(1, "r")).map((each) => each.body.token), ["a", "c"]);
});

test("the outbox of an older page, a list, is sent in its order", async () => {
  const storage = new Storage();
  storage.setItem(storageKey(1, "r"), JSON.stringify([entry("b"), entry("a")]));
  assert.deepEqual([...countWaiting(storage, 1)], [["r", 2]]);
  const { made, sent } = outbox([answer(200)], storage);
  await made.add(entry("c"));
  assert.deepEqual(sent, ["b", "a", "c"]);
  assert.equal(storage.length, 0);
});

test("unsent decisions are counted by review", async () => {
  const storage = new Storage();
  const { made } = outbox([new Error("offline")], storage);
  await made.add(entry("a"));
  await made.add(entry("b"));
  assert.deepEqual([...countWaiting(storage, 1)], [["r", 2]]);
  assert.deepEqual([...countWaiting(storage, 2)], []);
});
