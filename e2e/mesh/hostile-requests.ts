/** A request as it goes over the wire. */
export interface HostileRequest {
  readonly name: string;
  /** Request line without the version. */
  readonly line: string;
  readonly headers?: readonly string[];
}

/** Ways to write `admin` that something on the way may take for it. */
const admins = [
  'admin',
  'ADMIN',
  'aDmIn',
  '%61dmin',
  '%41DMIN',
  'adm%69n',
  'adm%2569n',
  'adm%252569n',
  'admin/',
  'admin//',
  'admin/.',
  'admin/./',
  'admin/x/..',
  'admin.',
  'admin..',
  'admin%2e',
  'admin%20',
  'admin%09',
  'admin%00',
  'admin%2500',
  'admin%00.png',
  'admin;x=1',
  'admin;/keys',
  'admin%3Bx',
  'admin%3Fx',
  'admin%253Fx',
  'admin%23x',
  'admin%2523x',
  'admin?x=/public',
  'admin?',
  String.raw`admin\keys`,
  'admin%5Ckeys',
  'admin%255Ckeys',
  'admin%2Fkeys',
  'admin%252Fkeys',
  'admin%25252Fkeys',
  '%EF%BD%81dmin',
  '%EF%BC%A1dmin',
  '%C1%A1dmin',
  '%E0%81%A1dmin',
  'a%CC%81dmin',
  'ad%E2%80%8Bmin',
  'adm%C4%B1n',
  'adm%C4%B0n',
  'admin%0d%0a',
  'admin%zz',
  'admin%',
  'admin%u0041',
];

/** Ways out of `public`, which is allowed, to `admin`, which is not. */
const climbs = [
  '../',
  '..%2f',
  '..%2F',
  '%2e%2e/',
  '%2e%2e%2f',
  '.%2e/',
  '%2e./',
  '%252e%252e%252f',
  '%252e%252e/',
  '..%252f',
  '..%25252f',
  '..;/',
  '..;x=1/',
  '..%3b/',
  String.raw`..\ `.trim(),
  '..%5c',
  '..%255c',
  './../',
  'x/../../',
  'x//../../',
  '%2e%2e%5c',
  '%c0%ae%c0%ae/',
  '%c0%ae%c0%ae%c0%af',
  '%e0%80%ae%e0%80%ae/',
  '..%c0%af',
  '%ef%bc%8e%ef%bc%8e/',
  '..%ef%bc%8f',
  '%e2%80%a5/',
  '%e2%80%a4%e2%80%a4/',
  '..%00/',
  '..%2500/',
  '..%0a/',
  '..%20/',
  '.../',
  '....//',
  '..././',
];

const invoke = '/v1.0/invoke/orders/method';

const written = admins.flatMap((admin) => [`${invoke}/${admin}`, `${invoke}//${admin}`, `${invoke}/./${admin}`]);
const climbed = climbs.flatMap((climb) => [`${invoke}/public/${climb}admin`, `${invoke}/public/${climb}admin/keys`]);
const elsewhere = [
  '/v1.0/invoke/orders/method/public/x/../../admin',
  '/v1.0/invoke/orders/method%2Fadmin',
  '/v1.0/invoke/orders%2Fmethod%2Fadmin',
  '/v1.0/invoke/orders/./method/admin',
  '/v1.0/invoke/x/../orders/method/admin',
  '/v1.0//invoke/orders/method/admin',
  '//v1.0/invoke/orders/method/admin',
  '/V1.0/invoke/orders/method/admin',
  '/v1.0/invoke/ORDERS/method/admin',
  '/v1.0/invoke/orders./method/admin',
  '/v1.0/invoke/orders.default/method/admin',
  '/v1.0/invoke/orders%2edefault/method/admin',
  '/v1.0/invoke/orders%00/method/admin',
  '/v1.0/invoke/orders.default.svc/method/admin',
  'http://orders/v1.0/invoke/orders/method/admin',
  'http://127.0.0.1/v1.0/invoke/orders/method/public/../admin',
];

const smuggled: readonly HostileRequest[] = [
  ['the app id of another', ['dapr-caller-app-id: trusted']],
  ['it twice', ['dapr-caller-app-id: shop', 'dapr-caller-app-id: trusted']],
  ['it in capitals', ['DAPR-CALLER-APP-ID: trusted']],
  ['a namespace', ['dapr-caller-namespace: trusted', 'dapr-caller-app-id: trusted']],
  ['a callee', ['dapr-callee-app-id: trusted']],
  ['another path', ['x-original-url: /public/x', 'x-rewrite-url: /public/x']],
  ['another verb', ['x-http-method-override: OPTIONS']],
  ['a forwarded identity', ['x-forwarded-client-cert: URI=spiffe://public/ns/default/trusted']],
  ['pseudo headers', [':path: /public/x']],
  ['two lengths', ['content-length: 0', 'content-length: 5']],
  ['a length and chunks', ['content-length: 4', 'transfer-encoding: chunked']],
  ['a target of its own', ['dapr-app-id: trusted']],
].map(([name, headers]) => ({
  name: `headers that bring ${String(name)}`,
  line: `GET ${invoke}/admin`,
  headers: headers as readonly string[],
}));

const verbs: readonly HostileRequest[] = [
  'HEAD',
  'OPTIONS',
  'PUT',
  'PATCH',
  'DELETE',
  'TRACE',
  'PROPFIND',
  'get',
  'XYZ',
].map((verb) => ({ name: `the verb ${verb}`, line: `${verb} ${invoke}/admin` }));

/** By the header that names the app, the path is the method itself. */
const byHeader: readonly HostileRequest[] = [
  '/admin',
  '//admin',
  '/public/../admin',
  '/public/%2e%2e/admin',
  'http://x/admin',
].map((path) => ({ name: `${path} with dapr-app-id`, line: `GET ${path}`, headers: ['dapr-app-id: orders'] }));

/** More than two hundred requests that try to reach `/admin` of the app `orders`. */
export const hostileRequests: readonly HostileRequest[] = [
  ...[...written, ...climbed, ...elsewhere].map((path) => ({ name: path, line: `GET ${path}` })),
  ...smuggled,
  ...verbs,
  ...byHeader,
];
