import { writeFileSync } from "node:fs";
import path from "node:path";

/** A chain in this process with a till that pays on it, as a coordinator is told of them, and a wallet to be paid to. Loaded when it is asked for. */
export async function startPayoutChain(directory: string) {
  const [{ CHAIN_ID, startLocalChain, TOKEN }, { generatePrivateKey, privateKeyToAccount }] = await Promise.all([
    import("../chain/testing/local-chain.js"),
    import("viem/accounts"),
  ]);
  const chain = await startLocalChain();
  const till = generatePrivateKey();
  await chain.fund(privateKeyToAccount(till).address, 1_000_000_000n);
  const keyFile = path.join(directory, "chain-key");
  writeFileSync(keyFile, till, { mode: 0o600 });
  const wallet = privateKeyToAccount(generatePrivateKey());
  return {
    /** What the environment says of them. */
    env: {
      UMBEL_CHAIN_RPC_URL: chain.url,
      UMBEL_CHAIN_ID: String(CHAIN_ID),
      UMBEL_CHAIN_TOKEN: TOKEN,
      UMBEL_CHAIN_KEY_FILE: keyFile,
      UMBEL_CHAIN_CONFIRMATIONS: "1",
    },
    wallet: { address: wallet.address, sign: (message: string): Promise<string> => wallet.signMessage({ message }) },
    mine: (): Promise<void> => chain.mine(),
    balanceOf: (address: string): Promise<bigint> => chain.balanceOf(address),
    close: (): Promise<void> => chain.close(),
  };
}
