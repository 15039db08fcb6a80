// How long this person's cards are still held, and when to warn. Pure.

export class Hold {
  /**
   * @param {number} minutes how long the server holds cards
   * @param {number} now milliseconds
   */
  constructor(minutes, now) {
    this.length = minutes * 60_000;
    this.extended = now;
    this.touched = now;
  }

  /** Somebody reads: a key, a click, a scroll. */
  touch(now) {
    this.touched = now;
  }

  /** The server was asked to hold the cards for longer. */
  extend(now) {
    this.extended = now;
  }

  /** Whether to ask: somebody has read since, and a quarter of the time is over. */
  due(now) {
    return this.touched > this.extended && now - this.extended > this.length / 4;
  }

  /** Minutes left, rounded up; 0 once the cards may have gone to others. */
  left(now) {
    return Math.max(0, Math.ceil((this.extended + this.length - now) / 60_000));
  }

  /** Whether to warn: nobody has read for long, and a sixth of the time is left. */
  warns(now) {
    return now - this.extended > (this.length * 5) / 6;
  }
}
