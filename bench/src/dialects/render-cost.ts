import type { ChatEvent, Dialect } from "@umbel/dialects";

const EVENTS = 20_000;
const RUNS = 7;

/** What it costs to render one token of a stream, in nanoseconds: the best of several runs, because all else only adds. */
export function render_ns(dialect: Dialect<unknown>, body: object): number {
  const { request, options } = dialect.parse(body);
  const event: ChatEvent = { type: "text", text: " token", tokens: 1 };
  let best_ns = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const renderer = dialect.streamRenderer({ id: crypto.randomUUID(), created_s: 0, model: request.model, options });
    const begin = performance.now();
    let written = 0;
    for (let index = 0; index < EVENTS; index++) written += renderer.event(event).length;
    if (written === 0) throw new Error("nothing was rendered");
    best_ns = Math.min(best_ns, ((performance.now() - begin) / EVENTS) * 1e6);
  }
  return best_ns;
}
