import type { RequestMetadata, Secret, SecretStore } from '@outrigger/core';
import type { CuttableRoute, KillableServer } from '../faults.ts';

/**
 * A connected instance; the suite disposes it. The store holds, perhaps among others, the secrets `conftestsecret` = `abcd` and
 * `secondsecret` = `efgh`, and with the feature `multiple-key-values-per-secret` also `multisecret` = `{user: u, password: p}`.
 */
export type CreateSecretStore = () => Promise<SecretStore>;

/** Where secret stores rightly differ. Data, not switches: what is absent is the strict reading of the contract. */
export interface SecretStoreQuirks {
  /** What a name that does not exist answers. Default `nothing`; `empty-value` where the backend cannot tell the two apart. */
  readonly unknownName?: 'nothing' | 'empty-value';
  /** More secrets that the store holds, their names as odd as the backend allows. */
  readonly oddSecrets?: Readonly<Record<string, Secret>>;
  /** Requests for certain versions and what they answer; `undefined` for a version that is not there. */
  readonly versions?: readonly {
    readonly name: string;
    readonly metadata: RequestMetadata;
    readonly secret: Secret | undefined;
  }[];
  /** What the instances sign in with: tokens, passwords. No error and no view of an instance may show them. */
  readonly credentials?: readonly string[];
  /** How long, in milliseconds, a call may take to fail while the server is gone. Default 15000. */
  readonly failsWithinMs?: number;
  /** How long, in milliseconds, an instance may take to work again once the server or the network is back. Default 30000. */
  readonly recoversWithinMs?: number;
  /** The store answers from memory, also while its server is gone. Default false. */
  readonly answersWithoutServer?: boolean;
  /** Without it the cases about a server that dies do not run. It has the same secrets when it is back. */
  readonly server?: KillableServer<CreateSecretStore>;
  /** Without it the cases about a network that is cut do not run. */
  readonly network?: CuttableRoute<SecretStore>;
}
