/** What the page reads from the coordinator, and the one error it shows. */
export interface Model {
  readonly id: string;
  readonly name: string;
  readonly context_length: number;
  readonly metadata: { readonly routable_providers: number; readonly can_accept: boolean };
}

export interface Balance {
  readonly balance_usd: string;
  readonly held_usd: string;
}

/** Without a key the browser's cookie says who is asking. */
function authorization(apiKey: string): Record<string, string> {
  return apiKey === "" ? {} : { authorization: `Bearer ${apiKey}` };
}

/** Calls a JSON route. @throws Error with the coordinator's own message. */
export async function getJson<T>(path: string, apiKey: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(path, { headers: authorization(apiKey), signal });
  const body = await response.json();
  if (!response.ok) throw new Error(body?.error?.message ?? `The coordinator answered ${response.status}.`);
  return body;
}

/** Streams one chat answer's text. @throws Error with the coordinator's own message, also for an error in mid-stream. */
export async function* streamChat(request: object, apiKey: string, signal: AbortSignal): AsyncGenerator<string> {
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    headers: { ...authorization(apiKey), "content-type": "application/json" },
    body: JSON.stringify({ ...request, stream: true }),
    signal,
  });
  if (!response.ok || response.body === null)
    throw new Error((await response.json())?.error?.message ?? `The coordinator answered ${response.status}.`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const events = (rest + read.value).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      if (!event.startsWith("data: ") || event === "data: [DONE]") continue;
      const data = JSON.parse(event.slice("data: ".length));
      if (data.error !== undefined) throw new Error(data.error.message);
      yield data.choices?.[0]?.delta?.content ?? "";
    }
  }
}
