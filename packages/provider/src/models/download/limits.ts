/** What downloads may take and how long they wait (catalog.md §17). */
export const DOWNLOAD_LIMITS = {
  /** What one request asks for; a file is fetched in parts of this size, several at once. */
  part_bytes: 64 * 1024 * 1024,
  /** How far a part may get before the journal hears of it: as much is fetched twice after a kill, for every connection. */
  record_bytes: 1024 * 1024,
  /** Requests at once, of all files of a build together. */
  connections_max: 8,
  foregroundConnections: 4,
  backgroundConnections: 1,
  /** Tries that brought nothing, one after the other, before a file is given up. Tries that made progress do not count. */
  attempts_max: 3,
  /** Before the second try, the third, …; the last one stands for all further. */
  waits_ms: [1000, 2000],
  /** Longest wait that a server may ask for. */
  retryAfter_ms_max: 300_000,
  /** Without a byte for so long, a try has failed. */
  stall_ms: 60_000,
  /** Waiting for a server's first answer. */
  answer_ms: 30_000,
  /** Room that stays free on the disk: this, or this share of what is fetched, whichever is more. */
  spareDisk_bytes: 2 ** 30,
  spareDisk_share: 0.05,
  journal_bytes_max: 64 * 1024 * 1024,
  file_bytes_max: 4 * 2 ** 40,
} as const;
