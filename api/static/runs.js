// Keeps the runs' progress live.

const place = document.getElementById("runs");
const live = (run) => run.outcome === "waiting" || run.outcome === "running";
const count = (number) => number.toLocaleString("en");
let wasLive = place.dataset.live === "yes";

export function words(run) {
  if (run.reported === null) return "Counting hits…";
  const most = run.reported_at_most ? "at most " : "";
  const pages = `${count(run.pages)} ${run.pages === 1 ? "page" : "pages"}`;
  const missing = run.missing ? ` (the source listed ${count(run.missing)} of these and did not send them)` : "";
  return (
    `Reported ${most}${count(run.reported)}; received ${count(run.received)} on ${pages} = ` +
    `${count(run.new)} new + ${count(run.changed)} changed + ${count(run.same)} known already + ` +
    `${count(run.filtered)} set aside + ${count(run.rejected)} unreadable${missing}; ` +
    `${count(run.unique)} different ${run.unique === 1 ? "record" : "records"}.`
  );
}

function stateOf(run) {
  if (run.outcome === "incomplete" && run.shortfall) return `${count(run.shortfall)} short`;
  return JSON.parse(place.dataset.words)[run.outcome];
}

function show(run) {
  const section = place.querySelector(`[data-run="${run.run}"]`);
  if (!section) return;
  section.querySelector(".word").textContent = stateOf(run);
  section.querySelector(".counts").textContent = words(run);
  const bar = section.querySelector("progress");
  bar.hidden = !live(run);
  if (run.reported) {
    bar.max = run.reported;
    bar.value = Math.min(run.received, run.reported);
  }
}

async function look() {
  try {
    const answer = await fetch(place.dataset.url);
    if (!answer.ok) return;
    const runs = await answer.json();
    runs.forEach(show);
    const alive = runs.some(live);
    // When a run ends, buttons and counts change, so the server renders the page again.
    if (wasLive && !alive) location.reload();
    wasLive = wasLive || alive;
  } catch {
    // No connection: the next look tries again.
  }
}

if (wasLive) setInterval(look, 1000);
