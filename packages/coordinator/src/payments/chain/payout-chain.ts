/** A token transfer that has its place in the sender's order for good. */
export interface ChainTransfer {
  readonly recipient: string;
  /** Of the token's least unit. */
  readonly units: bigint;
  readonly nonce: number;
  readonly gas: bigint;
}

export interface ChainFees {
  readonly maxFee_wei: bigint;
  readonly maxPriorityFee_wei: bigint;
}

export interface ChainReceipt {
  readonly succeeded: boolean;
  /** 1 in the newest block. */
  readonly confirmations: number;
}

type Probe = { readonly outcome: "fine"; readonly gas: bigint } | { readonly outcome: "refused" } | { readonly outcome: "short" };

/** A chain on which a token is paid out from one address. What a method throws is no answer: it says nothing of what has happened. */
export interface PayoutChain {
  readonly chainId: number;
  /** The token's contract. */
  readonly token: string;
  sender(): Promise<string>;
  /**
   * Whether a transfer would be taken now. `refused`: the token would never take it; `short`: the sender has not enough of it.
   *
   * @returns the gas that it needs, with some to spare
   */
  probe(recipient: string, units: bigint): Promise<Probe>;
  /** How many transactions of the sender the chain has taken: the least nonce that is free. */
  takenNonces(): Promise<number>;
  /** What a transaction should offer now. */
  fees(): Promise<ChainFees>;
  /** The same transfer with the same fees is the same transaction. */
  sign(transfer: ChainTransfer, fees: ChainFees): Promise<{ readonly hash: string; readonly raw: string }>;
  broadcast(raw: string): Promise<void>;
  /** Undefined while no block holds it. */
  receipt(hash: string): Promise<ChainReceipt | undefined>;
  /** In the form with a checksum (EIP-55); undefined for what is no address, or has a wrong checksum. */
  addressOf(text: string): Promise<string | undefined>;
  /** Whether the owner of an address has signed a message (EIP-191), or the contract there takes the signature for its own (EIP-1271). */
  isSignedBy(address: string, message: string, signature: string): Promise<boolean>;
}
