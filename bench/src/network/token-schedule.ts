export interface Schedule {
  readonly firstToken_ms: number;
  readonly gap_ms: number;
}

/**
 * Streams an answer of a scripted engine whose tokens come on a known schedule, and says how far behind it each piece arrived: the first
 * against the request's own beginning, the others against the quickest piece of the same answer.
 */
export async function streamOnSchedule(
  baseUrl: string,
  apiKey: string,
  body: object,
  schedule: Schedule,
): Promise<{ readonly firstLag_ms: number; readonly chunkLags_ms: readonly number[] }> {
  const begin = performance.now();
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ ...body, stream: true }),
  });
  if (!response.ok || response.body === null) throw new Error(`the API answered ${response.status}: ${await response.text()}`);
  const arrivals: number[] = [];
  for await (const bytes of response.body) {
    const now = performance.now() - begin;
    const pieces = Buffer.from(bytes).toString("latin1").split('"delta":{"content":"').length - 1;
    for (let piece = 0; piece < pieces; piece += 1) arrivals.push(now);
  }
  const offsets = arrivals.map((arrival, index) => arrival - index * schedule.gap_ms);
  const quickest = Math.min(...offsets);
  return { firstLag_ms: (arrivals[0] ?? Number.NaN) - schedule.firstToken_ms, chunkLags_ms: offsets.map((offset) => offset - quickest) };
}
