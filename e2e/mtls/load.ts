import type { Sidecar } from '../processes/sidecar.ts';

export interface LoadOptions {
  /** Whose API is called. */
  readonly caller: Sidecar;
  /** Whose app answers. */
  readonly appId: string;
  /** Milliseconds. */
  readonly duration: number;
  /** Calls under way at a time. */
  readonly connections: number;
}

export interface LoadResult {
  readonly calls: number;
  /** What each failed call was answered, or failed with. */
  readonly failures: readonly string[];
}

/** Calls without a pause, with POSTs that nobody repeats of himself, and counts what fails. */
export async function callUnderLoad({ appId, caller, connections, duration }: LoadOptions): Promise<LoadResult> {
  const end = Date.now() + duration;
  const failures: string[] = [];
  let calls = 0;
  const callOn = async (): Promise<void> => {
    while (Date.now() < end) {
      const number = ++calls;
      try {
        const answer = await caller.post(`/v1.0/invoke/${appId}/method/echo`, { number });
        const text = await answer.text();
        if (answer.status !== 200 || !text.includes(`\\"number\\":${number}}`))
          failures.push(`${answer.status}: ${text}`);
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, callOn));
  return { calls, failures };
}
