export { defaultSocketsFolder, socketComponents, type SocketComponentsOptions } from './use/socket-components.ts';
