// Keeps the progress of the worker's long operations live.

// Absent from a page that nothing is worked out for.
const place = document.getElementById("jobs");
const NAMES = {
  embedding: "Reading texts",
  import: "Importing",
  hits: "Counting hits",
  lookup: "Asking the sources",
  comparison: "Replaying",
  explanation: "Explaining",
  "likely misses": "Choosing possible misses",
};
// Figures are worked out in one step, so there is no progress to count.
const FIGURES = ["evaluation", "screening", "duplicates", "search-check"];
let wasRunning = place !== null && place.querySelector(".job") !== null;

function line(job) {
  const p = document.createElement("p");
  p.className = job.state === "failed" ? "problem" : "job";
  const total = job.total ? ` of ${job.total.toLocaleString("en")}` : "";
  // The message of a running job says what it waits for.
  const reached = job.message ?? `${job.done.toLocaleString("en")}${total}`;
  if (job.state === "failed") p.textContent = job.message;
  else if (FIGURES.includes(job.kind)) p.textContent = `${place.dataset.figures} `;
  else p.textContent = `${NAMES[job.kind] ?? job.kind}: ${reached} `;
  if (job.state === "running") {
    const bar = document.createElement("progress");
    if (job.total) {
      bar.max = job.total;
      bar.value = job.done;
    }
    p.append(bar);
  }
  return p;
}

const imports = place?.dataset.imports;
const UNFINISHED = ["under way", "ended", "leaving"];
let before = null;

// The page of imports lists them itself; each has one line there.
async function lookAtImports() {
  const answer = await fetch(imports);
  if (!answer.ok) return [];
  const listed = (await answer.json()).filter((one) => UNFINISHED.includes(one.state));
  const now = listed.map((one) => `${one.id} ${one.state} ${one.stage} ${one.waiting}`).join();
  if (before !== null && now !== before) location.reload();
  before = now;
  for (const one of listed) {
    for (const shown of document.querySelectorAll(`[data-import="${one.id}"]`)) {
      const [done, total] = [one.position, one.total].map((n) => n.toLocaleString("en"));
      if (shown.localName === "progress") shown.value = one.position;
      else shown.textContent = `${done} of ${total} entries stored`;
    }
  }
  return listed;
}

async function look() {
  try {
    const listed = imports ? await lookAtImports() : [];
    const answer = await fetch(place.dataset.url);
    if (!answer.ok) return;
    const { jobs, due } = await answer.json();
    const running = jobs.filter((job) => job.state === "running");
    const isListed = (job) =>
      imports && job.kind === "import" && !job.message && (job.done > 0 || listed.length > 0);
    // Several kinds of figures are one line.
    const first = running.find((job) => FIGURES.includes(job.kind));
    const shown = running.filter(
      (job) => !isListed(job) && (job === first || !FIGURES.includes(job.kind)),
    );
    if (running.length) place.replaceChildren(...shown.map(line));
    // When a job ends, counts change all over the page, so the server renders it again.
    if (wasRunning && !running.length && !due) location.reload();
    wasRunning = wasRunning || running.length > 0;
  } catch {
    // No connection: the next look tries again.
  }
}

if (place) setInterval(look, 1000);
