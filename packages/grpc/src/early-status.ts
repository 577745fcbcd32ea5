/**
 * The status of an answer that is one message, ahead of that message. gRPC has it in trailers, which Node.js sends in a write of
 * their own: half of all the writes and reads of a short call. A client of ours asks for it by this header; a server of ours then
 * answers with it where a call went well, and sends no trailers. Others know neither, and go on as gRPC has it.
 */
export const earlyStatus = 'outrigger-early-status';
