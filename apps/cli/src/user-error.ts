/** Something the user has to mend: its message is shown on a line of its own, without a stack trace, and the command exits with 1. */
export class UserError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UserError';
  }
}
