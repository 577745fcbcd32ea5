/** What differs between the stores: where each is, and the component that stands for it. */
export interface BenchStore {
  readonly name: string;
  /** Where the server is, as `e2e/backends/up.sh` says it. */
  readonly variable: string;
  /** The Component's spec, for a server at the address. */
  readonly component: (address: string) => {
    readonly type: string;
    readonly version: string;
    readonly metadata: Readonly<Record<string, string>>;
  };
}

export const stores: readonly BenchStore[] = [
  {
    name: 'redis',
    variable: 'OUTRIGGER_TEST_REDIS',
    component: (redisHost) => ({ type: 'state.redis', version: 'v1', metadata: { redisHost } }),
  },
  {
    name: 'postgres',
    variable: 'OUTRIGGER_TEST_POSTGRES',
    component: (address) => ({
      type: 'state.postgresql',
      version: 'v2',
      metadata: { connectionString: `postgres://postgres@${address}/postgres?sslmode=disable`, maxConns: '10' },
    }),
  },
];
