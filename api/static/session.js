// On every page: says where decisions are not sent yet, and asks before signing out with any.

import { countWaiting } from "./outbox.js";

const person = document.body.dataset.person;
const waiting = () => (person ? countWaiting(localStorage, person) : new Map());

const unsent = (entries) => (entries === 1 ? "1 decision is not sent yet" : `${entries} decisions are not sent yet`);
const notice = document.getElementById("unsent");
if (!document.getElementById("screen")) {
  for (const [slug, entries] of waiting()) {
    notice.hidden = false;
    notice.append(`${unsent(entries)}: `);
    const link = document.createElement("a");
    link.href = `/reviews/${slug}/screen`;
    link.textContent = `open the screening page to send ${entries === 1 ? "it" : "them"}`;
    notice.append(link, ". ");
  }
}

document.getElementById("sign-out")?.addEventListener("submit", (event) => {
  const entries = [...waiting().values()].reduce((sum, each) => sum + each, 0);
  const stay = entries === 1 ? "It stays" : "They stay";
  const question = `${unsent(entries)}. ${stay} in this browser until you sign in again. Sign out?`;
  if (entries && !window.confirm(question)) event.preventDefault();
});
