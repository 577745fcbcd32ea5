import { run } from './process/run.ts';

process.exitCode = await run(process.argv.slice(2), process.env);
// whatever a component may have left open must not keep a stopped sidecar alive
setTimeout(() => process.exit(), 500).unref();
