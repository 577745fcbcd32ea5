import type { Policies } from './policies.ts';

/**
 * Keeps what `ask` answers until the policies are reloaded, and then asks again with the next call: that costs a comparison. A call
 * that is under way goes on with the answer it has got.
 */
export function following<T>(policies: Pick<Policies, 'generation'>, ask: () => T): () => T {
  let { generation } = policies;
  let answer = ask();
  return () => {
    if (generation !== policies.generation) {
      generation = policies.generation;
      answer = ask();
    }
    return answer;
  };
}
