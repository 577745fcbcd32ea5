// A process of its own that registers one instance and stays until it is killed: node sidecar.ts <file> <instance as JSON>
import { parseMetadata, silentLogger, type AppInstance } from '@outrigger/core';
import definition from '../src/index.ts';

const [file = '', instance = ''] = process.argv.slice(2);
const { signal } = new AbortController();
const properties = { connectionString: file, updateInterval: '2s' };
const { values: metadata } = parseMetadata(definition.metadata, properties);
const context = { name: '', appId: 'x', namespace: '', logger: silentLogger, signal };
const resolver = await definition.create({ ...context, metadata, properties });
await resolver.register?.(JSON.parse(instance) as AppInstance, signal);
process.stdout.write('registered\n');
process.stdin.resume();
