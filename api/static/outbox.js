// Decisions on their way to the server: kept in this browser until it has them, sent in order.
// Everything from outside (storage, fetch, locks, timer) is handed in, so that tests need no browser.

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;

const prefixOf = (person) => `winnow:outbox:${person}:`;

/** Where the outbox of a person and a review is kept: what its items' names begin with. */
export function storageKey(person, slug) {
  return `${prefixOf(person)}${slug}`;
}

/** A random id, even if a page comes over plain http and crypto.randomUUID does not exist. */
export function newToken() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Stands in for Web Locks if the browser has none (plain http): one at a time within this page. */
function oneAtATime() {
  let tail = Promise.resolve();
  return {
    request(_name, work) {
      tail = tail.then(work, work);
      return tail;
    },
  };
}

/** Names of stored items that begin with these words. */
function namesFrom(storage, start) {
  const names = Array.from({ length: storage.length }, (_, number) => storage.key(number));
  return names.filter((name) => name.startsWith(start));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Entries of an outbox, oldest first; those that cannot be read are left out.
 *
 * Each is an item of its own in the storage, named after its token. A list under one name would
 * have to be read and written back, and two tabs that do so at once lose each other's entries.
 */
export function read(storage, key) {
  return namesFrom(storage, `${key}:`)
    .map((name) => parsed(storage.getItem(name)))
    .filter((entry) => entry?.body?.token)
    .sort((one, other) => (one.at ?? 0) - (other.at ?? 0));
}

/** Give each entry of an older outbox, a list under one name, an item of its own. */
function split(storage, key) {
  const list = parsed(storage.getItem(key) ?? "null");
  if (!Array.isArray(list)) return;
  list.forEach((entry, number) => {
    if (entry?.body?.token) storage.setItem(`${key}:${entry.body.token}`, JSON.stringify({ at: number, ...entry }));
  });
  storage.removeItem(key);
}

/** A person's reviews with unsent entries, and how many. @returns {Map<string, number>} by slug */
export function countWaiting(storage, person) {
  const prefix = prefixOf(person);
  const counts = new Map();
  for (const name of namesFrom(storage, prefix)) split(storage, name);
  for (const name of namesFrom(storage, prefix)) {
    const [slug] = name.slice(prefix.length).split(":");
    const number = read(storage, prefix + slug).length;
    if (number) counts.set(slug, number);
  }
  return counts;
}

export class Outbox {
  /**
   * @param {{key: string, storage: Storage, fetch: typeof fetch, onChange?: (state: object) => void,
   *   locks?: {request: (name: string, work: () => Promise<any>) => Promise<any>},
   *   later?: (work: () => void, ms: number) => void, headers?: Record<string, string>}} parts
   */
  constructor({ key, storage, fetch, onChange = () => {}, locks, later = (work, ms) => setTimeout(work, ms), headers = {} }) {
    this.key = key;
    this.headers = headers;
    this.storage = storage;
    this.fetch = fetch;
    this.onChange = onChange;
    this.locks = locks ?? oneAtATime();
    this.later = later;
    this.pause = FIRST_PAUSE;
    this.waiting = false;
    /** @type {"idle" | "sending" | "offline" | "signed-out"} */
    this.state = "idle";
    /** @type {string[]} */
    this.refused = [];
    split(storage, key);
  }

  get entries() {
    return read(this.storage, this.key);
  }

  get size() {
    return this.entries.length;
  }

  nameOf(entry) {
    return `${this.key}:${entry.body.token}`;
  }

  /** Keep an entry behind those that are here, and send. */
  add(entry) {
    const last = this.entries.at(-1)?.at ?? 0;
    const at = Math.max(Date.now(), last + 1);
    this.storage.setItem(this.nameOf(entry), JSON.stringify({ ...entry, at }));
    this.changed();
    return this.flush();
  }

  /**
   * Take back an entry that no tab has tried to send: the server may have one that was tried, even
   * if its answer was lost. @returns {boolean} whether it was here and untried
   */
  takeBack(token) {
    const entry = this.entries.find((each) => each.body.token === token);
    if (!entry || entry.tried) return false;
    this.drop(entry);
    return true;
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
      this.storage.setItem(this.nameOf(entry), JSON.stringify({ ...entry, tried: true }));
      let answer;
      try {
        answer = await this.fetch(entry.url, {
          method: "POST",
          headers: { "content-type": "application/json", ...this.headers },
          body: JSON.stringify(entry.body),
          credentials: "same-origin",
          keepalive: true,
        });
      } catch {
        answer = null;
      }
      if (!(await this.settle(entry, answer))) return;
    }
    this.state = "idle";
    this.pause = FIRST_PAUSE;
    this.changed();
  }

  /** Act on the answer to an entry. @returns {Promise<boolean>} whether to go on sending */
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
      // Sending it again unchanged would be refused again, so the user is told and the rest is sent.
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
    this.storage.removeItem(this.nameOf(entry));
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
