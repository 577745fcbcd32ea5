import { stateStoreConformance } from '@outrigger/conformance/state';
import { InMemoryStateStore } from '../src/in-memory-state-store.ts';

stateStoreConformance(async () => new InMemoryStateStore(), { isolated: true });
