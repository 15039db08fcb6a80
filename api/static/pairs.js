// Keys of the page that asks about two records: each presses the button or link that names it.

/**
 * @param {{key: string, ctrlKey?: boolean, altKey?: boolean, metaKey?: boolean, repeat?: boolean,
 *   isComposing?: boolean, target?: {tagName?: string}}} event
 * @returns {string | null} the key in lower case, or null if it is typed into a field
 */
export function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.isComposing) return null;
  const tag = (event.target?.tagName ?? "").toLowerCase();
  if (["input", "textarea", "select"].includes(tag)) return null;
  return event.key.length === 1 ? event.key.toLowerCase() : null;
}

if (typeof document !== "undefined") {
  document.addEventListener("keydown", (event) => {
    const key = pressed(event);
    const target = key && document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!target) return;
    event.preventDefault();
    target.click();
  });
  document.documentElement.dataset.keys = "ready"; // what presses keys by a script waits for it
}
