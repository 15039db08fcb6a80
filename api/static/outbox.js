// Decisions on their way to the server: kept in this browser until it has them, sent in order.
// Everything from outside (storage, fetch, locks, timer) is handed in, so that tests need no browser.

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;

/** Where the outbox of a person and a review is kept. */
export function storageKey(person, slug) {
  return `winnow:outbox:${person}:${slug}`;
}

/** A random id, also where a page comes over plain http and crypto.randomUUID does not exist. */
export function newToken() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Web Locks' one method where the browser has none (plain http): turns within this page only. */
function oneAtATime() {
  let tail = Promise.resolve();
  return {
    request(_name, work) {
      tail = tail.then(work, work);
      return tail;
    },
  };
}

/** Entries kept under a key; what cannot be read is nothing. */
export function read(storage, key) {
  try {
    const entries = JSON.parse(storage.getItem(key) ?? "[]");
    return Array.isArray(entries) ? entries : [];
  } catch {
    return [];
  }
}

export class Outbox {
  /**
   * @param {{key: string, storage: Storage, fetch: typeof fetch, onChange?: (state: object) => void,
   *   locks?: {request: (name: string, work: () => Promise<any>) => Promise<any>},
   *   later?: (work: () => void, ms: number) => void}} parts
   */
  constructor({ key, storage, fetch, onChange = () => {}, locks, later = (work, ms) => setTimeout(work, ms) }) {
    this.key = key;
    this.storage = storage;
    this.fetch = fetch;
    this.onChange = onChange;
    this.locks = locks ?? oneAtATime();
    this.later = later;
    this.pause = FIRST_PAUSE;
    this.waiting = false;
    this.sending = null;
    /** @type {"idle" | "sending" | "offline" | "signed-out"} */
    this.state = "idle";
    /** @type {string[]} */
    this.refused = [];
  }

  get entries() {
    return read(this.storage, this.key);
  }

  get size() {
    return this.entries.length;
  }

  /** Keep an entry and send. Two tabs share one outbox, so it is read again before each change. */
  add(entry) {
    this.storage.setItem(this.key, JSON.stringify([...this.entries, entry]));
    this.changed();
    return this.flush();
  }

  /** Take back an entry that is still here. @returns {boolean} whether it was */
  takeBack(token) {
    const kept = this.entries.filter((entry) => entry.body.token !== token);
    const found = kept.length < this.size;
    if (found && this.sending !== token) {
      this.storage.setItem(this.key, JSON.stringify(kept));
      this.changed();
      return true;
    }
    return false;
  }

  changed() {
    this.onChange({ state: this.state, size: this.size, refused: this.refused });
  }

  /** Send what is here, oldest first, one tab at a time. */
  flush() {
    return this.locks.request(this.key, () => this.drain());
  }

  async drain() {
    if (this.state === "signed-out") return;
    while (this.size) {
      this.state = "sending";
      const entry = this.entries[0];
      this.sending = entry.body.token;
      let answer;
      try {
        answer = await this.fetch(entry.url, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(entry.body),
          credentials: "same-origin",
          keepalive: true,
        });
      } catch {
        answer = null;
      }
      this.sending = null;
      if (!(await this.settle(entry, answer))) return;
    }
    this.state = "idle";
    this.pause = FIRST_PAUSE;
    this.changed();
  }

  /** What an answer means for an entry. @returns {Promise<boolean>} whether to go on sending */
  async settle(entry, answer) {
    if (answer?.ok) {
      await answer.text(); // an answer that is not read to its end costs the connection
      this.drop(entry);
      return true;
    }
    if (answer?.status === 401) {
      // Nothing is lost: everything stays here until someone signs in again.
      this.state = "signed-out";
      this.changed();
      return false;
    }
    if (answer && answer.status >= 400 && answer.status < 500 && ![408, 425, 429].includes(answer.status)) {
      // Sending it again unchanged would be refused again; it is told, and the rest goes on.
      this.refused.push(await reason(answer));
      this.drop(entry);
      return true;
    }
    this.state = "offline";
    this.changed();
    this.retryLater();
    return false;
  }

  drop(entry) {
    const kept = this.entries.filter((other) => other.body.token !== entry.body.token);
    this.storage.setItem(this.key, JSON.stringify(kept));
    this.changed();
  }

  retryLater() {
    if (this.waiting) return;
    this.waiting = true;
    this.later(() => {
      this.waiting = false;
      return this.flush();
    }, this.pause);
    this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
  }

  /** Try again now: the network is back, or someone has signed in. */
  resume() {
    this.state = "idle";
    this.pause = FIRST_PAUSE;
    return this.flush();
  }
}

async function reason(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return `the server answered ${answer.status}`;
  }
}
