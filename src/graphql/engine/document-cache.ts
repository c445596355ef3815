// Parsed documents by their text.
import { LRUCache } from 'lru-cache';

/**
 * A cache of parsed documents by their text. Its limit is the total length of the texts, because a parsed document
 * takes up to 250 times as much memory as its text. Long texts are not cached at all: they contain inline values, which
 * must not stay in memory, and any client could fill the memory with them. Trusted documents are never evicted.
 */
export function documentCache<T extends object>(trusted: ReadonlySet<string> = new Set()) {
  const trustedEntries = new Map<string, T>();
  const cache = new LRUCache<string, T>({
    maxSize: 128 * 1024,
    maxEntrySize: 8 * 1024,
    sizeCalculation: (_, text) => text.length + 1,
    ttl: 3_600_000,
    // The default is 1 ms, and lru-cache starts a timer each time it reads the clock.
    ttlResolution: 60_000,
  });
  const cacheFor = (text: string) => (trusted.has(text) ? trustedEntries : cache);
  return {
    get: (text: string) => cacheFor(text).get(text),
    set: (text: string, entry: T) => void cacheFor(text).set(text, entry),
  };
}
