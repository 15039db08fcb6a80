// What was typed and ticked on each card and is not decided yet. Pure.
// A draft is {note, reasons, questions}: a text and two lists of keys.

export const EMPTY = Object.freeze({ note: "", reasons: [], questions: [] });

export class Drafts {
  constructor() {
    /** @type {Map<number, {note: string, reasons: string[], questions: string[]}>} */
    this.kept = new Map();
  }

  /** Keep a draft with its card's report. A decided card keeps its draft too, for an undo. */
  keep(report, draft) {
    if (draft.note || draft.reasons.length || draft.questions.length) this.kept.set(report, draft);
    else this.kept.delete(report);
  }

  /** The draft of a card; an empty one if nothing was typed or ticked. */
  of(report) {
    return this.kept.get(report) ?? EMPTY;
  }
}
