import { fromUtf8, utf8 } from "@umbel/protocol";

/** What `words` answers are made of, and the words that are one token. */
export const words = (
  "the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not what all were we when " +
  "your can said there use an each which she do how their if will up other about out many then them these so some her would make like him " +
  "into time has look two more write go see number no way could people my than first water been call who oil its now find long down day did"
).split(" ");

const controlTokens = ["<|im_start|>", "<|im_end|>"] as const;

/** Ids 0 to 255 are bytes, then come the control tokens, the words, and the words behind a space. */
const firstControl = 256;
const firstWord = firstControl + controlTokens.length;
const firstSpacedWord = firstWord + words.length;

const nothing = new Uint8Array(0);
const controlId = new Map<string, number>(controlTokens.map((text, i) => [text, firstControl + i]));
const wordId = new Map<string, number>(
  words.flatMap((word, i) => [[word, firstWord + i] as const, [` ${word}`, firstSpacedWord + i] as const]),
);
const wordBytes = [...words, ...words.map((word) => ` ${word}`)].map(utf8);

/** A tokenizer without a model: common words are tokens, everything else is bytes. Every text round-trips. */
export const scriptedTokenizer = {
  controlTokens,
  vocabularySize: firstSpacedWord + words.length,

  tokenize(text: string, special: boolean): Int32Array {
    const ids: number[] = [];
    const pieces = special ? text.split(/(<\|im_start\|>|<\|im_end\|>)/) : [text];
    for (const piece of pieces) {
      const control = special ? controlId.get(piece) : undefined;
      if (control === undefined) pushText(ids, piece);
      else ids.push(control);
    }
    return Int32Array.from(ids);
  },

  /** The bytes of a token; none for control tokens, as in a real engine. */
  bytesOf(id: number): Uint8Array {
    if (id < firstControl) return Uint8Array.of(id);
    return wordBytes[id - firstWord] ?? nothing;
  },

  /** The text of tokens, control tokens included. */
  textOf(ids: Int32Array): string {
    const parts = [...ids].map((id) => {
      const control = controlTokens[id - firstControl];
      return control === undefined ? scriptedTokenizer.bytesOf(id) : utf8(control);
    });
    return fromUtf8(Buffer.concat(parts));
  },

  /** The token of a word, with its leading space unless it is the first. */
  wordToken(index: number, position: "first" | "later"): number {
    return (position === "first" ? firstWord : firstSpacedWord) + (index % words.length);
  },
};

function pushText(ids: number[], text: string): void {
  for (const piece of text.match(/ ?[a-z]+|[^a-z ]+| /g) ?? []) {
    const word = wordId.get(piece);
    if (word === undefined) ids.push(...utf8(piece));
    else ids.push(word);
  }
}
