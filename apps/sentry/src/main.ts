import { run } from './process/run.ts';

// A bug: nobody has waited for this.
process.on('uncaughtException', (error) => {
  const more = process.env['OUTRIGGER_DEBUG'] ? error.stack : 'OUTRIGGER_DEBUG=1 before the command shows where it is';
  process.stderr.write(`outrigger-sentry: unexpected error, a bug of this command: ${error.message}\n${more}\n`);
  process.exit(70);
});
process.exitCode = await run(process.argv.slice(2), process.env);
process.exit();
