/** Milliseconds. */
export const latencyBuckets: readonly number[] = [
  1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30, 40, 50, 65, 80, 100, 130, 160, 200, 250, 300, 400, 500, 650, 800, 1000,
  2000, 5000, 10_000, 20_000, 50_000, 100_000,
];

const kib = 1024;
/** Bytes. */
export const sizeBuckets: readonly number[] = [
  ...[1, 2, 4, 16, 64, 256].map((size) => size * kib),
  ...[1, 4, 16, 64, 256].map((size) => size * kib ** 2),
  ...[1, 4].map((size) => size * kib ** 3),
];

/** Whether a histogram holds bytes; else it holds milliseconds. */
export function isSizeMetric(name: string): boolean {
  return name.endsWith('_bytes') || name.endsWith('_bytes_per_rpc');
}
