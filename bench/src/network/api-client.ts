import type { StreamSample } from "./load.js";

/** Streams one answer over the API with as little work on the client's side as possible, and measures it. */
export async function streamOverApi(baseUrl: string, apiKey: string, body: object): Promise<StreamSample> {
  const begin = performance.now();
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
  });
  if (!response.ok || response.body === null) throw new Error(`the API answered ${response.status}: ${await response.text()}`);
  let firstToken_ms = Number.NaN;
  let tail = "";
  for await (const bytes of response.body) {
    const text = Buffer.from(bytes).toString("latin1");
    if (Number.isNaN(firstToken_ms) && text.includes('"content":"')) firstToken_ms = performance.now() - begin;
    tail = (tail + text).slice(-2_000);
  }
  const tokens = Number(/"completion_tokens":(\d+)/.exec(tail)?.[1]);
  if (!Number.isFinite(tokens)) throw new Error("the stream ended without usage");
  return { tokens, firstToken_ms, total_ms: performance.now() - begin };
}
