import { describe, it } from 'vitest';

/**
 * Registers `suite` with the address that the environment variable holds. Where it is not set, the suite is skipped with one
 * line that says so and how to start the backend; in CI (`CI=true`) that is a failure, so that nothing is left out unseen.
 *
 * @example
 * requireBackend('OUTRIGGER_TEST_REDIS', 'redis-server, then OUTRIGGER_TEST_REDIS=127.0.0.1:6379', (redisHost) => {
 *   stateStoreConformance(() => create({ redisHost }));
 * });
 */
export function requireBackend(variable: string, howToStart: string, suite: (address: string) => void): void {
  const address = process.env[variable];
  if (address !== undefined && address !== '') {
    suite(address);
    return;
  }
  const reason = `${variable} is not set. To run these tests: ${howToStart}`;
  describe(`with ${variable}`, () => {
    it('has a backend to talk to', ({ skip }) => {
      if (/^(1|true)$/i.test(process.env['CI'] ?? '')) throw new Error(reason);
      process.stderr.write(`skipped: ${reason}\n`);
      skip(reason);
    });
  });
}
