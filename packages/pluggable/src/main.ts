import { run } from './command/run.ts';

process.exitCode = await run(process.argv.slice(2));
// whatever a component may have left open must not keep a stopped process alive
process.exit();
