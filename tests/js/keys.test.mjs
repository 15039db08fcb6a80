import assert from "node:assert/strict";
import { test } from "node:test";
import { commandFor } from "../../api/static/keys.js";

const on = { enabled: true };
const press = (key, extra = {}) => commandFor({ key, target: { tagName: "H2" }, ...extra }, on);

test("letters mean their commands, upper case too", () => {
  assert.equal(press("i"), "include");
  assert.equal(press("E"), "exclude");
  assert.equal(press("d"), "duplicate");
  assert.equal(press("?"), "help");
  assert.equal(press("x"), null);
  assert.equal(press("Enter"), null);
});

test("modifiers, repeats, composing and fields are left alone", () => {
  for (const extra of [{ ctrlKey: true }, { altKey: true }, { metaKey: true }, { repeat: true }, { isComposing: true }]) {
    assert.equal(press("i", extra), null);
  }
  for (const target of [{ tagName: "INPUT" }, { tagName: "INPUT", type: "text" }, { tagName: "TEXTAREA" }, { tagName: "SELECT" }, { isContentEditable: true }]) {
    assert.equal(press("i", { target }), null);
  }
  assert.equal(press("i", { target: { tagName: "INPUT", type: "checkbox" } }), "include");
});

test("keys can be switched off", () => {
  assert.equal(commandFor({ key: "i", target: {} }, { enabled: false }), null);
});

test("a digit excludes for that reason, but not while somebody types", () => {
  assert.equal(commandFor({ key: "3", target: {} }, { enabled: true }), "reason 3");
  assert.equal(commandFor({ key: "0", target: {} }, { enabled: true }), null);
  const typing = { tagName: "INPUT", type: "text" };
  assert.equal(commandFor({ key: "3", target: typing }, { enabled: true }), null);
  const box = { tagName: "INPUT", type: "checkbox" };
  assert.equal(commandFor({ key: "3", target: box }, { enabled: true }), "reason 3");
});
