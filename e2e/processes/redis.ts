import { Child } from './child.ts';

/** A Redis of a test's own, which it may kill: every acknowledged write is on disk before the answer. */
export async function startRedis(port: number, folder: string): Promise<Child> {
  const flags = `--port ${port} --bind 127.0.0.1 --dir ${folder} --appendonly yes --appendfsync always`;
  const child = new Child('redis-server', [...flags.split(' '), '--save', '']);
  await child.line(/Ready to accept connections/);
  return child;
}
