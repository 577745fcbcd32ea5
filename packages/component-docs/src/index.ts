export { componentDocs } from './component-docs.ts';
export { type GeneratedFiles, staleFiles, writeFiles } from './generated-files.ts';
