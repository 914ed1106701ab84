import { randomBytes, randomUUID } from "node:crypto";
import { hashMessage } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { accountRepository, chainRepository } from "../../store/index.js";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import type { PaymentRefusal } from "../payment-refusal.js";
import { DOLLAR, openPayments, type TestPayments } from "../testing/open-payments.js";
import { CHAIN_LIMITS } from "./chain-rail.js";
import { createEvmChain } from "./evm-chain.js";
import { CHALLENGE_ms } from "./payout-addresses.js";
import { CHAIN_ID, type LocalChain, startLocalChain, TOKEN } from "./testing/local-chain.js";
import { PICKY_CONTRACT, REFUSED } from "./testing/token-code.js";

const CONFIRMATIONS = 3;
const UNITS = 1_000_000n;
const LOOK_ms = CHAIN_LIMITS.look_ms;

let database: TestDatabase;
let chain: LocalChain;
let test: TestPayments;
let carol: string;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  chain = await startLocalChain();
  const privateKey = generatePrivateKey();
  const sender = privateKeyToAccount(privateKey).address;
  await chain.fund(sender, 1_000n * UNITS);
  const open = createEvmChain({ rpcUrl: chain.url, chainId: CHAIN_ID, token: TOKEN, privateKey });
  test = await openPayments(database.store, { chain: { open, fee_microUsd: 500_000n, confirmations: CONFIRMATIONS, decimals: 6 } });
  carol = randomUUID();
  await accountRepository.insertIfAbsent(database.store.db, carol, "Carol");
  await test.earn(carol, 50n * DOLLAR);
});
afterEach(async () => {
  await test.close();
  await chain.close();
});

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: PaymentRefusal) => `${error.code} ${error.param ?? ""}`.trim(),
  );
const withdraw = (amount_microUsd = 10n * DOLLAR) => test.payments.withdrawByChain({ accountId: carol, amount_microUsd });

/** A wallet that the account is paid to. */
async function proven(accountId = carol) {
  const wallet = privateKeyToAccount(generatePrivateKey());
  const { message } = await test.payments.addresses.challenge(accountId, wallet.address);
  await test.payments.addresses.prove(accountId, await wallet.signMessage({ message }));
  return wallet.address;
}

/** So often time for a look goes by, with a block or without. */
async function looks(count: number, mining: boolean): Promise<void> {
  for (let look = 0; look < count; look += 1) {
    if (mining) await chain.mine();
    await test.later(LOOK_ms);
  }
}

describe("an address on a chain", () => {
  it("is an account's when its owner has signed what was asked, once and in time", async () => {
    const wallet = privateKeyToAccount(generatePrivateKey());
    const other = privateKeyToAccount(generatePrivateKey());
    const { addresses } = test.payments;
    const { message } = await addresses.challenge(carol, wallet.address.toLowerCase());
    expect(message).toContain(wallet.address);
    expect(message).toContain(carol);
    expect(await refusal(addresses.prove(carol, await other.signMessage({ message })))).toBe("invalid_request_error signature");
    // A challenge is answered once.
    const signature = await wallet.signMessage({ message });
    expect(await refusal(addresses.prove(carol, signature))).toBe("not_found");
    const again = await addresses.challenge(carol, wallet.address);
    expect(await refusal(addresses.prove(carol, signature))).toBe("invalid_request_error signature");
    const late = await addresses.challenge(carol, wallet.address);
    expect(again.message).not.toBe(late.message);
    await test.clock.advance(CHALLENGE_ms);
    expect(await refusal(addresses.prove(carol, await wallet.signMessage({ message: late.message })))).toBe("not_found");
    expect(await addresses.of(carol)).toBeUndefined();
    expect(await proven()).toBe((await addresses.of(carol))?.address);
  });

  it("is a contract's when it takes the signature for its own (EIP-1271), and says that the chain does not answer", async () => {
    const { addresses } = test.payments;
    const wallet = privateKeyToAccount(generatePrivateKey()).address;
    await chain.place(wallet, PICKY_CONTRACT);
    const [first, second] = [await addresses.challenge(carol, wallet), await addresses.challenge(carol, wallet)];
    expect(await refusal(addresses.prove(carol, hashMessage(first.message)))).toBe("invalid_request_error signature");
    await addresses.challenge(carol, wallet);
    chain.fault = (method) => (method === "eth_call" ? "lost_request" : undefined);
    expect(await refusal(addresses.prove(carol, hashMessage(second.message)))).toBe("chain_error");
    chain.fault = () => undefined;
    const { message } = await addresses.challenge(carol, wallet);
    expect(await addresses.prove(carol, hashMessage(message))).toBe(wallet);
    // Where there is no contract, nothing but the key counts.
    const { message: another } = await addresses.challenge(carol, privateKeyToAccount(generatePrivateKey()).address);
    expect(await refusal(addresses.prove(carol, hashMessage(another)))).toBe("invalid_request_error signature");
  });

  it("is refused with a wrong checksum (EIP-55), and where nobody could be paid", async () => {
    const { address } = privateKeyToAccount(generatePrivateKey());
    const letter = /[a-f]/i.exec(address.slice(2))?.[0] ?? "";
    const flipped = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
    const wrong = `0x${address.slice(2).replace(letter, flipped)}`;
    for (const text of [wrong, address.slice(0, -1), "vitalik.eth", "", TOKEN, `0x${"0".repeat(40)}`])
      expect(await refusal(test.payments.addresses.challenge(carol, text))).toBe("invalid_request_error address");
    expect(await refusal(withdraw())).toBe("not_onboarded");
  });
});

describe("a payout in a stablecoin", () => {
  it("is sent once, and paid when it is deep enough in the chain", async () => {
    const address = await proven();
    const row = await withdraw();
    expect(row).toMatchObject({
      status: "submitted",
      destination: address,
      fee_microUsd: 500_000n,
      net_microUsd: 9_500_000n,
      rail: "chain",
    });
    expect(chain.waiting()).toBe(1);
    await looks(1, true);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "submitted" });
    await looks(CONFIRMATIONS, true);
    expect(await test.withdrawal(row.id)).toMatchObject({
      status: "paid",
      refunded: false,
      payoutId: expect.stringMatching(/^0x[0-9a-f]{64}$/),
    });
    expect(await chain.balanceOf(address)).toBe(9_500_000n);
    expect(await test.balance(carol)).toMatchObject({ balance: 40n * DOLLAR, withdrawable: 40n * DOLLAR });
  });

  it.each(["lost_request", "lost_reply"] as const)(
    "is sent again when the node's answer to it is a %s, and arrives once",
    async (fault) => {
      const address = await proven();
      chain.fault = (method) => (method === "eth_sendRawTransaction" ? fault : undefined);
      const row = await withdraw();
      await looks(2, false);
      chain.fault = () => undefined;
      await looks(CONFIRMATIONS + 2, true);
      expect(await test.withdrawal(row.id)).toMatchObject({ status: "paid" });
      expect(await chain.balanceOf(address)).toBe(9_500_000n);
    },
  );

  it("offers more under the same nonce when it is stuck, and arrives once", async () => {
    const address = await proven();
    const row = await withdraw();
    chain.minFee_wei = 1_500_000_000n;
    await looks(20, true);
    const transactions = await chainRepository.transactions(database.store.db, row.id);
    expect(transactions.length).toBeGreaterThan(1);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "paid" });
    expect(await chain.balanceOf(address)).toBe(9_500_000n);
  });

  it("gives each payout a nonce of its own, however many are asked for at once", async () => {
    const address = await proven();
    const rows = await Promise.all([1, 2, 3, 4].map(() => withdraw(5n * DOLLAR)));
    const transfers = await Promise.all(rows.map(({ id }) => chainRepository.transfer(database.store.db, id)));
    expect(transfers.map((transfer) => transfer?.nonce).sort()).toEqual([0, 1, 2, 3]);
    await looks(CONFIRMATIONS + 1, true);
    expect(await chain.balanceOf(address)).toBe(18n * UNITS);
  });

  it("is given back when the token would never take it, before anything is sent", async () => {
    await database.store.client`insert into payout_addresses (account_id, address, verified_at) values (${carol}, ${REFUSED}, now())`;
    expect(await withdraw()).toMatchObject({ status: "failed", refunded: true, failureReason: "token_refused" });
    expect(await test.balance(carol)).toMatchObject({ balance: 50n * DOLLAR, withdrawable: 50n * DOLLAR });
  });

  it("waits while the paying address is short, and goes out when it is filled", async () => {
    const address = await proven();
    const sender = privateKeyToAccount(generatePrivateKey());
    const open = createEvmChain({ rpcUrl: chain.url, chainId: CHAIN_ID, token: TOKEN, privateKey: `0x${randomBytes(32).toString("hex")}` });
    expect(await open.probe(sender.address, 1n)).toEqual({ outcome: "short" });
    const poor = await openPayments(database.store, { chain: { open, fee_microUsd: 0n, confirmations: 1, decimals: 6 } });
    const row = await poor.payments.withdrawByChain({ accountId: carol, amount_microUsd: DOLLAR });
    expect(row).toMatchObject({ status: "pending", refunded: false });
    await chain.fund(await open.sender(), 5n * UNITS);
    await poor.later(5_000);
    await chain.mine();
    await poor.later(LOOK_ms);
    expect(await poor.withdrawal(row.id)).toMatchObject({ status: "paid" });
    expect(await chain.balanceOf(address)).toBe(UNITS);
    await poor.close();
  });

  it("is given back when the chain has taken the transaction and failed it", async () => {
    const address = await proven();
    const row = await withdraw();
    // Between the probe and the block somebody empties the paying address.
    const { sender = "" } = (await chainRepository.transfer(database.store.db, row.id)) ?? {};
    await chain.fund(sender, 0n);
    await looks(CONFIRMATIONS + 1, true);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "failed", refunded: true, failureReason: "reverted" });
    expect(await chain.balanceOf(address)).toBe(0n);
    expect((await test.balance(carol)).withdrawable).toBe(50n * DOLLAR);
  });
});
