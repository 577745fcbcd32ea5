/**
 * `node:http` without the price of importing it as an ES module: that reads every export, and some of them load Node's whole
 * fetch implementation, which takes longer than the rest of the start.
 */
export const { createServer, METHODS, STATUS_CODES } = process.getBuiltinModule('node:http');
