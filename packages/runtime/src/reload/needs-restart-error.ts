import { ResourceError } from '../resources/problems.ts';

/** What the resources ask for cannot be done while the runtime lives: to try it again is of no use. */
export class NeedsRestartError extends ResourceError {}
