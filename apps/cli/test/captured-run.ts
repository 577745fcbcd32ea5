import { vi } from 'vitest';
import { runProgram } from '../src/program.ts';

export interface CapturedRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in this process, and hands back what it writes. Not two at a time. */
export async function capturedRun(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CapturedRun> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((part) => {
      written[name] += typeof part === 'string' ? part : Buffer.from(part).toString();
      return true;
    }),
  );
  try {
    return { code: await runProgram(args, env), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
