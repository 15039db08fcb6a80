import assert from "node:assert/strict";
import { test } from "node:test";
import { Hold } from "../../api/static/hold.js";
import { Deck } from "../../api/static/queue.js";

const MINUTE = 60_000;

test("cards are held for longer while somebody reads, and not for an idle page", () => {
  const hold = new Hold(60, 0);
  assert.equal(hold.due(30 * MINUTE), false, "nobody has touched the page");
  hold.touch(5 * MINUTE);
  assert.equal(hold.due(10 * MINUTE), false, "it is soon enough later");
  assert.equal(hold.due(16 * MINUTE), true);
  hold.extend(16 * MINUTE);
  assert.equal(hold.due(40 * MINUTE), false);
  assert.equal(hold.left(16 * MINUTE), 60);
});

test("it warns in the last sixth, and a touch saves the cards", () => {
  const hold = new Hold(60, 0);
  assert.equal(hold.warns(49 * MINUTE), false);
  assert.equal(hold.warns(51 * MINUTE), true);
  assert.equal(hold.left(51 * MINUTE), 9);
  assert.equal(hold.left(70 * MINUTE), 0);
  hold.touch(52 * MINUTE);
  assert.equal(hold.due(52 * MINUTE), true);
});

test("cards that others have are given up and the shown one stays where it can", () => {
  const deck = new Deck([1, 2, 3, 4].map((report) => ({ report, ranking: "1" })));
  deck.move(2);
  assert.equal(deck.drop([1, 4]), true);
  assert.equal(deck.current.report, 3);
  assert.deepEqual(deck.held, [2, 3]);
  assert.equal(deck.drop([3]), true);
  assert.equal(deck.current.report, 2);
  assert.equal(deck.drop([9]), false);
  assert.equal(deck.drop([2]), true);
  assert.equal(deck.current, null);
});
