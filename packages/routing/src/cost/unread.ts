import type { CostTerm } from "./term.js";

/** Prompts are read one after the other, so those that were placed before this one come first. */
export const unread: CostTerm = {
  name: "unread",
  words: "reading prompts that were placed on the machine before",
  cost_ms: ({ unread_ms }, profile) => unread_ms * profile.unreadWeight,
};
