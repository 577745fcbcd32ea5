export { type PluggableServer, servePluggable, type ServePluggableOptions } from './serve/serve-pluggable.ts';
export { defaultSocketsFolder, socketComponents, type SocketComponentsOptions } from './use/socket-components.ts';
