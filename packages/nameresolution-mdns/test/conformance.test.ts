import { nameResolverConformance } from '@outrigger/conformance/name-resolution';
import { silentLogger } from '@outrigger/core';
import { describe } from 'vitest';
import { MdnsNameResolver } from '../src/mdns-name-resolver.ts';
import { hasMulticast } from './multicast.ts';

// a group apart from the sidecars of this machine; that an instance which died is forgotten takes a minute and is told in the unit tests
const port = 26_000 + (process.pid % 2000);

describe.skipIf(!hasMulticast)('multicast DNS', () => {
  nameResolverConformance(async () => new MdnsNameResolver({ port, logger: silentLogger }), {
    ignoresNamespaces: true,
  });
});
