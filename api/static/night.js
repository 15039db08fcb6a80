// Follows a scheduled search while it runs: the page reloads when what it shows has changed.

const place = document.querySelector("[data-night]");
let seen = null;

async function look() {
  try {
    const answer = await fetch(place.dataset.night);
    if (!answer.ok) return;
    const now = await answer.text();
    if (seen !== null && now !== seen) location.reload();
    seen = now;
  } catch {
    // No connection: the next look tries again.
  }
}

setInterval(look, 2000);
