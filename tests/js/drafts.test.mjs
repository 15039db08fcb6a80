import assert from "node:assert/strict";
import { test } from "node:test";
import { Drafts, EMPTY } from "../../api/static/drafts.js";

test("a draft stays with its card, and other cards have an empty one", () => {
  const drafts = new Drafts();
  const draft = { note: "why", reasons: ["r1"], questions: [] };
  drafts.keep(7, draft);
  assert.deepEqual(drafts.of(7), draft);
  assert.equal(drafts.of(8), EMPTY);
});

test("a draft that was emptied is gone", () => {
  const drafts = new Drafts();
  drafts.keep(7, { note: "why", reasons: [], questions: [] });
  drafts.keep(7, { note: "", reasons: [], questions: [] });
  assert.equal(drafts.of(7), EMPTY);
});
