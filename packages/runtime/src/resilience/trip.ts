import { type CircuitCounts, errorMessage } from '@outrigger/core';

/**
 * Compiles a breaker's `trip`: CEL over the counts. Rejects with what is wrong for one that does not compile. An expression
 * that fails when it is evaluated, or gives no boolean, does not trip.
 */
export async function compileTrip(source: string): Promise<(counts: CircuitCounts) => boolean> {
  // Imported here because most breakers have no expression.
  const { Environment } = await import('@marcbachmann/cel-js');
  const environment = new Environment();
  for (const name of countNames) environment.registerVariable(name, 'int');
  const program = environment.parse(source);
  const { valid, type, error } = program.check();
  if (!valid) throw error ?? new Error('it does not type-check');
  if (type !== 'bool' && type !== 'dyn') throw new Error(`it gives ${type}, not a boolean`);
  return (counts) => {
    try {
      return program(Object.fromEntries(countNames.map((name) => [name, BigInt(counts[name])]))) === true;
    } catch {
      return false;
    }
  };
}

/** The first line of what CEL says; the rest draws the expression. */
export function tripProblem(source: string, error: unknown): string {
  return `trip \`${source}\` is not a valid CEL expression over ${countNames.join(', ')}: ${errorMessage(error).split('\n')[0]}`;
}

const countNames = [
  'requests',
  'totalSuccesses',
  'totalFailures',
  'consecutiveSuccesses',
  'consecutiveFailures',
] as const;
