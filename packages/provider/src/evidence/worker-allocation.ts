/**
 * How the C library is to hand memory to a worker (mallopt(3)). llama.cpp works on several threads, each of which would get an arena of its own
 * that gives nothing back, and what models took would be handed out in pieces to everything else once they are gone: with loads and unloads
 * the worker grew by 7 MB in every 30 requests. With one arena for all, and large pieces always mapped and unmapped by themselves, it does
 * not grow. The values are as large as they can be: what a step takes and gives back should not cost a system call.
 */
export const WORKER_ALLOCATION: Readonly<Record<string, string>> =
  process.platform === "linux"
    ? { MALLOC_ARENA_MAX: "1", MALLOC_MMAP_THRESHOLD_: String(4 * 2 ** 20), MALLOC_TRIM_THRESHOLD_: String(16 * 2 ** 20) }
    : {};
