// The cards in hand: which is shown, which may be exchanged, when more are wanted. Pure.
// A card is {report, ranking, place, html}; the deck looks at report and ranking only.

export class Deck {
  /**
   * @param {object[]} cards undecided cards, in order
   * @param {{size?: number, low?: number, ahead?: number}} options size: cards wanted in hand; low:
   *   more are wanted below it; ahead: cards after the shown one that are never exchanged
   */
  constructor(cards, { size = 20, low = 10, ahead = 2 } = {}) {
    this.cards = [...cards];
    this.size = size;
    this.low = low;
    this.ahead = ahead;
    this.at = 0;
    /** @type {{card: object, at: number, token: string}[]} */
    this.done = [];
  }

  get current() {
    return this.cards[this.at] ?? null;
  }

  /** Take the shown card off the deck as decided; the next one is shown. */
  decide(token) {
    const card = this.current;
    if (!card) return null;
    this.done.push({ card, at: this.at, token });
    this.cards.splice(this.at, 1);
    if (this.at >= this.cards.length) this.at = Math.max(0, this.cards.length - 1);
    return card;
  }

  /** Put the card decided last back and show it; null if there is none. */
  undo() {
    const last = this.done.pop();
    if (!last) return null;
    this.at = Math.min(last.at, this.cards.length);
    this.cards.splice(this.at, 0, last.card);
    return last;
  }

  /** Look at another card without deciding. @returns {boolean} whether another one is shown */
  move(step) {
    const to = Math.min(Math.max(this.at + step, 0), Math.max(0, this.cards.length - 1));
    const moved = to !== this.at;
    this.at = to;
    return moved;
  }

  /** How many more cards are wanted. */
  get wanted() {
    return this.cards.length < this.low ? this.size - this.cards.length : 0;
  }

  /** Reports whose cards stay when the rest is exchanged: up to the shown one and a few ahead. */
  get kept() {
    return this.cards.slice(0, this.at + 1 + this.ahead).map((card) => card.report);
  }

  get held() {
    return this.cards.map((card) => card.report);
  }

  /** The newest ranking that a card in hand comes from. */
  get ranking() {
    return this.cards.reduce((newest, card) => Math.max(newest, Number(card.ranking) || 0), 0);
  }

  /** Exchange all but the kept cards for new ones; cards in hand or decided are not taken twice. */
  exchange(cards) {
    this.cards = this.cards.slice(0, this.at + 1 + this.ahead);
    this.add(cards);
  }

  /** Give cards up that others hold or have decided. @returns {boolean} whether any was in hand */
  drop(reports) {
    const gone = new Set(reports);
    const before = this.cards.slice(0, this.at).filter((card) => gone.has(card.report)).length;
    const kept = this.cards.filter((card) => !gone.has(card.report));
    const dropped = kept.length < this.cards.length;
    this.cards = kept;
    this.at = Math.min(this.at - before, Math.max(0, kept.length - 1));
    return dropped;
  }

  /** Put new cards behind those in hand. */
  add(cards) {
    const known = new Set([...this.held, ...this.done.map((entry) => entry.card.report)]);
    for (const card of cards) {
      if (known.has(card.report)) continue;
      known.add(card.report);
      this.cards.push(card);
    }
  }
}
