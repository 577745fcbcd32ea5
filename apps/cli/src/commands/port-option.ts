import { InvalidArgumentError } from 'commander';

/** For commander; `undefined` for what Dapr takes as "any": 0 and below. */
export function parsePort(text: string): number | undefined {
  const port = Number(text);
  if (!Number.isInteger(port) || port > 65_535) throw new InvalidArgumentError('It has to be a port, at most 65535.');
  return port > 0 ? port : undefined;
}
