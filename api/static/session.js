// On every page: says where decisions wait unsent, and asks before signing out with any.

import { read } from "./outbox.js";

const person = document.body.dataset.person;
const prefix = `winnow:outbox:${person}:`;

function waiting() {
  const found = [];
  for (let at = 0; person && at < localStorage.length; at += 1) {
    const key = localStorage.key(at);
    if (!key.startsWith(prefix)) continue;
    const entries = read(localStorage, key).length;
    if (entries) found.push({ slug: key.slice(prefix.length), entries });
  }
  return found;
}

const notice = document.getElementById("unsent");
if (!document.getElementById("screen")) {
  for (const { slug, entries } of waiting()) {
    notice.hidden = false;
    notice.append(`${entries} decisions are not sent yet: `);
    const link = document.createElement("a");
    link.href = `/reviews/${slug}/screen`;
    link.textContent = "open the screening page to send them";
    notice.append(link, ". ");
  }
}

document.getElementById("sign-out")?.addEventListener("submit", (event) => {
  const entries = waiting().reduce((sum, each) => sum + each.entries, 0);
  const question = `${entries} decisions are not sent yet. They stay in this browser until you sign in again. Sign out?`;
  if (entries && !window.confirm(question)) event.preventDefault();
});
