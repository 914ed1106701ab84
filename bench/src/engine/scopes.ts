import { median } from "./throughput.js";
import type { Workbench } from "./workbench.js";

const PAIRS = 60;
const PROMPT_TOKENS = 400;

export interface Scopes {
  readonly pairs: number;
  /** Of one scope: first token of a prompt that it has sent before, against one that it has not. */
  readonly own_known_ms: number;
  readonly own_new_ms: number;
  /** Of another scope: first token of a prompt that the first has sent before, against one that nobody has. */
  readonly other_known_ms: number;
  readonly other_new_ms: number;
  /** How often the known prompt was the faster of a pair, 0 to 1; one half is no difference. */
  readonly own_faster: number;
  readonly other_faster: number;
  /** Chance that a coin shows so uneven a result for the other scope (two-sided sign test). */
  readonly other_p: number;
  /** Tokens that the other scope was told were found. */
  readonly other_cached: number;
}

/** Whether a scope can tell from the time to the first token what another has asked. */
export async function measureScopes(bench: Workbench): Promise<Scopes> {
  const own: Pair[] = [];
  const other: Pair[] = [];
  for (let i = 0; i < PAIRS; i++) {
    const known = bench.freshPrompt(PROMPT_TOKENS);
    await firstToken(bench, known, "first");
    const isKnownFirst = i % 2 === 0;
    other.push(await pair(bench, known, "second", isKnownFirst));
    await firstToken(bench, known, "first");
    own.push(await pair(bench, known, "first", isKnownFirst));
  }
  return {
    pairs: PAIRS,
    own_known_ms: median(own.map(({ known_ms }) => known_ms)),
    own_new_ms: median(own.map(({ new_ms }) => new_ms)),
    other_known_ms: median(other.map(({ known_ms }) => known_ms)),
    other_new_ms: median(other.map(({ new_ms }) => new_ms)),
    own_faster: share(own),
    other_faster: share(other),
    other_p: signTest(other.filter(({ known_ms, new_ms }) => known_ms < new_ms).length, PAIRS),
    other_cached: other.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0),
  };
}

interface Pair {
  readonly known_ms: number;
  readonly new_ms: number;
  readonly cachedTokens: number;
}

async function pair(bench: Workbench, known: Int32Array, scope: string, isKnownFirst: boolean): Promise<Pair> {
  const unknown = bench.freshPrompt(PROMPT_TOKENS);
  const [a, b] = isKnownFirst ? [known, unknown] : [unknown, known];
  const first = await firstToken(bench, a, scope);
  const second = await firstToken(bench, b, scope);
  const [knownResult, newResult] = isKnownFirst ? [first, second] : [second, first];
  return { known_ms: knownResult.ms, new_ms: newResult.ms, cachedTokens: knownResult.cachedTokens };
}

async function firstToken(bench: Workbench, tokens: Int32Array, scope: string): Promise<{ ms: number; cachedTokens: number }> {
  const start_ms = performance.now();
  let ms = Number.NaN;
  let cachedTokens = 0;
  for await (const event of bench.model.generate(bench.request(tokens, 1, scope)).events) {
    if (event.type === "started") cachedTokens = event.cachedTokens;
    if (event.type === "token") ms = performance.now() - start_ms;
  }
  return { ms, cachedTokens };
}

function share(pairs: readonly Pair[]): number {
  return pairs.filter(({ known_ms, new_ms }) => known_ms < new_ms).length / pairs.length;
}

/** Chance of a result at least as uneven as `wins` of `n` fair tosses. */
function signTest(wins: number, n: number): number {
  const uneven = Math.max(wins, n - wins);
  let probability = 0.5 ** n;
  let tail = 0;
  for (let k = 0; k <= n; k++) {
    if (k >= uneven) tail += probability;
    probability *= (n - k) / (k + 1);
  }
  return Math.min(1, 2 * tail);
}
