import { keeperCommand } from './run/keeper.ts';

const args = process.argv.slice(2);
if (args[0] === keeperCommand) {
  const { keep } = await import('./run/keep.ts');
  await keep();
} else {
  const { runProgram } = await import('./program.ts');
  process.exitCode = await runProgram(args);
}
process.exit();
