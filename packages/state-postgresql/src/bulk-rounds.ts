/**
 * Parts the requests of a bulk call into rounds, one statement for each kind in it: a round holds a key once, and no more bytes and
 * entries than one statement should carry. Each request comes with its index.
 */
export function bulkRounds<R extends { readonly key: string; readonly value?: Uint8Array }, K extends string>(
  requests: readonly R[],
  kindOf: (request: R) => K,
): Map<K, [R, number][]>[] {
  const rounds: Map<K, [R, number][]>[] = [];
  let kinds = new Map<K, [R, number][]>();
  let keys = new Set<string>();
  let bytes = 0;
  for (const [index, request] of requests.entries()) {
    const size = request.value?.byteLength ?? 0;
    if (keys.size === 0 || keys.has(request.key) || keys.size >= maxEntries || bytes + size > maxBytes) {
      kinds = new Map();
      keys = new Set();
      bytes = 0;
      rounds.push(kinds);
    }
    keys.add(request.key);
    bytes += size;
    const kind = kindOf(request);
    const entries = kinds.get(kind);
    if (entries) entries.push([request, index]);
    else kinds.set(kind, [[request, index]]);
  }
  return rounds;
}

const maxEntries = 1000;
const maxBytes = 8 * 2 ** 20;
