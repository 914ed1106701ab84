// Measures what MODEL_CARD.md says of similarities, in a built checkout: node models/sprout-embed/measure.mjs
import path from "node:path";
import { systemClock } from "@umbel/protocol/native";
import { createLlamaEngine } from "@umbel/provider/engine";

/** A sentence, one that is close to it, and one that is not. */
const TRIPLES = [
  ["What is the weather in Berlin?", "How is the weather in Rome?", "Tell me a story about a fox."],
  ["I am very sad today.", "I feel sad.", "What is 12 plus 30?"],
  ["Count from 1 to 20.", "Please count up to thirty.", "What is the capital of France?"],
  ["The dog ran home.", "A dog is running to its house.", "My favourite colour is blue."],
  ["What is 12 plus 30?", "How much is 14 + 25?", "The cat sleeps on the sofa."],
  ["Tell me a story about a fox.", "Write a short story about a cat.", "Who are you?"],
  ["Thank you very much!", "Thanks a lot.", "Spell the word garden."],
  ["What is the capital of France?", "The capital of France is Paris.", "How many letters are in house?"],
];

/** Sentences of one meaning a row. */
const GROUPS = [
  ["The capital of France is Paris.", "Paris is the capital of France.", "What is the capital of France?"],
  ["The dog ran home.", "A dog is running to its home.", "The puppy went back to the house."],
  ["What is 12 plus 30?", "How much is 14 plus 25?", "Add 3 and 9."],
  ["What is the weather in Berlin today?", "Will it rain in London tomorrow?", "How is the weather in Rome?"],
  ["I feel sad today.", "I am not happy.", "I am very sad."],
  ["Count from one to ten.", "Please count up to twenty.", "Count from 5 to 15."],
  ["Tell me a story about a fox.", "Write a short story about a cat.", "Please tell a tale about a brave bird."],
];

const engine = createLlamaEngine({ clock: systemClock });
const model = await engine.loadEmbedder(
  { buildId: "sprout-embed", path: path.join(import.meta.dirname, "sprout-embed-3m-q8_0.gguf") },
  { sequences: 1, contextLength_tokens: 2048, threads_max: 1, gpuLayers: 0 },
);
const vectorOf = (text) => model.embed(model.encode(text));
const cosine = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const print = (line) => process.stdout.write(`${line}\n`);

for (const texts of TRIPLES) {
  const [one, close, far] = await Promise.all(texts.map(vectorOf));
  print(`| ${texts[0]} | ${texts[1]} | ${cosine(one, close).toFixed(2)} | ${texts[2]} | ${cosine(one, far).toFixed(2)} |`);
}

const sentences = await Promise.all(GROUPS.flatMap((texts, group) => texts.map(async (text) => ({ group, vector: await vectorOf(text) }))));
const within = [];
const across = [];
let nearestInGroup = 0;
for (const one of sentences) {
  const others = sentences
    .filter((other) => other !== one)
    .map((other) => ({ isSame: other.group === one.group, similarity: cosine(one.vector, other.vector) }));
  for (const { isSame, similarity } of others) (isSame ? within : across).push(similarity);
  if (others.reduce((best, other) => (other.similarity > best.similarity ? other : best)).isSame) nearestInGroup += 1;
}
print(`within a group ${mean(within).toFixed(2)}, across groups ${mean(across).toFixed(2)}`);
print(`nearest neighbour in the same group: ${nearestInGroup} of ${sentences.length}`);
await engine.dispose();
