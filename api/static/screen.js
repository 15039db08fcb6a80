// The screening page: puts deck, outbox and keys together and draws them.

import { Hold } from "./hold.js";
import { commandFor } from "./keys.js";
import { newToken, Outbox, storageKey } from "./outbox.js";
import { Deck } from "./queue.js";

const POLL = 4000;
const screen = document.getElementById("screen");
const stage = document.getElementById("stage");
const form = document.getElementById("decide");
const note = document.getElementById("note");
const duplicate = document.getElementById("duplicate");
const alertBox = document.getElementById("alert");
const keysOn = document.getElementById("keys");
const reasonBox = document.getElementById("reasons");
const reasons = reasonBox ? [...reasonBox.querySelectorAll("input")] : [];
const questionBox = document.getElementById("questions");
const questions = questionBox ? [...questionBox.querySelectorAll("input")] : [];
const slug = screen.dataset.slug;
const api = `/api/v1/reviews/${slug}`;
const size = Number(screen.dataset.queue);

document.documentElement.classList.add("js");

const cardOf = (element) => ({
  report: Number(element.dataset.report),
  record: element.dataset.record,
  text: element.dataset.text,
  ranking: element.dataset.ranking,
  place: element.dataset.place,
  decisions: element.dataset.decisions,
  cold: element.dataset.cold === "true",
  html: element.outerHTML,
});
const cardsIn = (root) =>
  [...root.querySelectorAll("template.waiting")].map((t) => cardOf(t.content.querySelector(".card")));

const first = stage.querySelector(".card");
const outbox = new Outbox({
  key: storageKey(document.body.dataset.person, slug),
  storage: localStorage,
  fetch: (...request) => fetch(...request),
  locks: navigator.locks,
  onChange: showOutbox,
});
// Cards whose decision is still on its way must not be shown again after a reload.
const sent = new Set(outbox.entries.map((entry) => entry.body.report));
const deck = new Deck(
  [...(first ? [cardOf(first)] : []), ...cardsIn(document.getElementById("deck"))].filter((card) => !sent.has(card.report)),
  { size, low: Math.ceil(size / 2) },
);
const last = document.getElementById("last");
if (last && screen.dataset.lastToken) {
  const card = cardOf(last.content.querySelector(".card"));
  deck.done.push({ card, at: 0, token: screen.dataset.lastToken });
}
let remaining = Number(screen.dataset.remaining) - sent.size;
let shownAt = new Date();
let fetching = false;
const hold = new Hold(Number(screen.dataset.lease), Date.now());

function show({ focus = true } = {}) {
  const card = deck.current;
  stage.innerHTML = "";
  form.hidden = !card;
  document.getElementById("aside").hidden = !card;
  duplicate.hidden = !card;
  document.getElementById("marked").textContent = "";
  document.getElementById("empty").hidden = Boolean(card) || fetching;
  if (card) {
    const template = document.createElement("template");
    template.innerHTML = card.html; // rendered and escaped by the server
    stage.append(template.content);
    shownAt = new Date();
    duplicate.href = `/reviews/${slug}/records/${card.record}/duplicate?after=screen`;
    document.getElementById("from").textContent = !card.ranking
      ? "Not ranked yet: in the order the records came."
      : card.cold
        ? "Order from the protocol and the seeds."
        : `Order from ${card.decisions} decisions.`;
    if (focus) {
      stage.querySelector("h2").focus({ preventScroll: true });
      window.scrollTo({ top: 0 });
    }
  }
  document.getElementById("left").textContent = `${remaining.toLocaleString("en")} not screened.`;
  document.getElementById("undo").disabled = deck.done.length === 0;
}

function decide(decision) {
  const card = deck.current;
  if (!card) return;
  const given = decision === "exclude" ? reasons.filter((box) => box.checked).map((box) => box.value) : [];
  if (decision === "exclude" && reasonBox?.dataset.required && !given.length) {
    document.getElementById("choose").hidden = false;
    reasons[0].focus();
    return;
  }
  const included = decision === "exclude" ? [] : questions.filter((box) => box.checked).map((box) => box.value);
  if (decision === "include" && questions.length && !included.length) {
    document.getElementById("which").hidden = false;
    questions[0].focus();
    return;
  }
  document.getElementById("choose").hidden = true;
  document.getElementById("which").hidden = true;
  for (const box of [...reasons, ...questions]) box.checked = false;
  const token = newToken();
  deck.decide(token);
  remaining -= 1;
  const text = note.value.trim();
  note.value = "";
  show();
  outbox.add({
    url: `${api}/decisions`,
    body: {
      token,
      report: card.report,
      text_hash: card.text ?? null,
      decision,
      reasons: given,
      questions: included,
      note: text || null,
      ranking: card.ranking ? Number(card.ranking) : null,
      place: card.place ? Number(card.place) : null,
      shown_at: shownAt.toISOString(),
      decided_at: new Date().toISOString(),
    },
  });
  refill();
}

function undo() {
  const undone = deck.undo();
  if (!undone) return;
  remaining += 1;
  show();
  // A decision that has not left this browser is taken back; any other is undone on the server.
  if (outbox.takeBack(undone.token)) return;
  outbox.add({
    url: `${api}/decisions/undo`,
    body: { token: newToken(), undoes: undone.token, report: undone.card.report },
  });
}

async function fetchCards(number, keep) {
  const answer = await fetch(`/reviews/${slug}/screen/cards`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ n: number, keep, again: screen.dataset.again === "true" }),
    redirect: "error",
  });
  if (!answer.ok) throw new Error(String(answer.status));
  hold.extend(Date.now());
  const template = document.createElement("template");
  template.innerHTML = await answer.text();
  const lost = (answer.headers.get("x-lost") ?? "").split(",").filter(Boolean).map(Number);
  const shown = deck.current;
  if (lost.length && deck.drop(lost) && deck.current !== shown) show();
  const unsent = new Set(outbox.entries.map((entry) => entry.body.report));
  return cardsIn(template.content).filter((card) => !unsent.has(card.report));
}

/** Ask for more cards when few are left. */
async function refill() {
  if (fetching || !deck.wanted) return;
  fetching = true;
  try {
    const none = !deck.current;
    deck.add(await fetchCards(deck.wanted, deck.held));
    if (none) show();
  } catch {
    // Offline or signed out: the outbox says so; the next decision or poll tries again.
  } finally {
    fetching = false;
    if (!deck.current) show({ focus: false });
  }
}

/** Exchange the cards further down when a newer ranking can be read. */
async function refresh() {
  if (fetching || document.hidden || outbox.state === "signed-out") return;
  try {
    const answer = await fetch(`${api}/ranking`);
    if (answer.status === 401) {
      outbox.state = "signed-out";
      showOutbox(outbox);
      return;
    }
    const newest = (await answer.json()).ranking;
    if (!newest || newest.id <= deck.ranking) {
      refill();
      return;
    }
    fetching = true;
    const none = !deck.current;
    const kept = deck.kept;
    const cards = await fetchCards(Math.max(1, size - kept.length), kept);
    deck.exchange(cards);
    if (none) show();
  } catch {
    // The next poll tries again.
  } finally {
    fetching = false;
  }
}

function showOutbox({ state, size: waiting, refused }) {
  const words = waiting ? `${waiting} unsent` : "All sent.";
  document.getElementById("outbox").textContent = state === "offline" ? `${words}: no connection, trying again` : words;
  const problems = [];
  if (state === "signed-out") {
    problems.push(`You are signed out; ${waiting} decisions wait in this browser and are not lost.`);
  }
  for (const message of refused ?? []) problems.push(`The server refused a decision: ${message}.`);
  alertBox.hidden = problems.length === 0;
  alertBox.textContent = problems.join(" ");
  if (state === "signed-out") {
    const link = document.createElement("a");
    link.href = `/login?next=/reviews/${slug}/screen`;
    link.textContent = " Sign in again";
    alertBox.append(link);
  }
}

/** Hold the cards for longer while somebody reads; say so before they go back to the others. */
async function keepHold() {
  const now = Date.now();
  if (!fetching && deck.current && hold.due(now)) {
    fetching = true;
    try {
      await fetchCards(0, deck.held);
    } catch {
      // The next turn tries again.
    } finally {
      fetching = false;
    }
  }
  const words = document.getElementById("hold");
  words.hidden = !deck.current || !hold.warns(Date.now());
  const left = hold.left(Date.now());
  words.textContent = left
    ? `These cards go back to the others in ${left} ${left === 1 ? "minute" : "minutes"}: press a key or scroll to keep them.`
    : "These cards may have gone back to the others: press a key or scroll to see what is left.";
}

async function post(path, body) {
  const answer = await fetch(`${api}/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    redirect: "error",
  });
  if (!answer.ok) throw new Error((await answer.json()).error?.message ?? String(answer.status));
}

/** Put a star or a tag on the card that is shown. */
async function mark(kind, text) {
  const card = deck.current;
  const words = document.getElementById("marked");
  if (!card) return;
  try {
    await post("marks", { report: card.report, kind, text });
    words.textContent = kind === "star" ? "Starred." : `Tagged “${text}”.`;
  } catch (error) {
    words.textContent = `Not stored: ${error.message}`;
  }
}

/** Hand the card that is shown to a colleague, and go on to the next. */
async function handOver(to) {
  const card = deck.current;
  const words = document.getElementById("marked");
  if (!card) return;
  try {
    await post("queue/hand-over", { report: card.report, to });
    if (deck.drop([card.report])) {
      remaining -= 1;
      show();
    }
    refill();
    words.textContent = "Handed over.";
  } catch (error) {
    words.textContent = `Not handed over: ${error.message}`;
  }
}

const commands = {
  include: () => decide("include"),
  exclude: () => decide("exclude"),
  maybe: () => decide("maybe"),
  undo,
  note: () => note.focus(),
  next: () => deck.move(1) && show(),
  previous: () => deck.move(-1) && show(),
  duplicate: () => deck.current && location.assign(duplicate.href),
  help: () => {
    const help = document.getElementById("help");
    help.hidden = !help.hidden;
    document.querySelector("[data-command=help]").setAttribute("aria-expanded", String(!help.hidden));
  },
};

screen.addEventListener("click", (event) => {
  const button = event.target.closest("[data-command]");
  if (!button) return;
  event.preventDefault();
  commands[button.dataset.command]();
});
form.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("star").addEventListener("click", () => mark("star", ""));
document.getElementById("tag-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const box = event.target.elements.tag;
  mark("tag", box.value.trim());
  box.value = "";
});
document.getElementById("hand-over")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const to = event.target.elements.to.value;
  handOver(to ? Number(to) : null);
});
document.getElementById("undo-form")?.addEventListener("submit", (event) => event.preventDefault());
note.addEventListener("keydown", (event) => {
  if (event.key === "Enter" || event.key === "Escape") {
    event.preventDefault();
    stage.querySelector("h2")?.focus();
  }
});
document.addEventListener("keydown", (event) => {
  const command = commandFor(event, { enabled: keysOn.checked });
  if (!command) return;
  if (command.startsWith("reason ")) {
    const box = reasons[Number(command.slice(7)) - 1];
    if (!box) return;
    event.preventDefault();
    box.checked = true;
    decide("exclude");
    return;
  }
  event.preventDefault();
  commands[command]();
});
keysOn.checked = localStorage.getItem("winnow:keys") !== "off";
keysOn.addEventListener("change", () => localStorage.setItem("winnow:keys", keysOn.checked ? "on" : "off"));
window.addEventListener("beforeunload", (event) => {
  if (outbox.size) event.preventDefault();
});
window.addEventListener("online", () => outbox.resume());

show({ focus: false });
outbox.resume().then(() => {
  showOutbox(outbox);
  refill();
});
setInterval(refresh, POLL);
for (const kind of ["keydown", "pointerdown", "wheel", "scroll", "touchmove"]) {
  window.addEventListener(kind, () => hold.touch(Date.now()), { passive: true });
}
setInterval(keepHold, POLL);
