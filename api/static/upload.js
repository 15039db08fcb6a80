// Says at once that a file is too large, instead of after it was sent.

const form = document.getElementById("upload");
const problem = document.getElementById("upload-problem");
const limit = Number(form.dataset.limit);

form.addEventListener("submit", (event) => {
  const file = form.elements.file.files[0];
  if (!file || file.size <= limit) return;
  event.preventDefault();
  const mb = (bytes) => Math.ceil(bytes / 1e6).toLocaleString("en");
  problem.hidden = false;
  problem.textContent = `${file.name} has ${mb(file.size)} MB; the browser may send ${mb(limit)} MB. Import it on the server with: winnow import FILE`;
});
