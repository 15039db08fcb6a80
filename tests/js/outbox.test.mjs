import assert from "node:assert/strict";
import { test } from "node:test";
import { newToken, Outbox, read, storageKey } from "../../api/static/outbox.js";

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

test("an entry that is still here can be taken back", async () => {
  const { made } = outbox([new Error("offline")]);
  await made.add(entry("a"));
  assert.equal(made.takeBack("a"), true);
  assert.equal(made.takeBack("a"), false);
  assert.equal(made.size, 0);
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

test("what cannot be read is nothing", () => {
  const storage = new Storage();
  storage.setItem("k", "{broken");
  assert.deepEqual(read(storage, "k"), []);
});
