import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How much this process holds after everything that is not used any more is freed, in bytes: heap and buffers outside of it. */
export function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
