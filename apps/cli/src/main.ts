import { keeperCommand } from './run/keeper.ts';

const args = process.argv.slice(2);
// What is missed elsewhere: the keeper ends what this process has started.
process.on('uncaughtException', (error) => void endBy(error));
// Whoever read the output, such as head, has seen enough: an end like any other program's, by SIGPIPE.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(141);
});
if (args[0] === keeperCommand) {
  const { keep } = await import('./run/keep.ts');
  await keep();
} else {
  const { runProgram } = await import('./program.ts');
  process.exitCode = await runProgram(args);
}
process.exit();

/** Ends the process with the error in words. What they take is loaded only now. */
async function endBy(error: unknown): Promise<void> {
  const { failureOf } = await import('./failure.ts');
  const { text, exitCode } = failureOf(error, 'table', process.env);
  process.stderr.write(text);
  process.exit(exitCode);
}
