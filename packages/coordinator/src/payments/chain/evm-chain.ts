import type { Hex } from "viem";
import type { PayoutChain } from "./payout-chain.js";

const TIMEOUT_ms = 10_000;
/** Beyond the estimate, because what a transfer needs depends on what others do before it. */
const GAS_SPARE_percent = 130n;

/** Of one key: 65 bytes. A contract may want those of several, or anything else. */
const KEY_SIGNATURE = /^0x[0-9a-f]{130}$/i;
const SIGNATURE = /^0x(?:[0-9a-f]{2}){1,4096}$/i;
/** Source: EIP-1271. */
const ERC1271 = [
  {
    ...{ type: "function", name: "isValidSignature", stateMutability: "view" },
    inputs: [
      { name: "hash", type: "bytes32" },
      { name: "signature", type: "bytes" },
    ],
    outputs: [{ name: "", type: "bytes4" }],
  },
] as const;
const ERC1271_TAKEN = "0x1626ba7e";

export interface EvmAccess {
  /** A JSON-RPC address of the chain. */
  readonly rpcUrl: string;
  readonly chainId: number;
  /** An ERC-20 contract. */
  readonly token: string;
  /** Of the address that pays: `0x` and 64 hexadecimal digits. */
  readonly privateKey: string;
}

/** A chain of the Ethereum kind, through viem, which is loaded when it is first needed. */
export function createEvmChain(access: EvmAccess): PayoutChain {
  const { rpcUrl, chainId } = access;
  const token = access.token as Hex;
  let opened: ReturnType<typeof open> | undefined;

  async function open() {
    const viem = await import("viem");
    const { privateKeyToAccount } = await import("viem/accounts");
    const account = privateKeyToAccount(access.privateKey as Hex);
    const client = viem.createPublicClient({ transport: viem.http(rpcUrl, { timeout: TIMEOUT_ms, retryCount: 0 }) });
    const found = await client.getChainId();
    if (found !== chainId) throw new Error(`the chain at UMBEL_CHAIN_RPC_URL is ${found} and not ${chainId}`);
    return { viem, account, client };
  }
  const parts = () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const call = async (recipient: string, units: bigint) => {
    const { viem } = await parts();
    return viem.encodeFunctionData({ abi: viem.erc20Abi, functionName: "transfer", args: [recipient as Hex, units] });
  };

  /** A contract says itself whose signatures it takes for its own; what is no contract, or knows of no signatures, takes none. */
  async function isTakenByContract({ address, message, signature }: { address: Hex; message: string; signature: Hex }): Promise<boolean> {
    const { viem, client } = await parts();
    const functionName = "isValidSignature";
    const data = viem.encodeFunctionData({ abi: ERC1271, functionName, args: [viem.hashMessage(message), signature] });
    try {
      const { data: said = "0x" } = await client.call({ to: address, data });
      return said.length === 66 && said.startsWith(ERC1271_TAKEN);
    } catch (error) {
      const isRevert = error instanceof viem.BaseError && error.walk((cause) => cause instanceof viem.ExecutionRevertedError) !== null;
      if (isRevert) return false;
      throw error;
    }
  }

  return {
    chainId,
    token,
    sender: async () => (await parts()).account.address,

    async probe(recipient, units) {
      const { viem, client, account } = await parts();
      const held = await client.readContract({ address: token, abi: viem.erc20Abi, functionName: "balanceOf", args: [account.address] });
      if (held < units) return { outcome: "short" };
      try {
        const gas = await client.estimateGas({ account: account.address, to: token, data: await call(recipient, units) });
        return { outcome: "fine", gas: (gas * GAS_SPARE_percent) / 100n };
      } catch (error) {
        const isRevert = error instanceof viem.BaseError && error.walk((cause) => cause instanceof viem.ExecutionRevertedError) !== null;
        if (isRevert) return { outcome: "refused" };
        throw error;
      }
    },

    async takenNonces() {
      const { client, account } = await parts();
      return client.getTransactionCount({ address: account.address, blockTag: "latest" });
    },

    async fees() {
      const { maxFeePerGas, maxPriorityFeePerGas } = await (await parts()).client.estimateFeesPerGas();
      return { maxFee_wei: maxFeePerGas, maxPriorityFee_wei: maxPriorityFeePerGas };
    },

    async sign({ recipient, units, nonce, gas }, { maxFee_wei, maxPriorityFee_wei }) {
      const { viem, account } = await parts();
      const raw = await account.signTransaction({
        ...{ type: "eip1559", chainId, nonce, gas, to: token, data: await call(recipient, units), value: 0n },
        ...{ maxFeePerGas: maxFee_wei, maxPriorityFeePerGas: maxPriorityFee_wei },
      });
      return { raw, hash: viem.keccak256(raw) };
    },

    broadcast: async (raw) => void (await (await parts()).client.sendRawTransaction({ serializedTransaction: raw as Hex })),

    async receipt(hash) {
      const { viem, client } = await parts();
      try {
        const { status, blockNumber } = await client.getTransactionReceipt({ hash: hash as Hex });
        const head = await client.getBlockNumber({ cacheTime: 0 });
        return { succeeded: status === "success", confirmations: Number(head - blockNumber) + 1 };
      } catch (error) {
        if (error instanceof viem.TransactionReceiptNotFoundError) return undefined;
        throw error;
      }
    },

    async addressOf(text) {
      const { isAddress, getAddress } = await import("viem");
      return isAddress(text, { strict: true }) ? getAddress(text) : undefined;
    },

    async isSignedBy(address, message, signature) {
      if (!SIGNATURE.test(signature)) return false;
      const signed = { address: address as Hex, message, signature: signature as Hex };
      const { verifyMessage } = await import("viem");
      // A signature that belongs to no key is a wrong one.
      if (KEY_SIGNATURE.test(signature) && (await verifyMessage(signed).catch(() => false))) return true;
      return isTakenByContract(signed);
    },
  };
}
