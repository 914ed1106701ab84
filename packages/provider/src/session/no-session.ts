import type { Session } from "./session.js";

/** In place of a session where there is no coordinator: nothing comes from it, and what is said to it is lost. */
export const NO_SESSION: Session = {
  open: () => undefined,
  close: async () => undefined,
  send: () => undefined,
  sendFrame: () => true,
  isCongested: false,
  isFlooded: false,
  reconnect: () => undefined,
  beat: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  reconnects: 0,
  dropped: { unreadable: 0, unexpected: 0 },
};
