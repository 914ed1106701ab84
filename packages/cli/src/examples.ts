/** Three ways to ask the first question, ready to paste into a terminal or file. */
export function examples(
  baseUrl: string,
  apiKey: string,
  model: string,
): { readonly curl: string; readonly typescript: string; readonly python: string } {
  const question = "What is the capital of France?";
  return {
    curl: `curl ${baseUrl}/chat/completions \\
  -H "Authorization: Bearer ${apiKey}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "${question}"}]}'`,
    typescript: `import OpenAI from "openai"; // npm install openai
const client = new OpenAI({ baseURL: "${baseUrl}", apiKey: "${apiKey}" });
const stream = await client.chat.completions.create({
  model: "${model}", stream: true, messages: [{ role: "user", content: "${question}" }],
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");`,
    python: `from openai import OpenAI  # pip install openai
client = OpenAI(base_url="${baseUrl}", api_key="${apiKey}")
answer = client.chat.completions.create(
    model="${model}", messages=[{"role": "user", "content": "${question}"}])
print(answer.choices[0].message.content)`,
  };
}
