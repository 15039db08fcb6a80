// Says that a file is too large before it is sent, not after.

const form = document.getElementById("upload");
const problem = document.getElementById("upload-problem");
const limit = Number(form.dataset.limit);

form.addEventListener("submit", (event) => {
  const file = form.elements.file.files[0];
  if (!file || file.size <= limit) return;
  event.preventDefault();
  const mb = (bytes) => Math.ceil(bytes / 1e6).toLocaleString("en");
  problem.hidden = false;
  problem.textContent = `${file.name} is ${mb(file.size)} MB, over the limit of ${mb(limit)} MB. Split it, or ask the person who runs the server to import it.`;
});
