// Keeps the runs' progress live.

const place = document.getElementById("runs");
const live = (run) => run.outcome === "waiting" || run.outcome === "running";
const count = (number) => number.toLocaleString("en");
let wasLive = place.dataset.live === "yes";

export function words(run) {
  if (run.reported === null) return "Hits are being counted.";
  const most = run.reported_at_most ? "at most " : "";
  return (
    `Reported ${most}${count(run.reported)}; received ${count(run.received)} on ${count(run.pages)} pages = ` +
    `${count(run.new)} new + ${count(run.changed)} changed + ${count(run.same)} held already + ` +
    `${count(run.filtered)} filtered + ${count(run.rejected)} rejected` +
    `${run.missing ? ` (${count(run.missing)} of them listed and not given)` : ""}; ${count(run.unique)} different records.`
  );
}

function show(run) {
  const section = place.querySelector(`[data-run="${run.run}"]`);
  if (!section) return;
  section.querySelector(".word").textContent = run.outcome;
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
    // What has ended changes buttons and counts: the server draws the page anew.
    if (wasLive && !alive) location.reload();
    wasLive = wasLive || alive;
  } catch {
    // No connection: the next look tries again.
  }
}

if (wasLive) setInterval(look, 1000);
