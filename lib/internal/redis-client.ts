import { misuse } from '../errors.js';
import { describe } from './options.js';

/** What is used of a client of `redis` 5 or later. Its cluster client has {@link ClusterClient} as well. */
interface NodeRedisClient extends Emitter {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  sendCommand(args: readonly string[], options?: object): Promise<unknown>;
}

interface ClusterClient extends Emitter {
  readonly isOpen: boolean;
  readonly isReady?: boolean;
  readonly masters: readonly object[];
  nodeClient(node: object): NodeRedisClient | Promise<NodeRedisClient>;
  sendCommand(key: string, isReadonly: boolean, args: readonly string[], options?: object): Promise<unknown>;
}

interface IoRedisClient extends Emitter {
  readonly status: string;
  readonly options?: { readonly autoResendUnfulfilledCommands?: boolean; readonly keyPrefix?: unknown };
  call(name: string, ...args: string[]): Promise<unknown>;
}

interface Emitter {
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
}

/** A client of the `redis` package, of its cluster client, or of `ioredis`. */
export type RedisClient = Emitter &
  (
    | {
        /** Sends a command, in `redis`. */
        sendCommand(...args: never[]): unknown;
      }
    | {
        /** Sends a command, in `ioredis`. */
        call(...args: never[]): unknown;
      }
  );

export type Send = (args: readonly string[]) => Promise<unknown>;

/** The few things that are asked of a client, whichever it is. */
export interface RedisFace {
  /** Sends one command. Where that is the rule, it concerns one key: its second or, for a script, its fourth word. */
  readonly send: Send;
  /** Whether a command must concern one key alone. */
  readonly oneKey: boolean;
  /** Called when the connection is lost: commands that wait in the client are not to be sent on the next one. */
  drop?(): void;
  isReady(): boolean;
  /** Whether a connection is on its way. A client without one that is closed refuses a command, or opens itself. */
  isComing(): boolean;
  /** Every server that keeps keys of its own, for a command that concerns no key. */
  nodes(): Promise<readonly Send[]>;
  /** The events after which the two above may answer something else. */
  readonly changes: readonly string[];
  readonly client: Emitter;
}

/** An app may have its client answer bytes: text is what is asked for here. */
const AS_TEXT = { typeMapping: undefined };

/** @throws TypeError `SESSILE_MISUSE` for what is no client, or one that changes commands or sends them again by itself */
export function faceOf(where: string, client: unknown): RedisFace {
  if (isCluster(client)) return clusterFace(client);
  if (isNodeRedis(client)) return nodeRedisFace(client);
  if (isIoRedis(client)) return ioRedisFace(where, client);
  throw misuse(`${where}: client must be a client of redis (5 or later) or of ioredis, not ${describe(client)}`);
}

function nodeRedisFace(client: NodeRedisClient): RedisFace {
  const unsent = new Unsent();
  const options = { ...AS_TEXT, timeout: undefined, abortSignal: unsent };
  const send: Send = (args) => client.sendCommand(args, options);
  return {
    client,
    send,
    oneKey: false,
    drop: () => unsent.drop(),
    isReady: () => client.isReady,
    isComing: () => client.isOpen && !client.isReady,
    nodes: async () => [send],
    changes: ['ready', 'reconnecting', 'end'],
  };
}

/**
 * The client has a time limit of its own for commands that it has not sent yet, with an AbortSignal for each, which costs
 * as much as all the rest of a command. In its place there is one signal for all, given when the connection breaks; it
 * does the little that is asked of it and is no EventTarget, whose listeners are as dear.
 */
class Unsent {
  readonly #listeners = new Set<() => void>();
  readonly aborted = false;

  addEventListener(_: 'abort', listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_: 'abort', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  drop(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}

/** One node that is lost is none of the others' matter: a command for it waits in its own client. */
function clusterFace(client: ClusterClient): RedisFace {
  const isReady = () => client.isReady ?? client.isOpen;
  return {
    client,
    oneKey: true,
    isReady,
    isComing: () => client.isOpen && !isReady(),
    send: (args) => client.sendCommand(keyIn(args), false, args, AS_TEXT),
    nodes: async () => {
      // One that is closed, or looks for them anew, knows none: that is no cluster without keys.
      if (client.masters.length === 0)
        throw new Error('The cluster client knows no masters: it is closed, or looks for them');
      const nodes = await Promise.all(client.masters.map((master) => client.nodeClient(master)));
      return nodes.map((node) => (args) => node.sendCommand(args, AS_TEXT));
    },
    changes: ['connect', 'disconnect'],
  };
}

/**
 * By default ioredis sends what was under way when a connection broke once more on the next one. The server may have
 * done it the first time: an update would be counted twice, and nothing would show it.
 */
function ioRedisFace(where: string, client: IoRedisClient): RedisFace {
  const { autoResendUnfulfilledCommands, keyPrefix } = client.options ?? {};
  if (autoResendUnfulfilledCommands !== false) {
    throw misuse(
      `${where}: client must be a Redis of ioredis made with autoResendUnfulfilledCommands: false, ` +
        'as it else repeats a write of which the answer was lost',
    );
  }
  if (keyPrefix) {
    throw misuse(`${where}: client must be made without keyPrefix, which SCAN does not know; use the option prefix`);
  }
  const send: Send = (args) => client.call(...(args as [string, ...string[]]));
  return {
    client,
    send,
    oneKey: false,
    isReady: () => client.status === 'ready',
    isComing: () => !['ready', 'wait', 'end'].includes(client.status),
    nodes: async () => [send],
    changes: ['ready', 'close', 'reconnecting', 'end'],
  };
}

function keyIn(args: readonly string[]): string {
  return (args[0]?.startsWith('EVAL') ? args[3] : args[1]) as string;
}

function isCluster(client: unknown): client is ClusterClient {
  const { masters, nodeClient, sendCommand } = fieldsOf<ClusterClient>(client);
  return Array.isArray(masters) && typeof nodeClient === 'function' && typeof sendCommand === 'function';
}

function isNodeRedis(client: unknown): client is NodeRedisClient {
  const { isReady, sendCommand, on, acquire } = fieldsOf<NodeRedisClient & { acquire: unknown }>(client);
  // The client of sentinels, whose sendCommand has other parameters.
  if (typeof acquire === 'function') return false;
  return typeof isReady === 'boolean' && typeof sendCommand === 'function' && typeof on === 'function';
}

function isIoRedis(client: unknown): client is IoRedisClient {
  const { status, call, on } = fieldsOf<IoRedisClient>(client);
  return typeof status === 'string' && typeof call === 'function' && typeof on === 'function';
}

function fieldsOf<T>(client: unknown): { readonly [Field in keyof T]?: unknown } {
  return typeof client === 'object' && client !== null ? client : {};
}
