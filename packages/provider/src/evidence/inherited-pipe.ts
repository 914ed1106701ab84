import net from "node:net";
import type { Duplex } from "node:stream";

/** The descriptor that the agent leaves open in the worker, so that what native code writes to the standard streams never mixes with it. */
export const PIPE_DESCRIPTOR = 3;

/** The one socket the worker has: the pipe it was born with. Throws when there is none. */
export function openInheritedPipe(): Duplex {
  return new net.Socket({ fd: PIPE_DESCRIPTOR, readable: true, writable: true });
}
