import { createServer } from "node:http";
import { createBlock } from "@ethereumjs/block";
import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createTxFromRLP, type TypedTransaction } from "@ethereumjs/tx";
import { Account, Address, bytesToHex, hexToBytes, type PrefixedHexString, setLengthLeft } from "@ethereumjs/util";
import { createVM, runTx } from "@ethereumjs/vm";
import { tokenCode } from "./token-code.js";

export const CHAIN_ID = 31_337;
export const TOKEN = "0x1234567890123456789012345678901234567890";
const BASE_FEE_wei = 1_000_000_000n;
const GAS_LIMIT = 30_000_000n;
const ETHER_wei = 10n ** 18n;

interface Receipt {
  readonly status: "0x1" | "0x0";
  readonly block: bigint;
}

export interface LocalChain {
  readonly url: string;
  /** Gives an address ether for fees, and units of the token. */
  fund(address: string, units: bigint): Promise<void>;
  balanceOf(address: string): Promise<bigint>;
  /** Puts a contract at an address. */
  place(address: string, code: string): Promise<void>;
  /** Takes what waits, in the order of nonces, into one block; then empty blocks, so that there are so many in all. */
  mine(blocks?: number): Promise<void>;
  readonly waiting: () => number;
  /** Asked of each call: what it says goes wrong. */
  fault: (method: string) => "lost_request" | "lost_reply" | undefined;
  /** What fees have to be offered from now on; less stays waiting. */
  minFee_wei: bigint;
  close(): Promise<void>;
}

/** A chain in this process: the virtual machine of Ethereum behind JSON-RPC, with a pool of transactions that wait until a test mines them. */
export async function startLocalChain(): Promise<LocalChain> {
  const common = createCustomCommon({ chainId: CHAIN_ID }, Mainnet, { hardfork: Hardfork.Shanghai });
  const vm = await createVM({ common });
  const token = new Address(hexToBytes(TOKEN));
  await vm.stateManager.putAccount(token, new Account(1n, 0n));
  await vm.stateManager.putCode(token, tokenCode());
  const pool = new Map<string, TypedTransaction>();
  const receipts = new Map<string, Receipt>();
  let head = 1n;
  let turn: Promise<unknown> = Promise.resolve();
  /** One thing at a time: the machine's state is one. */
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work, work);
    turn = next.catch(() => undefined);
    return next;
  };
  const addressOf = (text: unknown) => new Address(hexToBytes(String(text) as PrefixedHexString));
  const nonceOf = async (address: Address) => (await vm.stateManager.getAccount(address))?.nonce ?? 0n;
  const blockAt = (number: bigint) => createBlock({ header: { number, gasLimit: GAS_LIMIT, baseFeePerGas: BASE_FEE_wei } }, { common });
  const slotOf = (address: Address) => setLengthLeft(address.bytes, 32);

  async function callInVain(call: { readonly from?: string; readonly to: string; readonly data?: string; readonly input?: string }) {
    await vm.stateManager.checkpoint();
    const data = hexToBytes((call.data ?? call.input ?? "0x") as PrefixedHexString);
    const caller = addressOf(call.from ?? `0x${"0".repeat(40)}`);
    const result = await vm.evm.runCall({
      caller,
      to: addressOf(call.to),
      data,
      gasLimit: GAS_LIMIT,
      block: blockAt(head),
      skipBalance: true,
    });
    await vm.stateManager.revert();
    if (result.execResult.exceptionError !== undefined) throw Object.assign(new Error("execution reverted"), { code: 3 });
    return result.execResult;
  }

  async function send(raw: unknown): Promise<string> {
    const transaction = createTxFromRLP(hexToBytes(String(raw) as PrefixedHexString), { common });
    const hash = bytesToHex(transaction.hash());
    const sender = transaction.getSenderAddress();
    if (transaction.nonce < (await nonceOf(sender))) throw new Error("nonce too low");
    const place = `${sender.toString()} ${transaction.nonce}`;
    const before = pool.get(place);
    if (before !== undefined && bytesToHex(before.hash()) === hash) throw new Error("already known");
    if (before !== undefined && offerOf(transaction) * 10n < offerOf(before) * 11n) throw new Error("replacement transaction underpriced");
    pool.set(place, transaction);
    return hash;
  }

  const answers: Readonly<Record<string, (...params: readonly unknown[]) => Promise<unknown>>> = {
    eth_chainId: async () => hex(CHAIN_ID),
    eth_blockNumber: async () => hex(head),
    eth_maxPriorityFeePerGas: async () => hex(BASE_FEE_wei / 10n),
    eth_gasPrice: async () => hex(chain.minFee_wei),
    eth_getBlockByNumber: async () => ({
      number: hex(head),
      baseFeePerGas: hex(BASE_FEE_wei),
      gasLimit: hex(GAS_LIMIT),
      timestamp: "0x1",
      transactions: [],
    }),
    eth_getTransactionCount: async (address) => hex(await nonceOf(addressOf(address))),
    eth_call: async (call) => bytesToHex((await callInVain(call as { to: string })).returnValue),
    eth_estimateGas: async (call) => hex((await callInVain(call as { to: string })).executionGasUsed + 25_000n),
    eth_sendRawTransaction: send,
    eth_getTransactionReceipt: async (hash) => {
      const found = receipts.get(String(hash));
      if (found === undefined) return null;
      const zero = `0x${"0".repeat(64)}`;
      const numbers = {
        blockNumber: hex(found.block),
        transactionIndex: "0x0",
        gasUsed: "0x1",
        cumulativeGasUsed: "0x1",
        effectiveGasPrice: "0x1",
      };
      return { transactionHash: hash, blockHash: zero, status: found.status, logs: [], logsBloom: "0x", type: "0x2", ...numbers };
    },
  };

  const server = createServer((incoming, outgoing) => {
    const pieces: Buffer[] = [];
    incoming.on("data", (piece: Buffer) => pieces.push(piece));
    incoming.on("end", async () => {
      const {
        id,
        method,
        params = [],
      } = JSON.parse(Buffer.concat(pieces).toString()) as { id: number; method: string; params?: unknown[] };
      const fault = chain.fault(method);
      if (fault === "lost_request") return incoming.socket.destroy();
      const reply = await alone(async () => {
        const answer = answers[method];
        if (answer === undefined) throw Object.assign(new Error(`the method ${method} does not exist`), { code: -32_601 });
        return answer(...params);
      }).then(
        (result) => ({ result }),
        (error: Error & { code?: number }) => ({ error: { code: error.code ?? -32_000, message: error.message } }),
      );
      if (fault === "lost_reply") return incoming.socket.destroy();
      outgoing.setHeader("content-type", "application/json").end(JSON.stringify({ jsonrpc: "2.0", id, ...reply }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");

  const chain: LocalChain = {
    url: `http://127.0.0.1:${address.port}`,
    fault: () => undefined,
    minFee_wei: BASE_FEE_wei,
    waiting: () => pool.size,
    fund: (text, units) =>
      alone(async () => {
        const owner = addressOf(text);
        await vm.stateManager.putAccount(owner, new Account(await nonceOf(owner), 100n * ETHER_wei));
        await vm.stateManager.putStorage(token, slotOf(owner), hexToBytes(`0x${units.toString(16).padStart(64, "0")}`));
      }),
    place: (text, code) =>
      alone(async () => {
        await vm.stateManager.putAccount(addressOf(text), new Account(1n, 0n));
        await vm.stateManager.putCode(addressOf(text), hexToBytes(code as PrefixedHexString));
      }),
    balanceOf: (text) =>
      alone(async () => BigInt(bytesToHex(setLengthLeft(await vm.stateManager.getStorage(token, slotOf(addressOf(text))), 32)))),
    mine: (blocks = 1) =>
      alone(async () => {
        head += 1n;
        const inOrder = [...pool.entries()].sort(([, a], [, b]) => Number(a.nonce - b.nonce));
        for (const [place, transaction] of inOrder) {
          if (offerOf(transaction) < chain.minFee_wei || transaction.nonce !== (await nonceOf(transaction.getSenderAddress()))) continue;
          const result = await runTx(vm, { tx: transaction, block: blockAt(head), skipHardForkValidation: true });
          const status = result.execResult.exceptionError === undefined ? "0x1" : "0x0";
          receipts.set(bytesToHex(transaction.hash()), { status, block: head });
          pool.delete(place);
        }
        head += BigInt(blocks - 1);
      }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return chain;
}

function offerOf(transaction: TypedTransaction): bigint {
  return "maxFeePerGas" in transaction ? transaction.maxFeePerGas : 0n;
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
