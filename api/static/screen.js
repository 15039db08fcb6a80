// The screening page: puts deck, outbox and keys together and draws them.

import { Drafts, EMPTY } from "./drafts.js";
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
const person = document.body.dataset.person;
// Whose page this is: the server answers 401 if somebody else has signed in since.
const whose = { "x-winnow-person": person };
const ask = (address, options = {}) => fetch(address, { ...options, headers: { ...options.headers, ...whose } });
const outbox = new Outbox({
  key: storageKey(person, slug),
  headers: whose,
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
const drafts = new Drafts();
if (last && screen.dataset.lastToken) drafts.keep(deck.done[0].card.report, JSON.parse(screen.dataset.lastDraft));
/** The report whose draft the form holds; null before the first card. */
let drafted = null;
const empty = document.getElementById("empty");
/** Why there is no card, as the server said it last; "" while it is not known. */
let end = empty.innerHTML;
let offline = false;
let remaining = Number(screen.dataset.remaining) - sent.size;
let shownAt = new Date();
let fetching = false;
const hold = new Hold(Number(screen.dataset.lease), Date.now());

const chosen = (boxes) => boxes.filter((box) => box.checked).map((box) => box.value);

/** Keep what the form holds with its card, and fill the form with the draft of another. */
function exchangeDrafts(card) {
  const report = card?.report ?? null;
  if (report === drafted) return;
  if (drafted !== null) drafts.keep(drafted, { note: note.value, reasons: chosen(reasons), questions: chosen(questions) });
  const draft = card ? drafts.of(report) : EMPTY;
  note.value = draft.note;
  for (const box of reasons) box.checked = draft.reasons.includes(box.value);
  for (const box of questions) box.checked = draft.questions.includes(box.value);
  document.getElementById("choose").hidden = true;
  document.getElementById("which").hidden = true;
  drafted = report;
}

/** Say why there is no card: what this page knows itself, else what the server said last. */
function showEnd() {
  empty.hidden = Boolean(deck.current);
  if (deck.current) return;
  const unsent = outbox.size;
  const waiting = `${unsent} ${unsent === 1 ? "decision waits" : "decisions wait"} in this browser and will be sent`;
  if (offline || outbox.state === "offline") {
    empty.textContent = `No connection, and no cards are left in this browser. ${unsent ? `${waiting}. ` : ""}More cards come when the connection is back.`;
  } else if (outbox.state === "signed-out") {
    empty.textContent = "";
  } else if (unsent) {
    empty.textContent = "Saving your last decisions…";
  } else if (end) {
    empty.innerHTML = end; // rendered and escaped by the server
  } else {
    empty.textContent = "Looking for more cards…";
  }
}

function showLeft() {
  document.getElementById("left").textContent = `${Math.max(0, remaining).toLocaleString("en")} left for you.`;
}

function show({ focus = true } = {}) {
  const card = deck.current;
  exchangeDrafts(card);
  stage.innerHTML = "";
  form.hidden = !card;
  document.getElementById("aside").hidden = !card;
  duplicate.hidden = !card;
  document.getElementById("marked").textContent = "";
  showEnd();
  if (card) {
    const template = document.createElement("template");
    template.innerHTML = card.html; // rendered and escaped by the server
    stage.append(template.content);
    shownAt = new Date();
    duplicate.href = `/reviews/${slug}/records/${card.record}/duplicate?after=screen`;
    document.getElementById("from").textContent = !card.ranking
      ? "In the order they came in, for now."
      : card.cold
        ? "Ordered by how close records are to your questions."
        : `Learns from ${card.decisions} settled ${card.decisions === "1" ? "decision" : "decisions"}.`;
    if (focus) {
      stage.querySelector("h2").focus({ preventScroll: true });
      window.scrollTo({ top: 0 });
    }
  }
  showLeft();
  document.getElementById("undo").disabled = deck.done.length === 0;
}

function decide(decision) {
  const card = deck.current;
  if (!card) return;
  const given = decision === "exclude" ? chosen(reasons) : [];
  if (decision === "exclude" && reasonBox?.dataset.required && !given.length) {
    document.getElementById("choose").hidden = false;
    reasons[0].focus();
    return;
  }
  const included = decision === "exclude" ? [] : chosen(questions);
  if (decision === "include" && questions.length && !included.length) {
    document.getElementById("which").hidden = false;
    questions[0].focus();
    return;
  }
  const token = newToken();
  const text = note.value.trim();
  deck.decide(token);
  end = "";
  remaining -= 1;
  // The draft stays with the card that was decided, and an undo brings it back.
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
  // A decision still in this browser is removed from the outbox; any other is undone on the server.
  if (outbox.takeBack(undone.token)) return;
  outbox.add({
    url: `${api}/decisions/undo`,
    body: { token: newToken(), undoes: undone.token, report: undone.card.report },
  });
}

async function fetchCards(number, keep) {
  const idle = outbox.size === 0;
  let answer;
  try {
    answer = await ask(`/reviews/${slug}/screen/cards`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ n: number, keep, again: screen.dataset.again === "true" }),
      redirect: "error",
    });
  } catch (error) {
    offline = true;
    throw error;
  }
  offline = false;
  if (!answer.ok) throw new Error(String(answer.status));
  hold.extend(Date.now());
  const template = document.createElement("template");
  template.innerHTML = await answer.text();
  end = template.content.querySelector("template.end")?.innerHTML ?? "";
  // The server counts every decision only if none is on its way.
  document.getElementById("behind").textContent = answer.headers.get("x-behind") ?? "";
  if (idle && outbox.size === 0) remaining = Number(answer.headers.get("x-remaining"));
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
  let answered = false;
  try {
    const none = !deck.current;
    deck.add(await fetchCards(deck.wanted, deck.held));
    answered = true;
    if (none) show();
    showLeft();
  } catch {
    // Offline or signed out: the page says so; the next decision or poll tries again.
  } finally {
    fetching = false;
    if (!deck.current) {
      show({ focus: false });
      // Only cards came whose decisions were on their way then: ask again now that they are sent.
      if (answered && !end && outbox.state === "idle" && !outbox.size) refill();
    }
  }
}

/** Exchange the cards further down when a newer ranking can be read. */
async function refresh() {
  if (fetching || document.hidden || outbox.state === "signed-out") return;
  let mine = false;
  try {
    const answer = await ask(`${api}/ranking`);
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
    if (fetching) return;
    fetching = mine = true;
    const none = !deck.current;
    const kept = deck.kept;
    const cards = await fetchCards(Math.max(1, size - kept.length), kept);
    deck.exchange(cards);
    if (none) show();
  } catch {
    // The next poll tries again.
  } finally {
    if (mine) fetching = false;
  }
}

function showOutbox({ state, size: waiting, refused }) {
  if (!deck.current) {
    showEnd();
    // The server knows what is left once it has every decision.
    if (state === "idle" && !waiting && !end) refill();
  }
  const words = waiting ? `${waiting} not sent yet` : "All saved.";
  document.getElementById("outbox").textContent = state === "offline" ? `${words}: no connection, trying again` : words;
  const problems = [];
  if (state === "signed-out") {
    const saved = waiting === 1 ? "1 decision waits" : `${waiting} decisions wait`;
    problems.push(`You are signed out. ${saved} in this browser; nothing is lost.`);
  }
  for (const message of refused ?? []) problems.push(`The server refused a decision: ${message.replace(/\.$/, "")}.`);
  alertBox.hidden = problems.length === 0;
  alertBox.textContent = problems.join(" ");
  if (state === "signed-out") {
    const link = document.createElement("a");
    link.href = `/login?next=/reviews/${slug}/screen`;
    link.textContent = " Sign in again";
    alertBox.append(link);
  }
}

/** Hold the cards for longer while somebody reads; warn before they go back to the others. */
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
    ? `Still there? These records go back to your colleagues in ${left} ${left === 1 ? "minute" : "minutes"}. Press a key or scroll to keep them.`
    : "These records may have gone back to your colleagues. Press a key or scroll to see what is left.";
}

async function post(path, body) {
  const answer = await ask(`${api}/${path}`, {
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
    words.textContent = `Not saved: ${error.message}`;
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
document.documentElement.dataset.keys = "ready"; // what presses keys by a script waits for it
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
