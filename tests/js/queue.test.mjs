import assert from "node:assert/strict";
import { test } from "node:test";
import { Deck } from "../../api/static/queue.js";

const cards = (from, to, ranking = 1) =>
  Array.from({ length: to - from + 1 }, (_, at) => ({ report: from + at, ranking: String(ranking) }));

test("deciding shows the next card and undo brings the last one back", () => {
  const deck = new Deck(cards(1, 3));
  assert.equal(deck.decide("t1").report, 1);
  assert.equal(deck.current.report, 2);
  const undone = deck.undo();
  assert.equal(undone.token, "t1");
  assert.equal(deck.current.report, 1);
  assert.equal(deck.undo(), null);
});

test("an empty deck has no card and decides nothing", () => {
  const deck = new Deck([]);
  assert.equal(deck.current, null);
  assert.equal(deck.decide("t"), null);
});

test("the last card decided out of order leaves the one before it", () => {
  const deck = new Deck(cards(1, 3));
  deck.move(2);
  deck.decide("t");
  assert.equal(deck.current.report, 2);
  assert.equal(deck.move(1), false);
  assert.equal(deck.move(-1), true);
});

test("an exchange keeps the shown card and the two after it", () => {
  const deck = new Deck(cards(1, 10));
  deck.decide("t");
  assert.deepEqual(deck.kept, [2, 3, 4]);
  deck.exchange(cards(20, 25, 2));
  assert.deepEqual(deck.held, [2, 3, 4, 20, 21, 22, 23, 24, 25]);
  assert.equal(deck.ranking, 2);
});

test("a card in hand or decided is not taken twice", () => {
  const deck = new Deck(cards(1, 3));
  deck.decide("t");
  deck.add(cards(1, 5));
  assert.deepEqual(deck.held, [2, 3, 4, 5]);
});

test("more cards are wanted below the low-water mark only", () => {
  const deck = new Deck(cards(1, 12), { size: 20, low: 10 });
  assert.equal(deck.wanted, 0);
  for (let n = 0; n < 3; n += 1) deck.decide(`t${n}`);
  assert.equal(deck.wanted, 11);
});
