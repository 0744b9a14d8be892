import express from 'express';
import session from 'express-session';
import type { Awaitable } from '../../lib/backend.js';
import { adopt } from '../../lib/backends/foreign.js';
import type { AnyStore } from '../../lib/bridge.js';
import type { SessionStore } from '../../lib/store.js';
import { httpSuite } from '../conformance/http.js';
import { type Feature, storeSuite } from '../conformance/store.js';
import { setTimeOfDay } from '../support/time-of-day.js';

/** A package whose stores are adopted, and what its stores cannot do however they are adopted. */
export interface Foreign<S extends AnyStore> {
  readonly name: string;
  /** A fresh, empty store of the package. */
  readonly open: () => Awaitable<S>;
  /** Lets go of a store that was opened. */
  readonly close?: (store: S) => Awaitable<unknown>;
  /** A store of the package whose storage fails whatever is asked of it. */
  readonly failing?: () => Awaitable<S>;
  readonly corrupt?: (store: S, sid: string) => Awaitable<unknown>;
  /** See StoreSuiteOptions. */
  readonly program?: (body: string) => string;
  /** Whether each write goes to a disk or a server, so that a thousand in a row outlast the suite's patience. */
  readonly slow?: boolean;
  readonly supports?: Partial<Record<Feature, boolean>>;
  readonly skip?: Readonly<Record<string, string>>;
  readonly skipHttp?: Readonly<Record<string, string>>;
}

const slowCases = {
  'update/parallel': 'a thousand round trips in a row may take longer than the suite waits; heals.spec.ts has fewer',
  'failure/emitted':
    'the failure of a server may come after the suite has looked; backends/foreign.spec.ts waits for it',
};

/** Runs the conformance suites on the adopted stores of a package. */
export function adoptedSuites<S extends AnyStore>(foreign: Foreign<S>): void {
  const adopted = new WeakMap<SessionStore, S>();
  const title = `adopt(${foreign.name})`;
  const wrap = (open: () => Awaitable<S>) => async (options: object) => {
    const store = await open();
    const own = adopt(store, options);
    adopted.set(own, store);
    return own;
  };
  const destroy = async (own: SessionStore) => {
    await own.closeAsync();
    const store = adopted.get(own);
    if (store) await foreign.close?.(store);
  };
  let resetTime = () => {};
  const { failing, corrupt, program, supports = {}, skip = {}, skipHttp = {} } = foreign;

  storeSuite<SessionStore>({
    title,
    describe,
    it,
    // These stores look at the time of day themselves.
    create: (options) => {
      resetTime = setTimeOfDay(options.now);
      return wrap(foreign.open)(options);
    },
    destroy: async (own) => {
      resetTime();
      await destroy(own);
    },
    ...(failing && { failing: wrap(failing) }),
    ...(corrupt && { corrupt: (own, sid) => corrupt(adopted.get(own) as S, sid) }),
    ...(program && { program }),
    supports,
    skip: { ...(foreign.slow && slowCases), ...skip },
    randomIds: 100,
  });

  httpSuite<SessionStore>({
    title,
    describe,
    it,
    express,
    session,
    create: wrap(foreign.open),
    destroy,
    ...(failing && { failing: wrap(failing) }),
    skip: skipHttp,
  });
}
