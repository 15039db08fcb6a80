import assert from "node:assert/strict";
import test from "node:test";

import { pressed } from "../../api/static/pairs.js";

test("a key outside a field is taken, in lower case", () => {
  assert.equal(pressed({ key: "S" }), "s");
  assert.equal(pressed({ key: "d", target: { tagName: "BODY" } }), "d");
});

test("a key that is typed, held or combined presses nothing", () => {
  for (const tagName of ["INPUT", "TEXTAREA", "SELECT"]) {
    assert.equal(pressed({ key: "s", target: { tagName } }), null);
  }
  assert.equal(pressed({ key: "s", ctrlKey: true }), null);
  assert.equal(pressed({ key: "s", repeat: true }), null);
  assert.equal(pressed({ key: "Enter" }), null);
});
