import type { Position } from './resource.ts';

/** Something wrong in a file: where, and what, with the way to mend it. */
export interface Problem extends Partial<Position> {
  /** `Component "statestore"`; absent when the file as a whole is meant. */
  readonly resource?: string;
  /** What is wrong and what would be right; never a secret. */
  readonly message: string;
}

/** `components/store.yaml:7: Component "statestore": spec.type is missing` */
export function describeProblem({ file, line, resource, message }: Problem): string {
  const place = file === undefined ? [] : [line === undefined ? file : `${file}:${line}`];
  return [...place, ...(resource === undefined ? [] : [resource]), message].join(': ');
}

interface ResourceErrorOptions extends ErrorOptions {
  /** Default: `false`. */
  readonly isTemporary?: boolean;
}

/** The start cannot go on. Its message lists every problem that was found, one a line; a process shows it and exits with 1. */
export class ResourceError extends Error {
  readonly problems: readonly Problem[];
  /** Nothing in the files is wrong: something that they name is away, and the same may do later. */
  readonly isTemporary: boolean;

  constructor(problems: readonly Problem[], { isTemporary = false, ...options }: ResourceErrorOptions = {}) {
    super(problems.map(describeProblem).join('\n'), options);
    this.name = 'ResourceError';
    this.problems = problems;
    this.isTemporary = isTemporary;
  }
}

/** Collects what is wrong, so that one start shows all of it. */
export class Problems {
  readonly errors: Problem[] = [];
  readonly warnings: Problem[] = [];

  error(problem: Problem): void {
    this.errors.push(problem);
  }

  warn(problem: Problem): void {
    this.warnings.push(problem);
  }

  /** @throws ResourceError when there is any error */
  throwIfAny(): void {
    if (this.errors.length > 0) throw new ResourceError(this.errors.toSorted(byPosition));
  }
}

function byPosition(a: Problem, b: Problem): number {
  const [fileA = '', fileB = ''] = [a.file, b.file];
  if (fileA !== fileB) return fileA < fileB ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0);
}
