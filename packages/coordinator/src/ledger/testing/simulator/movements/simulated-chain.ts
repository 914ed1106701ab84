import type { PayoutChain } from "../../../../payments/testing/index.js";
import type { Chance } from "../chance.js";
import type { Process } from "../process.js";

interface Sent {
  readonly hash: string;
  readonly recipient: string;
  readonly units: bigint;
  readonly nonce: number;
  readonly maxFee_wei: bigint;
}

export const CHAIN_ID = 31_337;
const TOKEN = "0xtoken";
const REVERTS = 0.1;
const STUCK = 0.2;

/** A chain as far as its own rules go: of one nonce it takes one transaction, in order, and never another. */
export class SimulatedChain {
  readonly #pool: Sent[] = [];
  readonly #taken: { readonly sent: Sent; readonly block: number; readonly succeeded: boolean }[] = [];
  #block = 1;
  #asked_wei = 100n;

  constructor(
    private readonly chance: Chance,
    private readonly sender: string,
  ) {}

  /** What has arrived at an address. */
  arrived(recipient: string): bigint {
    return this.#taken
      .filter(({ sent, succeeded }) => succeeded && sent.recipient === recipient)
      .reduce((sum, { sent }) => sum + sent.units, 0n);
  }

  /** Blocks come, and what is asked for a place in them changes. */
  mine(): void {
    this.#asked_wei = this.chance.happens(STUCK) ? 200n : 100n;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#taken.push({ sent: next, block: this.#block, succeeded: !this.chance.happens(REVERTS) });
    }
    this.#block += 1 + this.chance.below(3);
  }

  #next(): Sent | undefined {
    const fitting = this.#pool.filter(({ nonce, maxFee_wei }) => nonce === this.#taken.length && maxFee_wei >= this.#asked_wei);
    return fitting.length === 0 ? undefined : this.chance.pick(fitting);
  }

  /** The chain as one process reaches it. */
  of(process: Process): PayoutChain {
    const ask = <T>(label: string, act: () => T): Promise<T> => process.ask(`chain ${label}`, async () => act());
    return {
      chainId: CHAIN_ID,
      token: TOKEN,
      sender: async () => this.sender,
      probe: () => ask("probe", () => ({ outcome: "fine", gas: 50_000n })),
      takenNonces: () => ask("nonces", () => this.#taken.length),
      fees: () => ask("fees", () => ({ maxFee_wei: this.#asked_wei, maxPriorityFee_wei: 1n })),
      async sign({ recipient, units, nonce }, { maxFee_wei }) {
        const hash = `0x${recipient}-${units}-${nonce}-${maxFee_wei}`;
        return { hash, raw: JSON.stringify({ hash, recipient, nonce, units: String(units), maxFee_wei: String(maxFee_wei) }) };
      },
      broadcast: (raw) =>
        ask("broadcast", () => {
          const sent = JSON.parse(raw) as Omit<Sent, "units" | "maxFee_wei"> & { readonly units: string; readonly maxFee_wei: string };
          if (sent.nonce < this.#taken.length) throw new Error("nonce too low");
          this.#pool.push({ ...sent, units: BigInt(sent.units), maxFee_wei: BigInt(sent.maxFee_wei) });
        }),
      receipt: (hash) =>
        ask("receipt", () => {
          const found = this.#taken.find(({ sent }) => sent.hash === hash);
          return found && { succeeded: found.succeeded, confirmations: this.#block - found.block };
        }),
      addressOf: async (text) => text,
      isSignedBy: async () => true,
    };
  }
}
