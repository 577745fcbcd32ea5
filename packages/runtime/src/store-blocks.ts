import type { ComponentKind } from '@outrigger/core';

import type { ConfigurationBlock } from './blocks/configuration.ts';
import type { LockBlock } from './blocks/lock.ts';
import type { Outboxes } from './blocks/outboxes.ts';
import type { SecretsBlock } from './blocks/secrets.ts';
import type { StateBlock } from './blocks/state.ts';
import { configurationBlock, lockBlock, type RuntimeParts, secretsBlock, stateBlock } from './building-blocks.ts';

import type { Configuration } from './resources/configuration.ts';

/** The building blocks that are asked by the name of a store: made anew over the components that are there, which is cheap. */
export class StoreBlocks {
  readonly #parts: RuntimeParts;
  readonly #outboxes: Outboxes;
  readonly #configuration: () => Configuration;
  readonly configurations: ConfigurationBlock;
  #state: StateBlock;
  #secrets: SecretsBlock;
  #locks: LockBlock;

  /** Throws a ResourceError for a component that its building block cannot use. */
  constructor(parts: RuntimeParts, outboxes: Outboxes, configuration: () => Configuration) {
    this.#parts = parts;
    this.#configuration = configuration;
    this.#outboxes = outboxes;
    this.configurations = configurationBlock(parts);
    this.#state = this.#stateBlock();
    this.#secrets = secretsBlock(parts, configuration());
    this.#locks = lockBlock(parts);
  }

  get state(): StateBlock {
    return this.#state;
  }

  get secrets(): SecretsBlock {
    return this.#secrets;
  }

  get locks(): LockBlock {
    return this.#locks;
  }

  /** From now on the stores of this kind are those among the components. Throws as the constructor does, and nothing has changed. */
  follow(kind: ComponentKind): void {
    if (kind === 'state') this.#state = this.#stateBlock();
    if (kind === 'secrets') this.#secrets = secretsBlock(this.#parts, this.#configuration());
    if (kind === 'lock') this.#locks = lockBlock(this.#parts);
  }

  #stateBlock(): StateBlock {
    return stateBlock(this.#parts, { of: (store) => this.#outboxes.of(store) });
  }
}
