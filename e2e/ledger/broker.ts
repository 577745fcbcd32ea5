import type { FaultName } from './fault.ts';
import type { LaneName } from './message.ts';

/** Something that goes on until it is ended. */
export interface Outage {
  end(): Promise<void>;
}

/** Where the broker of a run is. */
export interface Place {
  /** `host:port` that the component is to use; empty where there is no server. */
  readonly address: string;
  /** What `e2e/backends/up.sh` exported. */
  readonly variables: Readonly<Record<string, string>>;
  /** A folder of the broker's own for as long as it is used. */
  readonly folder: string;
  /** The server, where there is one. */
  readonly server: { kill(): void; up(): Promise<unknown>; freeze(): void; thaw(): void } | undefined;
}

interface Lane {
  /** Metadata of the component beside what all lanes have. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Metadata of the subscription. */
  readonly subscribe?: Readonly<Record<string, string>>;
  /** The faults through which the order of a key's messages is promised; `all` is every one of them. Absent: it never is. */
  readonly order?: 'all' | readonly FaultName[];
}

/** All that the ledger knows of a broker. */
export interface Broker {
  readonly name: string;
  /** Of the component. */
  readonly type: string;
  /** A name of `e2e/backends/servers`; absent for one without a server. */
  readonly server?: string;
  /** Environment variables for the script that starts the server. */
  readonly serverSettings?: Readonly<Record<string, string>>;
  /** Metadata of the component in all lanes. Times after which it tries again are short, so that a run is. */
  readonly metadata: (place: Place) => Readonly<Record<string, string>>;
  readonly lanes: Readonly<Record<LaneName, Lane>>;
  /** The metadata of a message that says within what its order is kept. Default: `partitionKey`. */
  readonly keyMetadata?: string;
  /** Where a proxy goes that the network can be cut with. Absent: there is no network. */
  readonly network?: (place: Place) => { readonly host: string; readonly port: number; readonly listenPort?: number };
  /** Makes the broker go away, as roughly as it can be without losing what it has. */
  readonly outage: {
    readonly what: 'kill -9' | 'freeze' | 'lock';
    begin(place: Place): Promise<Outage>;
  };
}

/** A network to the very address of the server. */
export const direct: NonNullable<Broker['network']> = ({ address }) => {
  const [host = '', port = ''] = address.split(':');
  return { host, port: Number(port) };
};

/** `kill -9`, and a restart at the end. */
export const killed: Broker['outage'] = {
  what: 'kill -9',
  begin: async ({ server }) => {
    server?.kill();
    return {
      end: async () => {
        await server?.up();
      },
    };
  },
};

/** SIGSTOP and SIGCONT, for a server that keeps nothing over a restart. */
export const frozen: Broker['outage'] = {
  what: 'freeze',
  begin: async ({ server }) => {
    server?.freeze();
    return { end: async () => server?.thaw() };
  },
};
