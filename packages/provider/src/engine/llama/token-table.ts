import type { LlamaModel, Token } from "node-llama-cpp";

/** What the decode loop needs to know about a token. */
export interface TokenInfo {
  /** The bytes it adds to the text; may be part of a UTF-8 character. Empty for control tokens. */
  readonly bytes: Uint8Array;
  /** Whether it ends the generation. */
  readonly ends: boolean;
}

/** Markers that some models keep as control tokens although the chat parsers must see them. */
const visibleControlTokens: ReadonlySet<string> = new Set(["<think>", "</think>", "<tool_call>", "</tool_call>"]);

/** Tokenizers whose vocabulary does not spell tokens in a way that is read here. */
const opaqueTokenizers: ReadonlySet<string> = new Set(["bert", "rwkv"]);

const nothing = new Uint8Array(0);
const encoder = new TextEncoder();

/**
 * Looks tokens up and remembers the answers. The bytes come from the vocabulary, as in llama.cpp's `llama_token_to_piece`, which is not
 * bound to JavaScript: `detokenize` returns a string, which cannot hold half a character, and some models' clean-up drops spaces.
 */
export function createTokenTable(model: LlamaModel): (id: number) => TokenInfo {
  const table: (TokenInfo | undefined)[] = [];
  const texts = vocabularyTexts(model);
  const tokenizer = model.fileInfo.metadata.tokenizer?.ggml?.model ?? "";

  function bytesOf(token: Token): Uint8Array {
    const text = texts[token];
    if (text === undefined) return nothing;
    const attributes = model.getTokenAttributes(token);
    if (attributes.control && !visibleControlTokens.has(text)) return nothing;
    if (attributes.control || attributes.userDefined) return encoder.encode(text);
    if (opaqueTokenizers.has(tokenizer)) return encoder.encode(model.detokenize([token]));
    return singleByte(text) ?? (tokenizer === "gpt2" ? standInBytes(text) : undefined) ?? encoder.encode(text.replaceAll("\u2581", " "));
  }

  return (id) => {
    const known = table[id];
    if (known !== undefined) return known;
    const token = id as Token;
    const info = { bytes: bytesOf(token), ends: model.isEogToken(token) };
    table[id] = info;
    return info;
  };
}

/** The text of tokens, control tokens included; bytes that make up no character are replaced. */
export function textOf(model: LlamaModel, tokenInfo: (id: number) => TokenInfo, tokens: Int32Array): string {
  const texts = vocabularyTexts(model);
  const bytes = [...tokens].map((id) => {
    const isHidden = model.getTokenAttributes(id as Token).control;
    return isHidden ? encoder.encode(texts[id]) : tokenInfo(id).bytes;
  });
  return new TextDecoder().decode(Buffer.concat(bytes));
}

/** The texts of all control tokens, which a user's text must not be parsed into. */
export function controlTokenTexts(model: LlamaModel): string[] {
  const texts = vocabularyTexts(model);
  return texts.filter((text, id) => text !== "" && model.getTokenAttributes(id as Token).control);
}

export function vocabularySize(model: LlamaModel): number {
  return vocabularyTexts(model).length;
}

/** The most characters that one token can stand for. */
export function longestToken_chars(model: LlamaModel): number {
  return vocabularyTexts(model).reduce((longest, { length }) => Math.max(longest, length), 1);
}

function vocabularyTexts(model: LlamaModel): readonly string[] {
  return model.fileInfo.metadata.tokenizer?.ggml?.tokens ?? [];
}

/** SentencePiece's spelling of a token that is one byte: `<0xE2>`. */
function singleByte(text: string): Uint8Array | undefined {
  const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(text)?.[1];
  return hex === undefined ? undefined : Uint8Array.of(Number.parseInt(hex, 16));
}

/** Byte-level BPE's spelling: one character stands for each byte. */
function standInBytes(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const character of text) {
    const byte = byteOfStandIn.get(character);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** GPT-2's `bytes_to_unicode`: printable bytes stand for themselves, the others for the characters from U+0100 on. */
const byteOfStandIn: ReadonlyMap<string, number> = new Map(standIns());

function* standIns(): Generator<[string, number]> {
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    yield [String.fromCodePoint(printable ? byte : next++), byte];
  }
}
