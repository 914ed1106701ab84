import type { KeyChange, PublicKey } from "@umbel/coordinator";
import { resolveHome } from "../home.js";
import { LOCAL_ACCOUNT } from "../local-accounts.js";
import { readAccountLink, SESSION_FILE } from "../provider/account-link.js";
import { sessionToken } from "./device.js";
import { localKeys } from "./local-keys.js";
import { remoteKeys } from "./remote-keys.js";

export interface Issued {
  readonly key: string;
  readonly data: PublicKey;
}

/** Where an account's keys are managed. */
export interface KeyDesk {
  /** Whose keys, in words. */
  readonly whose: string;
  list(): Promise<readonly PublicKey[]>;
  /** Undefined when there is no such key, as from all that name one. */
  get(id: string): Promise<PublicKey | undefined>;
  create(policy: KeyChange): Promise<Issued>;
  update(id: string, change: KeyChange): Promise<PublicKey | undefined>;
  rotate(id: string): Promise<Issued | undefined>;
  /** False when there is no such key. */
  revoke(id: string): Promise<boolean>;
}

export interface DeskOptions {
  readonly home?: string;
  readonly account?: string;
  readonly coordinator?: string;
  readonly token?: string;
}

const OWN_COORDINATOR = "http://127.0.0.1:8080";

/**
 * Over the API for whoever names a coordinator or has signed in with `umbel login`; else, and for whoever names an account alone, in the
 * database of the home.
 */
export async function keyDesk({ home, account, coordinator, token }: DeskOptions): Promise<KeyDesk> {
  const places = home === undefined ? {} : { home };
  const signedInAt = account === undefined ? (await readAccountLink(resolveHome(home), SESSION_FILE))?.coordinator : undefined;
  const at = coordinator ?? signedInAt ?? (token === undefined ? undefined : OWN_COORDINATOR);
  if (at === undefined) return localKeys(resolveHome(home), account ?? LOCAL_ACCOUNT);
  const given = token === undefined ? {} : { token };
  return remoteKeys(at, await sessionToken({ ...places, ...given, coordinator: at, account: account ?? LOCAL_ACCOUNT }));
}
