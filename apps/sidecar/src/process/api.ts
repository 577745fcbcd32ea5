import type { Logger } from '@outrigger/core';
import type { Runtime } from '@outrigger/runtime';

import type { HealthSource } from '../blocks/health/http.ts';
import type { MetadataSource } from '../blocks/metadata/document.ts';
import type { ShutdownControl } from '../blocks/shutdown/control.ts';

/** What the public API is made of, whichever edge serves it. */
export interface Api {
  readonly runtime: Runtime;
  readonly metadata: MetadataSource;
  readonly health: HealthSource;
  readonly control: ShutdownControl;
  /** Bytes of the longest body that goes into one message; 0: no limit. Default 4 MiB. */
  readonly maxBodySize?: number;
  /** For what no caller is told. Default: silence. */
  readonly logger?: Logger;
}
