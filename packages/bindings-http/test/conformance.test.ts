import { bindingsConformance } from '@outrigger/conformance/bindings';
import { createBinding } from './create.ts';

bindingsConformance(() => createBinding({ url: 'http://127.0.0.1:1' }));
