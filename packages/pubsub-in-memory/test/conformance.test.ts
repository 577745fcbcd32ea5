import { pubSubConformance } from '@outrigger/conformance/pubsub';
import { InMemoryPubSub } from '../src/in-memory-pubsub.ts';

pubSubConformance(async () => new InMemoryPubSub(64 * 1024 * 1024), { isolated: true, overtakesFailed: true });
