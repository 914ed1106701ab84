/** Parts of a request that a machine may be spared: without them it answers as it would by itself, and the request means the same. */
const SPARED_FIELDS = {
  temperature: "temperature",
  top_p: "topP",
  top_k: "topK",
  min_p: "minP",
  seed: "seed",
  frequency_penalty: "frequencyPenalty",
  presence_penalty: "presencePenalty",
  repetition_penalty: "repetitionPenalty",
  logit_bias: "logitBias",
} as const;
const SHAPES = ["all", "vision", "tools", "structured"] as const;

export const BODY_SHIMS_FORM = `body_shims must be like vision<0.6.7=frequency_penalty+presence_penalty, comma-separated, of ${SHAPES.join(", ")} and of ${Object.keys(SPARED_FIELDS).join(", ")}`;

/** What requests of a shape leave out of `sampling` where they go to a machine whose program is older than a version. */
export interface BodyShim {
  readonly shape: (typeof SHAPES)[number];
  readonly below: string;
  readonly without: readonly (typeof SPARED_FIELDS)[keyof typeof SPARED_FIELDS][];
}

/** Reads a build's runtime parameter `body_shims`. @returns undefined where it is not written as `BODY_SHIMS_FORM` says */
export function readBodyShims(written: unknown): readonly BodyShim[] | undefined {
  if (written === undefined) return [];
  if (typeof written !== "string") return undefined;
  const shims: BodyShim[] = [];
  for (const part of written.split(",")) {
    const [, shapeName, below, names] = /^(\w+)<(\d+(?:\.\d+){0,3})=([\w+]+)$/.exec(part.trim()) ?? [];
    const shape = SHAPES.find((known) => known === shapeName);
    const without = names?.split("+").map((name) => Object.entries(SPARED_FIELDS).find(([known]) => known === name)?.[1]);
    if (shape === undefined || below === undefined || without === undefined) return undefined;
    const known = without.filter((field) => field !== undefined);
    if (known.length < without.length) return undefined;
    shims.push({ shape, below, without: known });
  }
  return shims;
}
