// Which command a key means. Pure: it is given the event and asks nothing else.

const COMMANDS = {
  i: "include", e: "exclude", m: "maybe", u: "undo", n: "note", j: "next", k: "previous", d: "duplicate", "?": "help",
};

/**
 * @param {{key: string, ctrlKey?: boolean, altKey?: boolean, metaKey?: boolean, repeat?: boolean,
 *   isComposing?: boolean, target?: {tagName?: string, type?: string, isContentEditable?: boolean}}} event
 * @param {{enabled: boolean}} options
 * @returns {string | null} the command, or null if the key means nothing here
 */
export function commandFor(event, { enabled }) {
  if (!enabled || event.ctrlKey || event.altKey || event.metaKey) return null;
  if (event.repeat || event.isComposing) return null;
  if (isField(event.target)) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (/^[1-9]$/.test(key)) return `reason ${key}`;
  return COMMANDS[key] ?? null;
}

function isField(target) {
  const tag = (target?.tagName ?? "").toLowerCase();
  if (target?.isContentEditable || tag === "textarea" || tag === "select") return true;
  return tag === "input" && !["checkbox", "radio", "button", "submit"].includes(target.type ?? "text");
}
