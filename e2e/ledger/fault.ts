import type { Stage } from './stage.ts';

/** How long and how often. */
export interface Extent {
  readonly messages: number;
  /** How long the network is cut, or a broker is frozen or locked. */
  readonly cutMs: number;
  /** How long a broker that was killed stays away. */
  readonly downMs: number;
  /** How often what can be repeated is. */
  readonly rounds: number;
  /** How long an app hangs: longer than every timeout of the component and of the policy. */
  readonly hangMs: number;
  /** How long nothing may come before what has not come is lost. */
  readonly patienceMs: number;
  /** How long nothing may come before no more duplicates are waited for. */
  readonly settleMs: number;
}

/** 10,000 messages unless said otherwise. */
export const long: Extent = {
  messages: 10_000,
  cutMs: 20_000,
  downMs: 3_000,
  rounds: 3,
  hangMs: 10_000,
  patienceMs: 60_000,
  settleMs: 4_000,
};

/** The shortest that still means something. */
export const short: Extent = {
  messages: 420,
  cutMs: 3_500,
  downMs: 500,
  rounds: 1,
  hangMs: 4_000,
  patienceMs: 30_000,
  settleMs: 500,
};

const faultNames = ['none', 'broker', 'kill', 'redeploy', 'rolling', 'rebalance', 'network', 'app'] as const;
export type FaultName = (typeof faultNames)[number];

export interface Fault {
  readonly name: FaultName;
  readonly what: string;
  /** Of the subscriber, when it begins. */
  readonly replicas: number;
  /** How long it takes, about: messages are published all the while. */
  readonly lengthMs: (extent: Extent) => number;
  /** The most duplicates that it excuses. Absent: any number. */
  readonly duplicates?: number;
  inject(stage: Stage, extent: Extent): Promise<void>;
}

export const faults: readonly Fault[] = [
  {
    name: 'none',
    what: 'nothing happens',
    replicas: 1,
    lengthMs: () => 1_000,
    duplicates: 0,
    inject: async () => {},
  },
  {
    name: 'broker',
    what: 'kill -9 of the broker (where it keeps nothing: frozen; a file: its lock held), and its return',
    replicas: 1,
    lengthMs: ({ cutMs, rounds }) => cutMs + rounds * 5_000,
    inject: async (stage, { downMs, cutMs, rounds }) => {
      const killed = stage.outageKind === 'kill -9';
      for (let round = 0; round < (killed ? rounds : 1); round++) {
        const outage = await stage.outage();
        try {
          await stage.pause(killed ? downMs : cutMs);
        } finally {
          await outage.end();
        }
        await stage.progress(20);
      }
    },
  },
  {
    name: 'kill',
    what: "kill -9 of the subscriber's sidecar, and its restart",
    replicas: 1,
    lengthMs: ({ rounds }) => rounds * 4_000,
    inject: async (stage, { rounds, downMs }) => {
      for (let round = 0; round < rounds; round++) {
        await stage.progress(20);
        await stage.first.stopSidecar('SIGKILL');
        await stage.pause(downMs / 2);
        await stage.first.startSidecar();
      }
    },
  },
  {
    name: 'redeploy',
    what: "SIGTERM of the subscriber's sidecar under load, and its restart",
    replicas: 1,
    lengthMs: ({ rounds }) => rounds * 3_000,
    duplicates: 0,
    inject: async (stage, { rounds }) => {
      for (let round = 0; round < rounds; round++) {
        await stage.progress(20);
        await stage.first.stopSidecar('SIGTERM');
        await stage.first.startSidecar();
      }
    },
  },
  {
    name: 'rolling',
    what: 'two replicas, replaced one after the other, the new one first',
    replicas: 2,
    lengthMs: ({ rounds }) => rounds * 6_000,
    duplicates: 0,
    inject: async (stage, { rounds }) => {
      let running = [...stage.replicas];
      for (let round = 0; round < rounds; round++) {
        for (const old of running) {
          const fresh = await stage.join();
          await stage.progress(10);
          await stage.leave(old);
          running = [...running.filter((replica) => replica !== old), fresh];
        }
      }
    },
  },
  {
    name: 'rebalance',
    what: 'a second replica joins and leaves again and again while one message keeps failing',
    replicas: 1,
    lengthMs: ({ rounds }) => rounds * 6_000,
    inject: async (stage, { rounds, settleMs }) => {
      stage.behaviour.set({ stuck: true });
      await stage.untilStuck();
      for (let round = 0; round < rounds + 1; round++) {
        const second = await stage.join();
        await stage.pause(settleMs);
        await stage.leave(second);
        await stage.pause(settleMs / 2);
      }
      stage.behaviour.set({ stuck: false });
    },
  },
  {
    name: 'network',
    what: 'the network between sidecars and broker is cut',
    replicas: 1,
    lengthMs: ({ cutMs }) => cutMs + 3_000,
    inject: async (stage, { cutMs }) => {
      await stage.network.cut();
      await stage.pause(cutMs);
      await stage.network.mend({ reset: true });
      await stage.progress(20);
      // and one so short that the connections outlive it
      await stage.network.cut();
      await stage.pause(1_000);
      await stage.network.mend();
    },
  },
  {
    name: 'app',
    what: 'the app hangs, dies, answers 500, answers garbage, dies, and comes back',
    replicas: 1,
    lengthMs: ({ hangMs, downMs }) => hangMs + 3 * downMs,
    inject: async (stage, { hangMs, downMs }) => {
      stage.behaviour.set({ mode: 'hang' });
      await stage.pause(hangMs);
      await stage.first.killApp();
      await stage.pause(downMs);
      stage.behaviour.set({ mode: 'fail' });
      await stage.first.startApp();
      await stage.pause(downMs);
      stage.behaviour.set({ mode: 'garbage' });
      await stage.pause(downMs);
      await stage.first.killApp();
      stage.behaviour.set({ mode: 'ok' });
      await stage.first.startApp();
    },
  },
];
