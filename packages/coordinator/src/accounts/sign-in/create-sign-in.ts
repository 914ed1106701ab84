import { AsyncLocalStorage } from "node:async_hooks";
import type { Clock } from "@umbel/protocol";
import type { Store } from "../../store/index.js";
import { AccountsUnavailableError } from "../accounts-error.js";
import { ask } from "../ask.js";
import type { Mailer } from "./mailer.js";
import type { SignIn, SignInSettings } from "./types.js";

export interface SignInDependencies {
  readonly store: Store;
  readonly clock: Clock;
  /** From which cookies are signed and what is kept under seal is encrypted. */
  readonly secret: string;
  /** Absent where nothing can be sent: then nobody signs up with an address, and no code comes. */
  readonly mailer: Pick<Mailer, "send"> | undefined;
  readonly settings: SignInSettings;
}

/** What we use of the library. */
interface Library {
  handler(request: Request): Promise<Response>;
}

/** What went wrong behind the library's answer, which hides it. */
interface Failure {
  error?: unknown;
}

/** Loads the library, which takes longer than all else of a start, when the first person comes. */
export function createSignIn(dependencies: SignInDependencies): SignIn {
  const { clock } = dependencies;
  const failures = new AsyncLocalStorage<Failure>();
  const instances = new Map<string, Promise<Library>>();
  const onError = (error: unknown): void => {
    const failure = failures.getStore();
    if (failure !== undefined && !isAnswer(error)) failure.error = error;
  };

  function instanceFor(origin: string, pathname: string): Promise<Library> {
    const withPasskeys = PASSKEYS.test(pathname);
    const withProviders = PROVIDERS.test(pathname);
    const name = `${origin} ${withPasskeys} ${withProviders}`;
    const known = instances.get(name);
    if (known !== undefined) return known;
    const options = { ...dependencies, origin, withPasskeys, withProviders, onError };
    const made = import("./library.js").then(({ createLibrary }) => createLibrary(options));
    instances.set(name, made);
    made.catch(() => instances.delete(name));
    return made;
  }

  return {
    async handle(request, { origin, network }) {
      const { pathname } = new URL(request.url);
      const library = await ask(instanceFor(origin, pathname), clock);
      request.headers.set(NETWORK_HEADER, network);
      const failure: Failure = {};
      const response = await failures.run(failure, () => ask(library.handler(request), clock));
      if (failure.error === undefined) return response;
      // The query builder's errors repeat what was asked for, addresses included; the driver's own error behind them does not.
      const cause = failure.error instanceof Error && failure.error.cause !== undefined ? failure.error.cause : failure.error;
      if (cause instanceof AccountsUnavailableError) throw cause;
      return ask(Promise.reject(cause), clock);
    },
    async hashPassword(password) {
      const { hashPassword } = await import("better-auth/crypto");
      return hashPassword(password);
    },
  };
}

const PASSKEYS = /\/passkey\//;
/** What has to do with identity providers. The library asks each of them who it is before it answers, and one that is silent must not keep others out. */
const PROVIDERS = /\/(?:sign-in\/social|link-social|unlink-account|callback\/[^/]+)$/;

/** By which the library learns where a session began; whatever a caller sends under this name is replaced. */
export const NETWORK_HEADER = "x-umbel-network";

/** An error that the library has made for the caller's eyes. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && error.name === "APIError";
}
