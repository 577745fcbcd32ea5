import { likeMatcher } from '@outrigger/core';

interface Node<T> {
  /** One segment with its slash: `/orders`, `/op*`, `/*` or `/**`. */
  readonly segment: string;
  /** Absent: the segment stands for itself. */
  readonly matches: ((segment: string) => boolean) | undefined;
  readonly children: Node<T>[];
  value: T | undefined;
}

const anyLast = '/*';
const anyDepth = '/**';

/**
 * Finds what applies to a path among patterns, as Dapr's access control does. At each segment the first pattern in the order of
 * their adding decides, and there is no way back from it:
 *
 * - `/a` is `/a` and all below it, and so is `/op*` for every segment that begins so;
 * - `/a/*` is one more segment, `/a/**` any number of them, and each is `/a` itself where that is not a pattern of its own.
 */
export class OperationTree<T> {
  readonly #root = newNode<T>('/');

  /** A pattern that is there already keeps its value. */
  add(pattern: string, value: T): void {
    let node = this.#root;
    for (const segment of segmentsOf(pattern)) {
      let child = node.children.find((one) => one.segment === segment);
      if (child === undefined) node.children.push((child = newNode(segment)));
      node = child;
    }
    node.value ??= value;
  }

  /** @param path normalised, with its leading slash */
  find(path: string): T | undefined {
    let node: Node<T> | undefined = this.#root;
    const segments = segmentsOf(path);
    for (const [index, segment] of segments.entries()) {
      const isLast: boolean = index === segments.length - 1;
      node = childFor(node, segment, isLast);
      if (node === undefined) return undefined;
      if (node.value !== undefined) return node.value;
      if (isLast) return childFor(node, anyLast, true)?.value;
    }
    return undefined;
  }
}

function newNode<T>(segment: string): Node<T> {
  const isPattern = segment.includes('*') && segment !== anyLast && segment !== anyDepth;
  return { segment, matches: isPattern ? matcherOf(segment) : undefined, children: [], value: undefined };
}

/** `*` stands for any characters, also none. */
function matcherOf(segment: string): (text: string) => boolean {
  return likeMatcher(segment.replaceAll(/[%_\\]/g, String.raw`\$&`).replaceAll('*', '%'));
}

function childFor<T>(node: Node<T>, segment: string, isLast: boolean): Node<T> | undefined {
  return node.children.find((child) => {
    if (child.segment === segment || child.segment === anyDepth) return true;
    if (child.segment === anyLast) return isLast;
    return child.matches?.(segment) ?? false;
  });
}

/** Each with its slash. */
function segmentsOf(path: string): string[] {
  return path
    .split('/')
    .slice(1)
    .map((segment) => `/${segment}`);
}
