import { Child } from '../processes/child.ts';

/** One line that a client program prints for a check. */
interface Report {
  readonly check: string;
  readonly ok: boolean;
  readonly detail?: string;
}

/** A client program that runs checks one after the other and prints a line of JSON for each. */
export class ReportingProgram extends Child {
  /**
   * Resolves once the program has reported that the check holds. Rejects with what it says when it does not, and with all its
   * output when it ends, or says nothing for `timeoutMs`, before; then it is ended, so that what is left fails at once.
   */
  async holds(check: string, timeoutMs: number): Promise<void> {
    // written by a JSON library of another language: with or without blanks, in any order
    const line = new RegExp(
      `^\\{.*"check": ?${JSON.stringify(check).replaceAll(/[.*+?^$()|[\]\\/]/g, '\\$&')}[,}].*$`,
      'm',
    );
    let report: Report;
    try {
      report = JSON.parse((await this.line(line, timeoutMs))[0]) as Report;
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
    if (!report.ok) throw new Error(report.detail ?? 'no detail');
  }
}
