import { command } from './command.ts';

const { stdin, stdout } = process;
const isInteractive = stdin.isTTY && stdout.isTTY;
process.exitCode = await command(process.argv.slice(2), {
  input: stdin,
  output: stdout,
  cwd: process.cwd(),
  isInteractive,
});
