import { isIPv6 } from "node:net";
import { SlidingCount } from "../sliding-count.js";

const UPGRADE_WINDOW_MS = 60_000;
/** Addresses whose upgrades are remembered; the one seen least recently is forgotten first. */
export const REMEMBERED_ADDRESSES_MAX = 10_000;

export type AddressVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: "sockets" | "rate"; readonly retryAfter_s: number };

/** Limits of sockets per address, counted before any byte of WebSocket is spoken (protocol.md §1.1). */
export class AddressGate {
  readonly #sockets_max: number;
  readonly #upgrades_max: number;
  readonly #open = new Map<string, number>();
  readonly #upgrades = new Map<string, SlidingCount>();

  constructor(limits: { readonly sockets_max: number; readonly upgradesPerMinute_max: number }) {
    this.#sockets_max = limits.sockets_max;
    this.#upgrades_max = limits.upgradesPerMinute_max;
  }

  /** Counts one upgrade and one open socket, or refuses and counts neither. Pair every admission with one `leave`. */
  enter(address: string, now_ms: number): AddressVerdict {
    const open = this.#open.get(address) ?? 0;
    if (open >= this.#sockets_max) return { ok: false, reason: "sockets", retryAfter_s: UPGRADE_WINDOW_MS / 1000 };
    const upgrades = this.#upgradesOf(address);
    if (!upgrades.take(now_ms)) return { ok: false, reason: "rate", retryAfter_s: Math.ceil(upgrades.wait_ms(now_ms) / 1000) };
    this.#open.set(address, open + 1);
    return { ok: true };
  }

  leave(address: string): void {
    const open = this.#open.get(address) ?? 0;
    if (open > 1) this.#open.set(address, open - 1);
    else this.#open.delete(address);
  }

  #upgradesOf(address: string): SlidingCount {
    const upgrades = this.#upgrades.get(address) ?? new SlidingCount(this.#upgrades_max, UPGRADE_WINDOW_MS);
    this.#upgrades.delete(address);
    this.#upgrades.set(address, upgrades);
    if (this.#upgrades.size > REMEMBERED_ADDRESSES_MAX) {
      const [oldest] = this.#upgrades.keys();
      if (oldest !== undefined) this.#upgrades.delete(oldest);
    }
    return upgrades;
  }
}

/** What counts as one address: an IPv4 address, also when mapped into IPv6, or the /64 that one IPv6 subscriber controls. */
export function addressGroup(address: string): string {
  const plain = address
    .toLowerCase()
    .replace(/^::ffff:(?=[\d.]+$)/, "")
    .replace(/%.*$/, "");
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("::");
  const leading = head === "" ? [] : head.split(":");
  const trailing = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - leading.length - trailing.length) }, () => "0");
  const network = [...leading, ...zeros, ...trailing].slice(0, 4);
  return `${network.map((part) => Number.parseInt(part, 16).toString(16)).join(":")}::/64`;
}
