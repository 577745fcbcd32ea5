import { Availability } from './availability.ts';

/** A component's instance whose calls are counted, so that it can be closed when nobody is in one of them. */
export interface Counted<T> {
  readonly instance: T;
  /** Resolves once no call is under way. */
  readonly idle: () => Promise<void>;
  /** Follows how the calls end. */
  readonly availability: Availability;
}

type Method = (...args: unknown[]) => unknown;

/**
 * Stands in for `instance`, with the same members. A call counts until its promise is settled; disposal does not count. The members
 * are looked up here once: a call costs two callbacks and no look-up.
 */
export function countCalls<T extends object>(instance: T): Counted<T> {
  let underWay = 0;
  let waiting: PromiseWithResolvers<void> | undefined;
  const ended = (): void => {
    if (--underWay > 0) return;
    waiting?.resolve();
    waiting = undefined;
  };
  const availability = new Availability();
  const worked = (): void => {
    availability.worked();
    ended();
  };
  const failed = (error: unknown): void => {
    availability.failed(error);
    ended();
  };
  const counted =
    (method: Method): Method =>
    (...args) => {
      underWay++;
      let answer: unknown;
      try {
        answer = method.apply(instance, args);
      } catch (error) {
        ended();
        throw error;
      }
      if (answer instanceof Promise) answer.then(worked, failed);
      else ended();
      return answer;
    };
  const standIn = {};
  for (const [key, descriptor] of membersOf(instance)) {
    const isAccessor = descriptor.get !== undefined;
    // read as a caller does: an instance may itself be a stand-in (a `Proxy`) that has another method there
    const value: unknown = isAccessor ? undefined : Reflect.get(instance, key, instance);
    const isMethod = typeof value === 'function' && key !== Symbol.asyncDispose;
    Object.defineProperty(
      standIn,
      key,
      isMethod
        ? { value: counted(value as Method), enumerable: true }
        : { get: () => readThrough(instance, key, isAccessor ? counted : undefined), enumerable: true },
    );
  }
  return {
    instance: standIn as T,
    availability,
    idle: () => (underWay === 0 ? Promise.resolve() : (waiting ??= Promise.withResolvers<void>()).promise),
  };
}

function readThrough(instance: object, key: PropertyKey, counted: ((method: Method) => Method) | undefined): unknown {
  const value: unknown = Reflect.get(instance, key, instance);
  if (typeof value !== 'function') return value;
  const method = value as Method;
  return counted === undefined ? method.bind(instance) : counted(method);
}

/** Of the instance and its classes, the nearest first, each name once. */
function membersOf(instance: object): ReadonlyMap<PropertyKey, PropertyDescriptor> {
  const members = new Map<PropertyKey, PropertyDescriptor>();
  for (
    let at: object | null = instance;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object | null
  ) {
    for (const [key, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (key !== 'constructor' && !members.has(key)) members.set(key, descriptor);
    }
    for (const key of Object.getOwnPropertySymbols(at)) {
      const descriptor = Object.getOwnPropertyDescriptor(at, key);
      if (descriptor !== undefined && !members.has(key)) members.set(key, descriptor);
    }
  }
  return members;
}
