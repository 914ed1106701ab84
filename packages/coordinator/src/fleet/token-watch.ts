import type { FleetLog, ProviderAccounts } from "./ports.js";
import type { Registry } from "./registry.js";

/** Tokens of one question to the database. */
const TOKENS_max = 1_000;

/** Ends connections whose provider token has been revoked, has expired, or is another account's by now. A database that does not answer ends none; they are looked at again. */
export interface TokenWatch {
  /** How often tokens have changed. Read it before a token is looked up. */
  readonly epoch: number;
  /** Some token has ended, here or at another coordinator. */
  changed(): void;
  /** A machine has joined whose token was looked up at an epoch. */
  joined(epoch: number): void;
  /** Looks at the tokens of all connections. */
  check(): void;
}

export function createTokenWatch(
  registry: Pick<Registry, "all">,
  accounts: Pick<ProviderAccounts, "usableProviderTokens">,
  log: Pick<FleetLog, "warn">,
): TokenWatch {
  let epoch = 0;
  let isRunning = false;
  let isDue = false;

  async function checkOnce(): Promise<void> {
    const linked = [...registry.all()].flatMap((session) =>
      session.authToken === undefined ? [] : [{ session, token: session.authToken }],
    );
    for (let start = 0; start < linked.length; start += TOKENS_max) {
      const some = linked.slice(start, start + TOKENS_max);
      const usable = await accounts.usableProviderTokens([...new Set(some.map(({ token }) => token))]);
      for (const { session, token } of some) {
        const accountId = usable.get(token);
        if (accountId === undefined) session.revoke();
        else if (accountId !== session.view.accountId) session.belongsToAnother();
      }
    }
  }

  /** One look at a time; what changes meanwhile is looked at after it. */
  async function run(): Promise<void> {
    if (isRunning) {
      isDue = true;
      return;
    }
    isRunning = true;
    try {
      do {
        isDue = false;
        await checkOnce();
      } while (isDue);
    } finally {
      isRunning = false;
    }
  }

  const check = (): void => {
    run().catch((error: unknown) => log.warn({ err: error }, "provider tokens could not be looked at"));
  };

  return {
    get epoch() {
      return epoch;
    },
    changed() {
      epoch += 1;
      check();
    },
    joined(at) {
      if (at !== epoch) check();
    },
    check,
  };
}
