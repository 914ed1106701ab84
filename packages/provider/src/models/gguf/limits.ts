/** What a GGUF header may claim. Real models stay below a tenth of each; a hostile file is refused before memory or time is spent on it. */
export const GGUF_LIMITS = {
  /** Metadata and tensor descriptions together. The largest vocabularies in use take about 20 MiB. */
  header_bytes_max: 128 * 1024 * 1024,
  metadataEntries_max: 16_384,
  tensors_max: 65_536,
  key_bytes_max: 1024,
  tensorName_bytes_max: 256,
  /** A chat template or a licence text. */
  string_bytes_max: 1024 * 1024,
  /** All strings that are kept, together. */
  keptStrings_bytes_max: 8 * 1024 * 1024,
  /** Longer arrays (vocabularies, merges) are passed over; only their length is kept. */
  keptArray_items_max: 4096,
  /** Items of all lists that are kept, together. */
  keptItems_max: 262_144,
  arrayDepth_max: 2,
  /** As in ggml. */
  dimensions_max: 4,
  alignment_bytes_max: 65_536,
  splits_max: 999,
  /** How much is read at once. */
  window_bytes: 256 * 1024,
  layers_max: 4096,
} as const;
